/** The two ends of a mirror: a bucket or a folder. What each of them has to be able to do, and the words between them. */

import type { ObjectAttributes, Ranges } from '../client';

/** What a listing, or an answer to a question, tells of an object. */
export interface Listed {
	/** Relative to the place; see engine/tree/name.ts. */
	name: string;
	size: number;
	/** As long as it is the same, so is the object. Two places say it in two ways: it is never compared with the other's. */
	version: string;
	/** The same, as the place says it right after it was written there: without a time that only a listing tells. */
	writtenVersion: string;
	/** Nanoseconds since 1970. */
	modified: bigint;
	/** When the object was written here, in nanoseconds, where the place knows more of it than `modified`. */
	writtenAt?: bigint;
}

/** An object whose content can be read now. */
export interface OpenObject {
	/** As it is now: it may be another one than was listed. */
	facts: Listed;
	/** Content type, user metadata, tags and what else an object store keeps. */
	attributes: ObjectAttributes;
	/** Once, from the first to the last. @throws ObjectChanged */
	bytes: AsyncIterable<Uint8Array>;
	/** The same bytes, in pieces and as often as they are wanted; missing where they come once only. */
	ranges?: Omit<Ranges, 'confirm'>;
	/** To be called when everything was read. @throws ObjectChanged where it was changed meanwhile */
	confirm(): Promise<void>;
	close(): Promise<void>;
}

export interface WriteOptions {
	/** What `isCopy` finds again, where the place can keep it. */
	mark: string;
	/** Whether the place has listed no object of this name. */
	isNew: boolean;
	/** The name of an object that this one lies below, `a` of `a/b`: one of the source, or one that the place has. */
	below?: string | undefined;
	/** Called, where it is known, when all of the source was read and only the writing is left. */
	onRead?: () => void;
	signal: AbortSignal;
}

/** An object was replaced, changed or removed while it was read; what was read of it is worth nothing. */
export class ObjectChanged extends Error {
	override readonly name = 'ObjectChanged';
}

export interface Place {
	/** For messages: `bucket documents at minio:9000`, `folder /data`. */
	readonly description: string;
	/** The server that it is on, with whose keys; places of the same one can copy without sending bytes. Undefined for a folder. */
	readonly server: string | undefined;
	/** What it is, with its server: a place with this text at its beginning lies inside. Ends with a slash. */
	readonly identity: string;
	/**
	 * All objects in the order of compareNames, without those in folders of the mirror's own (reserved.ts). By pages: to wait for each
	 * object takes longer than to compare it.
	 * @throws BackupError where it is known that the listing is not complete; one that is not may still look as if it were
	 */
	list(signal: AbortSignal): AsyncIterable<Iterable<Listed>>;
	/** Whether a name is passed over on both sides, because the source may not be read there. */
	leavesOut?(name: string): boolean;
	/**
	 * Whether there can be an object of this name: the reason why not, as the end of a sentence.
	 * @param below as in WriteOptions
	 */
	refuses(name: string, below?: string): string | undefined;
	/** Whether an object says nothing that this place does not have by itself: it is neither copied nor told of. */
	implies?(object: Listed): boolean;
	/** One object; undefined only where it is certain that there is none. */
	ask(name: string, signal: AbortSignal): Promise<Listed | undefined>;
	/** Undefined where the object is not there, or not any more. */
	open(object: Listed, signal: AbortSignal): Promise<OpenObject | undefined>;
	/**
	 * Writes an object; it has its name only when it is whole and confirmed.
	 * @returns its `writtenVersion`
	 * @throws KeyNotTaken where it turns out that there can be no object of this name beside the others
	 */
	write(object: OpenObject, options: WriteOptions): Promise<string>;
	/**
	 * Has the server copy an object of another place of the same server.
	 * @returns its `writtenVersion`; undefined where the bytes have to be read and written
	 * @throws ObjectChanged, KeyNotTaken
	 */
	copyFrom?(
		source: Place,
		object: Listed,
		options: Pick<WriteOptions, 'below' | 'signal'>,
	): Promise<string | undefined>;
	/** Bytes of memory that writing an object of a size takes. */
	memoryFor(size: number): number;
	/**
	 * Whether an object here is known to be a copy of one at the source although nothing was recorded of it, because the run that
	 * made it was broken off.
	 */
	isCopy(here: Listed, source: Listed, mark: string, signal: AbortSignal): Promise<boolean>;
	/** Whether what is removed can be brought back by the place itself. */
	keepsVersions(signal: AbortSignal): Promise<boolean>;
	/** Gives an object another name in the same place. */
	move(object: Listed, to: string, signal: AbortSignal): Promise<void>;
	remove(name: string, signal: AbortSignal): Promise<void>;
	/**
	 * Gives up what runs that were killed have begun to write and not ended, where the place keeps that apart from its objects.
	 * @param isOurs whether an object of a name is one that this mirror writes
	 * @param before what was begun, or went on, later stays: it may be at work
	 */
	clearUnfinished?(isOurs: (name: string) => Promise<boolean>, before: Date, signal: AbortSignal): Promise<void>;
	/** Small files of the mirror's own. */
	readonly own: OwnFiles;
	/** Whole sentences of what the user has to know, as far as it has turned out. */
	warnings(): string[];
	/** Ends what goes on in the background; the place can be used again. */
	close(): void;
}

/**
 * As many bytes as a file of the mirror's own may have, which is read whole: who writes to a target must not decide how much memory
 * that takes. A head names a chunk in some dozens of bytes.
 */
export const LARGEST_OWN = 16 * 1024 * 1024;

export interface OwnFile {
	name: string;
	/** When it was written or moved there, by the clock of the server or of the file system. */
	modifiedAt: Date;
}

export interface OwnFiles {
	/** Those whose names begin so, in order. @param beginning a folder with its slash, and maybe how names in it begin */
	list(beginning: string, signal: AbortSignal): AsyncIterable<OwnFile>;
	/** Undefined where there is none. Of one that is larger than LARGEST_OWN, the beginning, which is more than that. */
	read(name: string, signal: AbortSignal): Promise<Buffer | undefined>;
	/** Replaces what is there, at once and as a whole. */
	write(name: string, content: Buffer, signal: AbortSignal): Promise<void>;
	/** Writes one where there is none. @returns false where there is one, which stays as it is */
	create(name: string, content: Buffer, signal: AbortSignal): Promise<boolean>;
}
