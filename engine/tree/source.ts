/** Where the entries of a backup come from: a folder, a bucket. Each system brings one. */
import type { EntryFacts } from './entry';

export interface TreeSource {
	/**
	 * All entries, each once, in the order of compareNames. What is not to be backed up is left out here already.
	 * @throws BackupError where the list may not be complete: a backup without an end is none
	 */
	entries(signal: AbortSignal): AsyncIterable<EntryFacts>;
	/** Opens the content of a file. Several are open at once. @throws BackupError what ends the whole backup */
	open(entry: EntryFacts, signal: AbortSignal): Promise<OpenEntry | LeftOut>;
	/**
	 * Reads a small file whole, where that is cheaper than to open it. There may be fewer or more bytes than `facts.size`, the
	 * size now, where it was changed meanwhile.
	 */
	readWhole?(entry: EntryFacts, signal: AbortSignal): Promise<WholeEntry | LeftOut>;
	/**
	 * Whether a hard link that was listed still has the content that was read under the name that it leads to: that may have gone
	 * meanwhile, or become another file. Where it does not, it is read as a file of its own.
	 */
	isLinkValid?(link: EntryFacts): boolean;
	/** What the member of the tar is called, where that cannot be the name: see `unpackableName`. */
	memberName?(entry: EntryFacts): string;
}

/** The content of a file, and what is known of it now that it is open. */
export interface OpenEntry {
	/** As it is now: what was listed may have changed since. */
	facts: EntryFacts;
	/**
	 * Its content, once. The chunks are for the reader alone. There may be fewer or more bytes than `facts.size`, where it was
	 * changed meanwhile.
	 */
	bytes: AsyncIterable<Uint8Array>;
	/** After the last byte: whether all of it was read as it was at one moment. */
	isUnchanged(): Promise<boolean>;
	/** In every case, at the end. */
	close(): Promise<void>;
}

/** The content of a small file. */
export interface WholeEntry {
	/** As it is now that it was read. */
	facts: EntryFacts;
	content: Uint8Array;
	/** Whether all of it was read as it was at one moment. */
	isUnchanged: boolean;
}

/** Why an entry that was listed is not in the backup: it is gone, or it cannot be read and the user wants to go on. */
export interface LeftOut {
	leftOut: string;
}
