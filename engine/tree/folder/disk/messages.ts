/** What the threads say to each other of which one does the calls of the file system: many calls in one message. */
import type { BigIntStats } from 'node:fs';

import type { Attributes, WriteOrders } from './write-orders';

/** As in engine/tree/name.ts, relative to the root; that of a directory may end with a slash. */
type Name = string;

/** What is to be done; all of it below one folder. */
export interface Batch {
	/** Absolute, as engine/tree/name.ts has it. */
	root: string;
	/** Whether folders that are held open may be of no use any more. */
	isForgotten: boolean;
	/** Directories to be listed. */
	lists: Name[];
	/** Entries to be looked at, in groups. */
	looks: Name[][];
	/** Directories to be made, in this order: where one cannot be, neither are those that follow. */
	makes: Name[];
	/** Files to be read, with the bytes that each is expected to have. */
	reads: { names: Name[]; sizes: number[] };
	writes: WriteOrders;
	/** Directories that are complete, in this order. */
	finishes: FinishOrder[];
	/** Memory that was used, to be filled again. It is shared: to hand it over each time would make garbage for V8 to collect. */
	slabs: SharedArrayBuffer[];
}

/** What came of it, in the same order. */
export interface Outcome {
	lists: (Name[] | Failure)[];
	looks: Looked[];
	/** By the place of the directory: what became of those that were not made. */
	makes: Map<number, 'found' | Failure>;
	reads: Looked & {
		/** For each file the slab that its content is in, the offset there, and its length. */
		places: Int32Array;
		/** The SHA-256 of each file, 64 characters. */
		hashes: string;
	};
	/** By the place of the file: what became of those that are not there under their names. */
	writes: Map<number, NotNamed>;
	/** By the place of the file: when it was modified, where that is wanted. */
	times: Map<number, bigint>;
	finishes: (Failure | undefined)[];
	slabs: SharedArrayBuffer[];
}

/** A file was written and could not be given its name; its content is not what it should be, and nothing was written; or it could not. */
export type NotNamed = 'written' | 'changed' | Failure;

export interface FinishOrder {
	name: Name;
	attributes: Attributes;
}

export interface Looked {
	stats: BigInt64Array;
	/** By the place of the entry. */
	failures: Map<number, Failure>;
}

/** What a call was answered with. */
export interface Failure {
	code: string;
	message: string;
}

/** What a call gives, or what it was answered with. @throws what the file system did not say */
export function attempt<T>(call: () => T): T | Failure {
	try {
		return call();
	} catch (error) {
		const { code, message } = error as NodeJS.ErrnoException;
		if (code === undefined) throw error;
		return { code, message };
	}
}

/** What is known of an entry; as much as is used of BigIntStats. */
export type FileStat = Pick<
	BigIntStats,
	| 'dev'
	| 'ino'
	| 'mode'
	| 'nlink'
	| 'uid'
	| 'gid'
	| 'size'
	| 'blocks'
	| 'mtimeNs'
	| 'ctimeNs'
	| 'isFile'
	| 'isDirectory'
	| 'isSymbolicLink'
>;

const FIELDS = 10;

export function statsOf(count: number): BigInt64Array {
	return new BigInt64Array(count * FIELDS);
}

export function putStat(stats: BigInt64Array, index: number, stat: BigIntStats): void {
	const at = index * FIELDS;
	stats[at] = stat.dev;
	stats[at + 1] = stat.ino;
	stats[at + 2] = stat.mode;
	stats[at + 3] = stat.nlink;
	stats[at + 4] = stat.uid;
	stats[at + 5] = stat.gid;
	stats[at + 6] = stat.size;
	stats[at + 7] = stat.blocks;
	stats[at + 8] = stat.mtimeNs;
	stats[at + 9] = stat.ctimeNs;
}

/** stat(2), the bits of a mode that say what an entry is. */
const [TYPE_BITS, FILE, DIRECTORY, LINK] = [0o170000n, 0o100000n, 0o040000n, 0o120000n];

/** One of many, as it came from the other thread. Numbers are made when asked for: thousands of these wait for their turn. */
export class PackedStat implements FileStat {
	readonly #stats: BigInt64Array;
	readonly #at: number;

	constructor(stats: BigInt64Array, index: number) {
		this.#stats = stats;
		this.#at = index * FIELDS;
	}

	get dev(): bigint {
		return this.#stats[this.#at]!;
	}

	get ino(): bigint {
		return this.#stats[this.#at + 1]!;
	}

	get mode(): bigint {
		return this.#stats[this.#at + 2]!;
	}

	get nlink(): bigint {
		return this.#stats[this.#at + 3]!;
	}

	get uid(): bigint {
		return this.#stats[this.#at + 4]!;
	}

	get gid(): bigint {
		return this.#stats[this.#at + 5]!;
	}

	get size(): bigint {
		return this.#stats[this.#at + 6]!;
	}

	get blocks(): bigint {
		return this.#stats[this.#at + 7]!;
	}

	get mtimeNs(): bigint {
		return this.#stats[this.#at + 8]!;
	}

	get ctimeNs(): bigint {
		return this.#stats[this.#at + 9]!;
	}

	isFile(): boolean {
		return (this.mode & TYPE_BITS) === FILE;
	}

	isDirectory(): boolean {
		return (this.mode & TYPE_BITS) === DIRECTORY;
	}

	isSymbolicLink(): boolean {
		return (this.mode & TYPE_BITS) === LINK;
	}
}
