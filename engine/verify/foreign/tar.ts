/**
 * How bytes move through: one pass, front to back; a header of 512 bytes at a time, members' content is passed over chunk
 * by chunk. Unlike the walk of engine/qdrant/snapshot, which knows what snapshots hold and refuses all else, this one takes
 * what tar, bsdtar and Python write: links, pax headers, long names, sparse files.
 */
import { ByteCursor, EndedEarly } from '../../archive/cursor';
import { BackupError } from '../../errors';
import { checksumOf } from './recognise';

const BLOCK = 512;
const MAX_PAX_BYTES = 1024 * 1024;
const MAX_SPARSE_BLOCKS = 1_000_000;

/** Members that say something of the next one, or of all, and are none themselves. */
const EXTENSIONS = new Set(['x', 'g', 'L', 'K', 'X']);

export interface TarContents {
	members: number;
	/** Of the members' content. */
	bytes: number;
	/** Whether its members are those of a Qdrant snapshot. */
	looksLikeSnapshot: boolean;
	/** Whether it is a dump of pg_dump --format=tar. */
	looksLikeDump: boolean;
}

/**
 * Walks a tar to its end: every header, every member, the padding, the two blocks that end it, and nothing but zeros after.
 * @throws BackupError ARCHIVE_CORRUPT, ARCHIVE_INCOMPLETE; what the source throws
 */
export async function walkForeignTar(source: AsyncIterable<Uint8Array>): Promise<TarContents> {
	const walk = new TarWalk(new ByteCursor(source));
	try {
		return await walk.run();
	} catch (error) {
		if (!(error instanceof EndedEarly)) throw error;
		throw new BackupError('ARCHIVE_INCOMPLETE', `The tar ends too early, ${walk.where}.`, {
			hint: 'The file was cut off. Fetch it again, or choose another one.',
		});
	}
}

class TarWalk {
	#members = 0;
	#bytes = 0;
	#isSnapshotPart = false;
	#isConfigured = false;
	#isDump = false;
	/** What a pax header said of the next member. */
	#nextSize: number | undefined;

	constructor(readonly cursor: ByteCursor) {}

	/** No names: they are content, too. */
	get where(): string {
		return `after ${this.cursor.position} bytes and ${this.#members} members`;
	}

	async run(): Promise<TarContents> {
		for (;;) {
			const block = await this.cursor.take(BLOCK);
			if (isZero(block)) break;
			await this.#member(Buffer.from(block));
		}
		if (!isZero(await this.cursor.take(BLOCK))) throw this.#damaged('has only one of the two blocks that end it');
		await this.#end();
		return {
			members: this.#members,
			bytes: this.#bytes,
			looksLikeSnapshot: this.#isConfigured && this.#isSnapshotPart,
			looksLikeDump: this.#isDump,
		};
	}

