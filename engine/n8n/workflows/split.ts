/**
 * Cuts JSON into its workflows while it streams: the elements of one array, or one object. How bytes move: they are looked at
 * once, for brackets outside of strings; an element is collected until its last bracket and handed out. So memory holds one
 * element, whatever the length of the file. What an element holds is for the JSON parser to judge.
 */
import { BackupError } from '../../errors';

export interface SplitLimits {
	/** Bytes of one element. */
	element: number;
	/** How deep arrays and objects may stand in one another. n8n's own come to twenty or so. */
	depth: number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

/** `element` collects one; the others wait for what may stand there. */
type State = 'start' | 'first' | 'next' | 'element' | 'behind' | 'end';

/**
 * @param name Of the file, for messages.
 * @throws BackupError ARCHIVE_CORRUPT, ARCHIVE_INCOMPLETE, INVALID_INPUT (JSON, but no list of objects; larger than the limits);
 * what the source throws
 */
export async function* splitJson(
	source: AsyncIterable<Uint8Array>,
	name: string,
	limits: SplitLimits,
): AsyncGenerator<Buffer> {
	const splitter = new Splitter(name, limits);
	for await (const chunk of source) yield* splitter.add(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
	splitter.finish();
}

class Splitter {
	#state: State = 'start';
	#isList = false;
	#marks = 0;
	#depth = 0;
	#isString = false;
	#isEscaped = false;
	#pieces: Buffer[] = [];
	#bytes = 0;

	constructor(
		private readonly name: string,
		private readonly limits: SplitLimits,
	) {}

	*add(chunk: Buffer): Generator<Buffer> {
		let begin = this.#state === 'element' ? 0 : -1;
		for (let at = 0; at < chunk.length; at++) {
			if (this.#state !== 'element') {
				if (!this.#between(chunk[at]!)) continue;
				begin = at;
			}
			at = this.#skipString(chunk, at);
			if (at >= chunk.length || !this.#within(chunk[at]!)) continue;
			this.#keep(chunk.subarray(begin, at + 1));
			begin = -1;
			yield this.#taken();
		}
		if (begin >= 0) this.#keep(chunk.subarray(begin));
	}

	finish(): void {
		if (this.#state === 'end' || (this.#state === 'behind' && !this.#isList)) return;
		throw new BackupError('ARCHIVE_INCOMPLETE', `${this.name} ends too early to be whole JSON.`, {
			hint: 'The file was cut off. Fetch it again, or choose another one.',
		});
	}

	/** Judges a byte outside of elements; whether it begins one. */
	#between(byte: number): boolean {
		if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) return false;
		if (this.#state === 'start') {
			if (byte === BYTE_ORDER_MARK[this.#marks]) {
				this.#marks++;
				return false;
			}
			if (byte === 0x5b) {
				this.#isList = true;
				this.#state = 'first';
				return false;
			}
		}
		const isClosed = byte === 0x5d && this.#isList && (this.#state === 'first' || this.#state === 'behind');
		if (isClosed) {
			this.#state = 'end';
			return false;
		}
		if (byte === 0x2c && this.#isList && this.#state === 'behind') {
			this.#state = 'next';
			return false;
		}
		if (this.#state === 'end' || this.#state === 'behind') throw this.#stranger(byte);
		if (byte !== 0x7b) throw this.#noObject();
		this.#state = 'element';
		this.#depth = 0;
		return true;
	}

	/** Where a string that began before goes on, its end, or the end of the chunk. */
	#skipString(chunk: Buffer, from: number): number {
		if (!this.#isString) return from;
		for (let at = from; at < chunk.length; at++) {
			const byte = chunk[at]!;
			if (this.#isEscaped) this.#isEscaped = false;
			else if (byte === BACKSLASH) this.#isEscaped = true;
			else if (byte === QUOTE) return at;
		}
		return chunk.length;
	}

	/** Counts brackets; whether the element ends with this byte. */
	#within(byte: number): boolean {
		if (byte === QUOTE) this.#isString = !this.#isString;
		else if (byte === 0x7b || byte === 0x5b) {
			if (++this.#depth > this.limits.depth) {
				throw new BackupError(
					'INVALID_INPUT',
					`${this.name} holds values inside of values, too deep to be workflows.`,
					{
						hint: 'n8n makes no such files. Choose another one.',
					},
				);
			}
		} else if (byte === 0x7d || byte === 0x5d) this.#depth--;
		if (this.#depth > 0) return false;
		this.#state = 'behind';
		return true;
	}

	#keep(piece: Buffer): void {
		this.#bytes += piece.length;
		if (this.#bytes > this.limits.element) {
			const mib = Math.floor(this.limits.element / 1024 ** 2);
			throw new BackupError('INVALID_INPUT', `${this.name} holds a workflow of more than ${mib} MiB.`, {
				hint: 'n8n itself takes workflows of 16 MiB (N8N_PAYLOAD_SIZE_MAX). Choose another file.',
			});
		}
		// The chunk may be used again by whoever made it.
		this.#pieces.push(Buffer.from(piece));
	}

	#taken(): Buffer {
		const element = Buffer.concat(this.#pieces, this.#bytes);
		this.#pieces = [];
		this.#bytes = 0;
		return element;
	}

	#stranger(byte: number): BackupError {
		if (!this.#isList && byte === 0x7b) {
			return new BackupError('INVALID_INPUT', `${this.name} holds several JSON values, one after the other.`, {
				hint: 'If n8n export:entities has made it, it is a table of the database: n8n import:entities takes it. Here, files of n8n export:workflow are read.',
			});
		}
		return new BackupError('ARCHIVE_CORRUPT', `${this.name} is not valid JSON to its end.`, {
			hint: 'It was damaged or edited. Fetch it again, or choose another one.',
		});
	}

	#noObject(): BackupError {
		return new BackupError('INVALID_INPUT', `${this.name} holds no workflows of n8n.`, {
			hint: 'Choose a file that Export has made, n8n export:workflow, or Download in the editor of n8n.',
		});
	}
}
