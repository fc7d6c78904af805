/** Where the entries of a backup come from: a folder, a bucket. Each system brings one. */
import type { EntryFacts, TreeEntry } from './entry';

export interface TreeSource {
	/**
	 * Whether entries are only ever replaced as a whole, so that one that could not be read as it was at one moment is a piece of
	 * something, and is left out. By default such a file is stored as it was read last, and said to be so: logs grow all the time.
	 */
	readonly isAtomic?: true;
	/**
	 * All entries, each once, in the order of compareNames. What is not to be backed up is left out here already.
	 * @throws BackupError where the list may not be complete: a backup without an end is none
	 */
	entries(signal: AbortSignal): AsyncIterable<EntryFacts>;
	/**
	 * An entry as it is now that an earlier backup has and `entries` has not; undefined where it is certainly gone, or not to be
	 * backed up. For sources whose list is no proof that something is not there. Several are asked for at once.
	 */
	unlisted?(known: TreeEntry, signal: AbortSignal): Promise<EntryFacts | undefined>;
	/** For entries that may have had another name in an earlier backup, under which it has their content. */
	readonly former?: {
		/**
		 * That name. Of entries that are listed one after the other, these names are in order, too. Undefined for an entry that had no
		 * other one.
		 */
		nameOf(entry: EntryFacts): string | undefined;
		/** What the earlier backup says of an entry, made from what it has under the former name; undefined where that is something else. */
		knownAs(entry: EntryFacts, found: TreeEntry): TreeEntry | undefined;
	};
	/** Opens the content of a file. Several are open at once. @throws BackupError what ends the whole backup */
	open(entry: EntryFacts, signal: AbortSignal): Promise<OpenEntry | LeftOut>;
	/**
	 * Reads a small file whole, where that is cheaper than to open it. There may be fewer or more bytes than `facts.size`, the
	 * size now, where it was changed meanwhile. Hundreds are asked for at once.
	 */
	readWhole?(entry: EntryFacts, signal: AbortSignal): Promise<WholeEntry | LeftOut>;
	/**
	 * Whether a hard link that was listed still has the content that was read under the name that it leads to: that may have gone
	 * meanwhile, or become another file. Where it does not, it is read as a file of its own.
	 */
	isLinkValid?(link: EntryFacts): boolean;
	/** What the member of the tar is called, where that cannot be the name: see `unpackableName`. */
	memberName?(entry: EntryFacts): string;
	/** What messages call an entry, where its name is not for people. */
	titleOf?(entry: EntryFacts): string;
	/** In every case, at the end. */
	close?(): void;
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
	/** For the reader alone; it may be lent. */
	content: Uint8Array;
	/** The hash of the content in hex, where it is known. */
	sha256?: string;
	/** Whether all of it was read as it was at one moment. */
	isUnchanged: boolean;
}

/** Why an entry that was listed is not in the backup: it is gone, or it cannot be read and the user wants to go on. */
export interface LeftOut {
	leftOut: string;
}
