/**
 * The index of a backup comes in chunks, each a member of the tar and a frame of its own, so that all of it is read by
 * ranges, without the content between. A chunk is complete by itself: its first line names the archives that its other lines
 * refer to, and those are entries, one each, in the order of their names. So a chunk can be copied into another archive as it is.
 */
import { BackupError } from '../errors';
import { memberHeader, parseMember, TarDamage, tarPadding } from '../tar';
import { formatEntry, parseEntry, type TreeEntry } from './entry';
import { bytesOf } from './name';

/** The folder of the chunks among the members of the tar. */
const INDEX_FOLDER = '.stack-backup-index';
/** Chunks are closed at whichever comes first. */
const MOST_ENTRIES = 8192;
const MOST_BYTES = 2 * 1024 * 1024;
const FIRST_BYTES = 64 * 1024;
/** As much as a chunk that is read may have: one line may be long. */
export const LARGEST_CHUNK = 16 * 1024 * 1024;
const LARGEST_TABLE = 4096 + 1;
const NEWLINE = 0x0a;

/** Collects entries into a chunk. The lines are held as bytes: as many strings would be moved about by V8 while they wait. */
export class IndexChunk {
	readonly #archives = new Map<string, number>();
	#lines = Buffer.allocUnsafeSlow(FIRST_BYTES);
	#bytes = 0;
	#count = 0;

	get isEmpty(): boolean {
		return this.#count === 0;
	}

	get isFull(): boolean {
		return this.#count >= MOST_ENTRIES || this.#bytes >= MOST_BYTES;
	}

	add(entry: TreeEntry): void {
		const line = `${formatEntry(entry, (id) => this.#ordinalOf(id))}\n`;
		// A character takes three bytes at most.
		if (this.#lines.length - this.#bytes < 3 * line.length) this.#grow(3 * line.length);
		this.#bytes += this.#lines.write(line, this.#bytes);
		this.#count++;
	}

	/** The chunk as a member of the tar; the chunk is empty from then on. @param name of the member, without its folder */
	take(name: string): Buffer {
		const head = Buffer.from(`${JSON.stringify({ archives: [...this.#archives.keys()] })}\n`);
		const size = head.length + this.#bytes;
		const facts = { mode: 0o600, uid: 0, gid: 0, modified: 0n, type: 'file' } as const;
		const header = memberHeader({ ...facts, name: bytesOf(`${INDEX_FOLDER}/${name}`), size });
		const member = Buffer.concat([header, head, this.#lines.subarray(0, this.#bytes), tarPadding(size)]);
		this.#bytes = 0;
		this.#count = 0;
		this.#archives.clear();
		return member;
	}

	#grow(more: number): void {
		const larger = Buffer.allocUnsafeSlow(2 * this.#lines.length + more);
		larger.set(this.#lines.subarray(0, this.#bytes));
		this.#lines = larger;
	}

	#ordinalOf(id: string): number {
		let ordinal = this.#archives.get(id);
		if (ordinal === undefined) this.#archives.set(id, (ordinal = this.#archives.size));
		return ordinal;
	}
}

/**
 * The entries of a chunk.
 * @param member with its header, as `take` gave it
 * @param where for messages: the archive's key
 * @throws BackupError ARCHIVE_CORRUPT
 */
export function* parseChunkMember(member: Uint8Array, where: string): Generator<TreeEntry> {
	yield* parseChunk(contentOf(member, where), where);
}

function contentOf(member: Uint8Array, where: string): Uint8Array {
	try {
		const content = parseMember(member);
		if (content) return content;
	} catch (error) {
		if (!(error instanceof TarDamage)) throw error;
	}
	throw damaged(where);
}

/** The entries of a chunk without the header of its member. @throws BackupError ARCHIVE_CORRUPT */
export function* parseChunk(content: Uint8Array, where: string): Generator<TreeEntry> {
	// Line by line, from bytes: the text of a whole chunk V8 would keep until the last of its entries had its turn.
	const lines = Buffer.from(content.buffer, content.byteOffset, content.length);
	if (lines.at(-1) !== NEWLINE) throw damaged(where);
	let at = lines.indexOf(NEWLINE) + 1;
	const archives = tableIn(lines.toString('utf8', 0, at));
	if (!archives) throw damaged(where);
	while (at < lines.length) {
		const end = lines.indexOf(NEWLINE, at);
		yield parseEntry(lines.toString('utf8', at, end), archives, where);
		at = end + 1;
	}
}

function tableIn(line: string): string[] | undefined {
	try {
		const { archives } = JSON.parse(line) as { archives?: unknown };
		if (!Array.isArray(archives) || archives.length > LARGEST_TABLE) return undefined;
		const isId = (id: unknown): id is string => typeof id === 'string' && /^[0-9a-f-]{36}$/.test(id);
		return archives.every(isId) ? archives : undefined;
	} catch {
		return undefined;
	}
}

function damaged(where: string): BackupError {
	return new BackupError('ARCHIVE_CORRUPT', `A part of the index of ${where} cannot be read.`, {
		hint: 'Choose another backup, or a copy of this one.',
	});
}
