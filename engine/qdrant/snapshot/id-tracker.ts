/**
 * Counts the points of a segment from the files of its id tracker, as Qdrant 1.16 writes them (found by looking at real
 * ones; little-endian throughout), byte by byte as they stream by:
 * - `mutable_id_tracker.mappings` is a log: a byte for the kind of change (1 and 2 insert a number or UUID, 3 and 4
 *   delete one), the id of 8 or 16 bytes, and for an insert the internal id of 4 bytes;
 * - `id_tracker.mappings` is a list: the number of entries in 8 bytes, then for each a byte for the kind of id (0 number,
 *   1 UUID), the id, and the internal id; `id_tracker.deleted` has a bit for each, set where the point is gone.
 */
const NUMBER_BYTES = 8;
const UUID_BYTES = 16;
const INTERNAL_BYTES = 4;
const COUNT_BYTES = 8;

/** Bytes that follow each kind of change, and what it does to the number of points. */
const CHANGES = new Map([
	[1, { length: NUMBER_BYTES + INTERNAL_BYTES, points: 1 }],
	[2, { length: UUID_BYTES + INTERNAL_BYTES, points: 1 }],
	[3, { length: NUMBER_BYTES, points: -1 }],
	[4, { length: UUID_BYTES, points: -1 }],
]);

const ENTRIES = new Map([
	[0, { length: NUMBER_BYTES + INTERNAL_BYTES, points: 1 }],
	[1, { length: UUID_BYTES + INTERNAL_BYTES, points: 1 }],
]);

/** What came of reading a tracker's file: the points, or the end of a sentence on what is wrong with it. */
export type Counted = { points: number } | { problem: string };

/** Reads a `mutable_id_tracker.mappings`. */
export async function countLogged(chunks: AsyncIterable<Uint8Array>): Promise<Counted> {
	const records = new Records(CHANGES);
	for await (const chunk of chunks) records.write(chunk);
	if (records.problem) return { problem: records.problem };
	return records.points < 0 ? { problem: 'deletes more points than it inserts' } : { points: records.points };
}

/** Reads an `id_tracker.mappings`, deleted points included. */
export async function countListed(chunks: AsyncIterable<Uint8Array>): Promise<Counted> {
	const records = new Records(ENTRIES);
	let head = Buffer.alloc(0);
	for await (const chunk of chunks) {
		const wanted = COUNT_BYTES - head.length;
		if (wanted > 0) head = Buffer.concat([head, chunk.subarray(0, wanted)]);
		records.write(chunk.subarray(Math.max(0, wanted)));
	}
	if (records.problem) return { problem: records.problem };
	if (head.length < COUNT_BYTES || Number(head.readBigUInt64LE()) !== records.points) {
		return { problem: 'holds another number of points than it states' };
	}
	return { points: records.points };
}

/** The set bits of an `id_tracker.deleted`. */
export async function countBits(chunks: AsyncIterable<Uint8Array>): Promise<number> {
	let bits = 0;
	for await (const chunk of chunks) {
		for (let byte of chunk) for (; byte; byte &= byte - 1) bits++;
	}
	return bits;
}

/** Steps from record to record: one byte that tells the kind, then as many as the kind has. */
class Records {
	points = 0;
	#toSkip = 0;
	#unknown: number | undefined;

	constructor(private readonly kinds: ReadonlyMap<number, { length: number; points: number }>) {}

	get problem(): string | undefined {
		if (this.#unknown !== undefined) return `holds a record of an unknown kind (${this.#unknown})`;
		return this.#toSkip > 0 ? 'ends in the middle of a record' : undefined;
	}

	write(chunk: Uint8Array): void {
		let at = 0;
		while (at < chunk.length && this.#unknown === undefined) {
			if (this.#toSkip === 0) this.#begin(chunk[at++]!);
			const skipped = Math.min(this.#toSkip, chunk.length - at);
			this.#toSkip -= skipped;
			at += skipped;
		}
	}

	#begin(kind: number): void {
		const record = this.kinds.get(kind);
		if (!record) {
			this.#unknown = kind;
			return;
		}
		this.points += record.points;
		this.#toSkip = record.length;
	}
}
