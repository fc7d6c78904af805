/**
 * Files to be written, on their way to the thread: as a few long values, for a hundred objects with a dozen properties each take
 * longer to be handed over than the files to be written.
 */
/** What belongs to a file or directory besides its content. */
export interface Attributes {
	owner: { uid: number; gid: number } | undefined;
	mode: number | undefined;
	/** Since 1970: when it was modified. */
	seconds: number;
}

/** A file to be written whole. */
export interface NewFile {
	name: string;
	/** What it is called while it is written, beside its place. */
	partial: string;
	/** Must not change until it was written. */
	content: Uint8Array;
	/** What the content must have, in hex. */
	sha256: string;
	attributes: Attributes;
	/** Whether it may take the place of what has its name. */
	replaces: boolean;
	/** Whether its content has to be on the disk before it gets its name. */
	isDurable: boolean;
	/** Called with its time of modification, in nanoseconds, as the file system has kept it. */
	onTime?: ((modified: bigint) => void) | undefined;
}

/** The same in the thread. */
export interface WriteOrder extends Omit<NewFile, 'content' | 'onTime'> {
	/** Where the content lies in the shared memory. */
	offset: number;
	length: number;
	isTimeWanted: boolean;
}

export interface WriteOrders {
	names: string[];
	partials: string[];
	hashes: string[];
	/** For each file its offset, length, whether it replaces, whether its time is wanted, whether it is durable, time, mode, owner and group; -1 for what is not set. */
	numbers: Float64Array;
	/** The contents, one behind the other. */
	contents: SharedArrayBuffer | undefined;
}

const FIELDS = 9;

/** @param contents as large as all contents together */
export function packOrders(files: readonly NewFile[], contents: SharedArrayBuffer): WriteOrders {
	const bytes = new Uint8Array(contents);
	const numbers = new Float64Array(FIELDS * files.length);
	let offset = 0;
	for (const [index, { content, attributes, replaces, isDurable, onTime }] of files.entries()) {
		const { seconds, mode = -1, owner: { uid, gid } = { uid: -1, gid: -1 } } = attributes;
		const flags = [replaces, onTime !== undefined, isDurable].map(Number);
		const facts = [offset, content.length, ...flags, seconds, mode, uid, gid];
		numbers.set(facts, FIELDS * index);
		bytes.set(content, offset);
		offset += content.length;
	}
	return {
		names: files.map(({ name }) => name),
		partials: files.map(({ partial }) => partial),
		hashes: files.map(({ sha256 }) => sha256),
		numbers,
		contents: files.length > 0 ? contents : undefined,
	};
}

export function orderAt({ names, partials, hashes, numbers }: WriteOrders, index: number): WriteOrder {
	const facts = numbers.subarray(FIELDS * index, FIELDS * (index + 1));
	const [offset = 0, length = 0, replaces = 0, isTimeWanted = 0, isDurable = 0, ...others] = facts;
	const [seconds = 0, mode = -1, uid = -1, gid = -1] = others;
	return {
		name: names[index]!,
		partial: partials[index]!,
		sha256: hashes[index]!,
		offset,
		length,
		replaces: replaces === 1,
		isTimeWanted: isTimeWanted === 1,
		isDurable: isDurable === 1,
		attributes: {
			seconds,
			mode: mode < 0 ? undefined : mode,
			owner: uid < 0 ? undefined : { uid, gid },
		},
	};
}
