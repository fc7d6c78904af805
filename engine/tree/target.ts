/** Where the entries of a restore go: a folder, a bucket. Each system brings one. */
import type { TreeEntry } from './entry';

/** What is to happen to what is there already and is not the same. */
export const EXISTING = ['fail', 'skip', 'overwrite'] as const;
export type Existing = (typeof EXISTING)[number];

/** What stands in the place of an entry. */
export type Found = 'nothing' | 'same' | 'other';

export interface TreeTarget {
	/** Whether it gives back each chunk of a content that it has written (storage/lent.ts). */
	readonly givesBack?: true;
	/**
	 * Called with each entry before anything is written: whether it can be restored there at all.
	 * @throws BackupError INVALID_INPUT, ARCHIVE_CORRUPT for a name that leads out of the target
	 */
	accept?(entry: TreeEntry): void;
	/**
	 * Called once when all entries were accepted, before the first is written: whether there is room, and the right to write.
	 * @param totals `bytes` of what is certainly to be written; all `entries`
	 * @throws BackupError
	 */
	prepare?(totals: { bytes: number; entries: number }, signal: AbortSignal): Promise<void>;
	/**
	 * Called with each entry that is restored, in the order of names, whenever the index is read to write some of them: what is known
	 * of an entry by those before it.
	 */
	pass?(entry: TreeEntry): void;
	/**
	 * What stands at the place of an entry: nothing, the very same (an earlier run has restored it, or it never changed), or
	 * something else. Asked before each `write`.
	 */
	look(entry: TreeEntry, signal: AbortSignal): Promise<Found> | Found;
	/**
	 * Writes a file under a name of its own and gives it its real name only when the content came to its end without an error, so
	 * that what stands there is always whole. Several are written at once.
	 */
	writeFile(entry: TreeEntry, content: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void>;
	/**
	 * The same for a small file without holes, where that is cheaper. Hundreds are written at once. The content is compared with the
	 * hash of the entry here: false where it is not the same, and nothing was written.
	 */
	writeWhole?(entry: TreeEntry, content: Uint8Array, signal: AbortSignal): Promise<boolean>;
	/** Makes what has no content: a directory, a link. Asked for in the order of names; of directories, hundreds are asked for at once. */
	make(entry: TreeEntry, signal: AbortSignal): Promise<void>;
	/**
	 * Called for a file whose very content stands there already, before it is passed over: sets what else belongs to it and is
	 * missing, for an earlier restore may have broken between the two.
	 */
	complete?(entry: TreeEntry, signal: AbortSignal): Promise<void>;
	/** When all entries are there, for each directory, those in it first: its time, which changes while files are written into it. Several
	 * are asked for at once, and done in this order. */
	finishDirectory?(entry: TreeEntry, signal: AbortSignal): Promise<void>;
	/** In every case, at the end. */
	close?(): Promise<void>;
}
