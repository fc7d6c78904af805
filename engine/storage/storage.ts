import type { Readable } from 'node:stream';

import type { BackupError } from '../errors';

import type { StorageFeatures } from './features';

/** An object as a storage lists it. Keys are relative, with forward slashes: `postgres/shop_20260131_020000.sql.zst`. */
export interface StoredObject {
	key: string;
	/** Bytes. */
	size: number;
	modifiedAt: Date;
	/** Changes with the content; missing where the storage has none, and outside of listings. */
	etag?: string;
	/** Names the bytes that several objects share (hard links in a folder); missing where they are this object's alone. */
	sharedAs?: string;
}

/** An object that `write` has stored. */
export interface WrittenObject extends StoredObject {
	/**
	 * Whether it is certain that nobody has written under this key at the same moment. Some S3 servers let a second writer replace what the
	 * first one has just created: who relies on being the only one looks again there.
	 */
	isOnlyOurs?: boolean;
}

/** What keeps an object from being deleted, whatever the caller's rights: S3 object lock. */
export interface DeletionLock {
	/** The time until which it is retained. */
	until?: Date;
	/** Held until somebody lifts it. */
	legalHold: boolean;
}

export interface WriteOptions {
	signal?: AbortSignal;
	/** Bytes expected, where known: lets a storage refuse at once what it has no room for. */
	expectedSize?: number;
	/**
	 * Bytes that it may come to, as far as its source can tell, where they are not known: rather too many than too few. Lets a
	 * storage choose pieces that are large enough for all of it; nothing is refused because of it.
	 */
	estimatedSize?: number;
	/**
	 * Whether the storage may find out by this small object that it creates none twice, for whoever goes on to create many: it may be
	 * sent once more, so it must be one that nobody else writes, and no claim of anything.
	 */
	isProof?: boolean;
	/** Whether it is soon replaced or removed: a storage that keeps what it gets from being deleted (S3 object lock) lets this go. */
	isPassing?: boolean;
}

/** The same for `replace`, where they apply. */
export type ReplaceOptions = Pick<WriteOptions, 'signal' | 'isPassing'>;

export interface ReadOptions {
	/** First byte wanted. */
	start?: number;
	/** The byte after the last one wanted. */
	end?: number;
	signal?: AbortSignal;
	/** Whether chunks may be lent (lent.ts), for a reader that gives back those that it is done with. */
	lends?: boolean;
}

export interface ListOptions {
	/** Only keys that come after this one in the order of their bytes: what comes before it costs no page. */
	after?: string;
	/** Only keys that come before this one; what comes behind it costs no page where a storage lists in that order. */
	before?: string;
	/** A folder with its slash whose content is left out: it may hold far more than all the rest. */
	without?: string;
}

/** When a file of lines is put aside and a new one begun. */
export interface Rotation {
	/** Bytes from which on it is put aside. */
	maxBytes: number;
	/** How many files there are at most, with the one that is written to. */
	files: number;
}

/** An object that could not be removed. */
export interface RemovalFailure {
	key: string;
	error: BackupError;
}

/**
 * Reads a small object whole; undefined where it is too large for that (`read` streams it). Throws what `read` throws,
 * CANCELLED too.
 */
export type SmallReader = (key: string, signal?: AbortSignal) => Promise<Buffer | undefined>;

/**
 * Where archives live. Invariants that every implementation keeps and test/integration/storage proves:
 * - an object that `write` has not finished is never visible under its key, whatever kills the process;
 * - `write` never overwrites: a key in use fails with STORAGE_EXISTS and leaves the object as it was;
 * - a failed or cancelled `write` leaves nothing behind (what a kill leaves, `sweep` finds);
 * - keys cannot name anything outside the storage's root.
 *
 * All methods throw BackupError: STORAGE_UNREACHABLE, STORAGE_DENIED, STORAGE_FULL, STORAGE_MISSING, STORAGE_FAILED,
 * INVALID_INPUT (a key that is not allowed), CANCELLED.
 */
export interface Storage {
	/** True where nobody else writes or looks: names need not be claimed, and nothing but archives is to be stored. */
	readonly isOneRuns?: true;

	/** For messages and manifests: `folder backups`, `bucket nightly at s3.example.com`. No secrets. */
	readonly description: string;

	/** Stores a stream of unknown length in bounded memory. Resolves once the object is durable and visible. */
	write(key: string, source: AsyncIterable<Uint8Array>, options?: WriteOptions): Promise<WrittenObject>;

