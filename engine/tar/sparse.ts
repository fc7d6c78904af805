import { parseNumber, TarDamage } from './fields';

/** A run of bytes of a sparse file that is stored; what lies between two runs is zeros. */
export interface SparseRun {
	offset: number;
	length: number;
}

/** Entries in the header itself, then in each block that follows it (GNU's old sparse format, the one of Rust's `tar`). */
export const SPARSE_HEADER_ENTRIES = 4;
export const SPARSE_BLOCK_ENTRIES = 21;
/** Where header and following block say that another block follows. */
export const SPARSE_EXTENDED_OFFSET = 482;
export const SPARSE_BLOCK_EXTENDED_OFFSET = 504;

const ENTRY_BYTES = 24;

/** Entries of two numbers of 12 bytes; an entry of zeros ends them. @throws TarDamage */
export function parseSparseEntries(bytes: Uint8Array, count: number, blockOffset: number): SparseRun[] {
	const runs: SparseRun[] = [];
	for (let index = 0; index < count; index++) {
		const entry = bytes.subarray(index * ENTRY_BYTES, (index + 1) * ENTRY_BYTES);
		if (entry.every((byte) => byte === 0)) continue;
		if (runs.length < index) throw new TarDamage(blockOffset, 'has a gap in the list of a sparse file');
		const offset = parseNumber(entry.subarray(0, 12));
		const length = parseNumber(entry.subarray(12));
		if (offset === undefined || length === undefined) {
			throw new TarDamage(blockOffset, 'has a list of a sparse file that holds no numbers');
		}
		runs.push({ offset, length });
	}
	return runs;
}

/** A block of further entries, which no checksum covers. @throws TarDamage */
export function parseSparseBlock(block: Uint8Array, blockOffset: number): { runs: SparseRun[]; more: boolean } {
	const more = block[SPARSE_BLOCK_EXTENDED_OFFSET];
	if (more! > 1 || !block.subarray(SPARSE_BLOCK_EXTENDED_OFFSET + 1).every((byte) => byte === 0)) {
		throw new TarDamage(blockOffset, 'has a damaged list of a sparse file');
	}
	return { runs: parseSparseEntries(block, SPARSE_BLOCK_ENTRIES, blockOffset), more: more === 1 };
}

/** As many pieces of one file as are held in memory. */
export const MOST_RUNS = 1_000_000;

/** Follows the runs of one file: in order, apart, inside the file, and together as long as what is stored of it. */
export class SparseCheck {
	/** All of them, in order. */
	readonly runs: SparseRun[] = [];
	#end = 0;
	#stored = 0;

	constructor(
		private readonly size: number,
		private readonly headerOffset: number,
	) {}

	/** @throws TarDamage */
	add(runs: SparseRun[]): void {
		for (const { offset, length } of runs) {
			if (offset < this.#end || offset + length > this.size) {
				throw new TarDamage(this.headerOffset, 'has a sparse file whose pieces overlap or lie outside it');
			}
			if (this.runs.length === MOST_RUNS) {
				throw new TarDamage(this.headerOffset, 'has a sparse file in unlikely many pieces');
			}
			this.runs.push({ offset, length });
			this.#end = offset + length;
			this.#stored += length;
		}
	}

	/** @throws TarDamage */
	finish(storedSize: number): void {
		if (this.#stored === storedSize) return;
		throw new TarDamage(this.headerOffset, 'has a sparse file whose pieces do not add up to its size');
	}
}
