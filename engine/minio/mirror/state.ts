/**
 * What a mirror remembers of each copy: the source's version and the target's, as they were when the copy was made. The
 * versions of two servers are never compared with each other, so this is what tells an unchanged object from a changed one, and
 * by listings alone.
 *
 * It lies in the target, in chunks of sorted records. A head names the chunks; it is replaced at once, so that what it
 * names is always consistent, and a chunk is never changed. While a mirror runs, chunks in which nothing changed are taken over as
 * they are. A checkpoint is a head of new chunks up to a name and old ones from there on; the old chunk in the middle is
 * read only after that name.
 */
import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';

/** A copy that was made. */
export interface StateRecord {
	name: string;
	size: number;
	/** Version of the source. */
	source: string;
	/** Version of the target. */
	target: string;
}

export interface ChunkRef {
	/** Its file. */
	key: string;
	/** Only its records after this name count. */
	after?: string;
}

export interface StateHead {
	format: 1;
	chunks: readonly ChunkRef[];
}

/** Chunks are closed at whichever comes first. */
export const CHUNK_RECORDS = 8192;
const CHUNK_BYTES = 2 * 1024 * 1024;
const FIRST_BYTES = 64 * 1024;
/** What is read of a chunk has these limits: characters that JSON escapes take six times as many bytes, and a chunk may get some more. */
const LARGEST_CHUNK = 32 * 1024 * 1024;
const MOST_RECORDS = 8 * CHUNK_RECORDS;
const MAX_TEXT = 64 * 1024;
const NEWLINE = 0x0a;

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

/**
 * Records on their way to a chunk. They are held as the bytes of their lines: as many objects would be moved about by V8 while they
 * wait.
 */
export class ChunkLines {
	#lines = Buffer.allocUnsafeSlow(FIRST_BYTES);
	#bytes = 0;
	#count = 0;

	get isEmpty(): boolean {
		return this.#count === 0;
	}

	get isFull(): boolean {
		return this.#count >= CHUNK_RECORDS || this.#bytes >= CHUNK_BYTES;
	}

	add({ name, size, source, target }: StateRecord): void {
		const line = `${JSON.stringify([name, size, source, target])}\n`;
		// A character takes three bytes at most.
		const most = this.#bytes + 3 * line.length;
		if (most > this.#lines.length) {
			const larger = Buffer.allocUnsafeSlow(2 * most);
			larger.set(this.#lines.subarray(0, this.#bytes));
			this.#lines = larger;
		}
		this.#bytes += this.#lines.write(line, this.#bytes);
		this.#count++;
	}

	clear(): void {
		this.#bytes = 0;
		this.#count = 0;
	}

	/** The chunk. None is to be added meanwhile. */
	async chunk(): Promise<Buffer> {
		return await compress(this.#lines.subarray(0, this.#bytes));
	}
}

/** The records of a chunk, up to what cannot be read of it. @param onBad called then */
export async function recordsIn(content: Uint8Array, onBad: () => void): Promise<Iterable<StateRecord>> {
	try {
		return parsed(await decompress(content, { maxOutputLength: LARGEST_CHUNK }), onBad);
	} catch {
		onBad();
		return [];
	}
}

/** One by one, from bytes: what V8 holds of a whole chunk it would move about until the last of it had its turn. */
function* parsed(lines: Buffer, onBad: () => void): Generator<StateRecord, void> {
	let count = 0;
	for (let at = 0; at < lines.length;) {
		const newline = lines.indexOf(NEWLINE, at);
		const end = newline < 0 ? lines.length : newline;
		const record = end > at ? recordIn(lines.toString('utf8', at, end)) : undefined;
		if (!record || ++count > MOST_RECORDS) return onBad();
		yield record;
		at = end + 1;
	}
}

function recordIn(line: string): StateRecord | undefined {
	try {
		return recordOf(JSON.parse(line));
	} catch {
		return undefined;
	}
}

function recordOf(read: unknown): StateRecord | undefined {
	if (!Array.isArray(read) || read.length !== 4) return undefined;
	const [name, size, source, target] = read as unknown[];
	const isSize = typeof size === 'number' && Number.isSafeInteger(size) && size >= 0;
	return isSize && isText(name) && isText(source) && isText(target) ? { name, size, source, target } : undefined;
}

function isText(value: unknown): value is string {
	return typeof value === 'string' && value.length <= MAX_TEXT;
}

export function formatHead(chunks: readonly ChunkRef[]): Buffer {
	return Buffer.from(JSON.stringify({ format: 1, chunks } satisfies StateHead));
}

/** Undefined for what is no head, or one of a later form. */
export function parseHead(content: Uint8Array): ChunkRef[] | undefined {
	try {
		const { format, chunks } = JSON.parse(Buffer.from(content).toString('utf8')) as Partial<Record<string, unknown>>;
		if (format !== 1 || !Array.isArray(chunks)) return undefined;
		const isRef = (chunk: Partial<ChunkRef>) =>
			typeof chunk.key === 'string' &&
			/^[0-9a-f-]{36}$/.test(chunk.key) &&
			(chunk.after === undefined || isText(chunk.after));
		return (chunks as ChunkRef[]).every(isRef) ? (chunks as ChunkRef[]) : undefined;
	} catch {
		return undefined;
	}
}