	/** Writers fill the last record up with zeros; they are the only thing that may follow. */
	async #end(): Promise<void> {
		try {
			for await (const chunk of this.cursor.pass(Infinity)) {
				if (!isZero(chunk)) throw this.#damaged('has other bytes behind its end');
			}
		} catch (error) {
			if (!(error instanceof EndedEarly)) throw error;
		}
	}

	async #member(header: Buffer): Promise<void> {
		const type = header.toString('latin1', 156, 157);
		const name = cString(header.subarray(0, 100));
		this.#assertChecksum(header);
		const stated = this.#numberAt(header, 124, 136);
		if (type === 'x' || type === 'g') return await this.#pax(type, stated);
		const size = this.#nextSize ?? stated;
		if (!EXTENSIONS.has(type)) {
			this.#nextSize = undefined;
			this.#members++;
			this.#look(name.replace(/^\.\//, ''), type);
			if (type === 'S') await this.#sparseBlocks(header[482] === 1);
		}
		// Links and devices have no content, whatever size they state.
		const stored = /^[1-6]$/.test(type) && type !== '1' ? 0 : size;
		if (!EXTENSIONS.has(type)) this.#bytes += stored;
		await this.#skip(stored);
	}

	#look(name: string, type: string): void {
		if (this.#members === 1 && name === 'toc.dat') this.#isDump = true;
		if (name === 'config.json') this.#isConfigured = true;
		if (/^\d+\/(?:segments|wal|replica_state\.json|shard_config\.json)/.test(name)) this.#isSnapshotPart = true;
		if (/^[^/]+\.snapshot$/.test(name)) this.#isSnapshotPart = true;
		if (/^segments\/|^replica_state\.json$/.test(name) && type !== '2') {
			this.#isSnapshotPart = true;
			if (name === 'replica_state.json') this.#isConfigured = true;
		}
	}

	async #pax(type: string, size: number): Promise<void> {
		if (size > MAX_PAX_BYTES) throw this.#damaged('has a header of unlikely length');
		const text = Buffer.from(await this.cursor.take(size));
		const found = this.#paxSize(text);
		if (type === 'x') this.#nextSize = found ?? this.#nextSize;
		await this.#padding();
	}

	/** Records of `length key=value\n`, where the length counts all of the record (POSIX.1-2001, pax). */
	#paxSize(records: Buffer): number | undefined {
		let size: number | undefined;
		for (let at = 0; at < records.length;) {
			const space = records.indexOf(0x20, at);
			const digits = records.toString('latin1', at, Math.max(at, space));
			const end = at + Number.parseInt(digits, 10);
			const isWhole = /^\d+$/.test(digits) && end <= records.length && end > space && records[end - 1] === 0x0a;
			if (!isWhole) throw this.#damaged('has a pax header that cannot be read');
			const match = /^size=(\d+)$/.exec(records.toString('latin1', space + 1, end - 1));
			if (match) size = Number(match[1]);
			at = end;
		}
		return size;
	}

	async #sparseBlocks(more: boolean): Promise<void> {
		for (let blocks = 0; more; blocks++) {
			if (blocks === MAX_SPARSE_BLOCKS) throw this.#damaged('has a sparse file in unlikely many pieces');
			more = (await this.cursor.take(BLOCK))[504] === 1;
		}
	}

	async #skip(bytes: number): Promise<void> {
		await this.cursor.skipTo(this.cursor.position + bytes);
		await this.#padding();
	}

	async #padding(): Promise<void> {
		const padding = await this.cursor.take((BLOCK - (this.cursor.position % BLOCK)) % BLOCK);
		if (!isZero(padding)) throw this.#damaged('has other bytes than zeros after a member');
	}

	#assertChecksum(header: Buffer): void {
		if (this.#numberAt(header, 148, 156) === checksumOf(header)) return;
		throw this.#damaged('has a header whose checksum is wrong');
	}

	/** Octal digits, or big-endian binary behind a byte of 0x80 (GNU). */
	#numberAt(header: Buffer, start: number, end: number): number {
		const field = header.subarray(start, end);
		if (field[0] === 0x80) {
			const value = Number(BigInt(`0x${field.toString('hex', 1)}`));
			if (Number.isSafeInteger(value)) return value;
		}
		const text = field.toString('latin1');
		if (/^[ \0]*$/.test(text)) return 0;
		const digits = /^ *([0-7]+)[ \0]*$/.exec(text)?.[1];
		if (digits === undefined) throw this.#damaged('has a header that cannot be read');
		return Number.parseInt(digits, 8);
	}

	#damaged(what: string): BackupError {
		return new BackupError('ARCHIVE_CORRUPT', `The tar ${what}, ${this.where}.`, {
			hint: 'Do not rely on it. Fetch it again, or choose another one.',
		});
	}
}

function isZero(bytes: Uint8Array): boolean {
	return bytes.every((byte) => byte === 0);
}

function cString(bytes: Buffer): string {
	const end = bytes.indexOf(0);
	return bytes.toString('utf8', 0, end < 0 ? bytes.length : end);
}