	/**
	 * Copies an object within the storage while its bytes stay where they are: by a hard link in a folder, by the server in
	 * a bucket. Like `write` it never overwrites. Undefined where the file system or the server cannot: then the bytes have
	 * to be read and written. Storages without the method cannot either.
	 * @throws BackupError STORAGE_MISSING, STORAGE_EXISTS, and what all methods throw
	 */
	copy?(fromKey: string, toKey: string, options?: { signal?: AbortSignal }): Promise<StoredObject | undefined>;

	/**
	 * Like `copy`, out of another storage: by the server, where one server with one access key has both. Undefined where that is not
	 * so, or the server cannot. Storages without the method cannot either.
	 * @throws BackupError as `copy` does
	 */
	copyFrom?(
		source: Storage,
		fromKey: string,
		toKey: string,
		options?: { signal?: AbortSignal },
	): Promise<StoredObject | undefined>;

	/** What keeps an object from being deleted; undefined where nothing does, or where the storage knows no such thing. */
	deletionLock?(key: string, signal?: AbortSignal): Promise<DeletionLock | undefined>;

	/**
	 * What people should know of deletions here, in whole sentences, as far as `deletionLock` has seen it: that the storage
	 * keeps older versions, for instance. Storages without the method have nothing to tell.
	 */
	deletionNotes?(): string[];

	/** Creates or atomically replaces a small object (a manifest, a verification record). */
	replace(key: string, content: Uint8Array, options?: ReplaceOptions): Promise<void>;

	/** Streams an object, or a range of it. Throws STORAGE_MISSING before the first byte where there is none. */
	read(key: string, options?: ReadOptions): Promise<Readable>;

	/**
	 * For the many small objects (manifests) that one run reads: quicker than `read` for each, for it may remember where
	 * their folders are. Not to be kept for longer. Storages without the method have nothing to gain by it.
	 */
	smallReader?(): SmallReader;

	/** Undefined where there is no such object. */
	stat(key: string): Promise<StoredObject | undefined>;

	/** Every finished object whose key begins with the prefix, in no promised order. */
	list(prefix: string, options?: ListOptions): AsyncIterable<StoredObject>;

	/**
	 * Appends a line to a file that people follow, whoever else appends to it at that time. What is too long is put aside as
	 * `<key>.1`, `<key>.2`, and so on. Storages without the method have no files that can be appended to.
	 * @param line without its end
	 */
	appendLine?(key: string, line: string, rotation: Rotation): Promise<void>;

	/** Removes an object; fine where there is none. */
	remove(key: string): Promise<void>;

	/**
	 * Removes many objects, in no promised order. What is not among the failures is gone when this resolves, and stays gone
	 * when the machine stops; so is what was not there.
	 * @returns what could not be removed, a key that is not allowed (INVALID_INPUT) among it; the others went all the same
	 * @throws BackupError CANCELLED and STORAGE_UNREACHABLE (some may be gone)
	 */
	removeMany(keys: readonly string[], signal?: AbortSignal): Promise<RemovalFailure[]>;

	/**
	 * Points `pointerKey` (`postgres/shop_latest`) at an object beside it: a relative symlink in a folder, a small JSON
	 * object in a bucket.
	 */
	setLatest(pointerKey: string, targetKey: string): Promise<void>;

	/** The key that a pointer names, or undefined where there is no pointer. */
	readLatest(pointerKey: string): Promise<string | undefined>;

	/** Bytes free, where the storage can tell. */
	freeBytes(): Promise<number | undefined>;

	/** Bytes of the disk that `freeBytes` is a part of. Storages without the method cannot tell. */
	totalBytes?(): Promise<number | undefined>;

	/**
	 * Finds out what it can do, by scratch objects that are removed again, also when this is cancelled. Storages without the method have
	 * nothing to tell.
	 * @param scratch the beginning of keys that nobody else uses: `.stack-backup/setup-check-1`
	 */
	features?(scratch: string, signal?: AbortSignal): Promise<StorageFeatures>;

	/**
	 * Removes what interrupted writes left before `olderThan`; returns the keys they were meant for.
	 * @param isWanted decides by these keys what is looked at; default all
	 */
	sweep(olderThan: Date, signal?: AbortSignal, isWanted?: (key: string) => boolean): Promise<string[]>;
}
