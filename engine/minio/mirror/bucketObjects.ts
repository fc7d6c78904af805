/** How objects of a bucket are read for a mirror, with all that belongs to them. */
import { BackupError } from '../../errors';
import {
	isObjectChanged,
	type Bucket,
	type ObjectAttributes,
	type ObjectFacts,
	type OpenOptions,
	type Tags,
} from '../client';
import { ObjectChanged, type Listed, type OpenObject } from './place';

/** User metadata of a copy: which version of which source it is of. */
export const MARK = 'stack-backup-source';
/** Larger objects are read in pieces, and sent as they are read; smaller ones take less time than a further request. */
export const RANGED_FROM = 1024 * 1024;
/** Servers that do not say how many tags an object has are asked for those of so many before it is taken that there are none. */
const TAGS_ASKED = 50;
const NOT_ALL_ASKED = `The server does not say which objects have tags. The first ${TAGS_ASKED} had none, so the others were not asked for theirs.`;
const NANOSECONDS = 1_000_000n;

export class BucketObjects {
	#hasTags = false;
	#mayReadTags: Promise<boolean> | undefined;
	#tagsAsked = 0;

	/** @param note is given what the user has to know: a whole sentence, possibly several times */
	constructor(
		private readonly bucket: Bucket,
		private readonly note: (message: string) => void,
	) {}

	/** Undefined where it is not there, or not any more. @throws BackupError; ObjectChanged */
	async open(key: string, object: Listed, signal: AbortSignal): Promise<OpenObject | undefined> {
		const isLarge = object.size > RANGED_FROM && object.writtenVersion !== '';
		return isLarge ? await this.#openRanges(key, object, signal) : await this.#openOnce(key, object, signal);
	}

	/** Without its storage class: the target has classes of its own. */
	async attributes(key: string, signal: AbortSignal): Promise<ObjectAttributes> {
		const head = await this.bucket.head(key, signal);
		return head ? await this.#attributesOf(key, head, signal) : {};
	}

	async #attributesOf(
		key: string,
		{ attributes, tagCount }: ObjectFacts,
		signal: AbortSignal,
	): Promise<ObjectAttributes> {
		const { storageClass: _, metadata = {}, ...others } = attributes;
		const { [MARK]: _mark, ...users } = metadata;
		const tags = await this.#tagsOf(key, tagCount, signal);
		const isTagged = Object.keys(tags).length > 0;
		return {
			...others,
			...(Object.keys(users).length > 0 && { metadata: users }),
			...(isTagged && { tags }),
		};
	}

	/** Servers say nothing of tags to keys that may not read them, so these are asked for once in any case. */
	async #tagsOf(key: string, tagCount: number | undefined, signal: AbortSignal): Promise<Tags> {
		this.#mayReadTags ??= this.#readsTags(key, signal);
		if (!(await this.#mayReadTags) || tagCount === 0) return {};
		if (tagCount === undefined && !this.#hasTags && this.#tagsAsked++ >= TAGS_ASKED) {
			if (!this.bucket.hasNoTags) this.note(NOT_ALL_ASKED);
			return {};
		}
		const tags = (await this.bucket.tags(key, signal)) ?? {};
		if (Object.keys(tags).length > 0) this.#hasTags = true;
		return tags;
	}

	async #readsTags(key: string, signal: AbortSignal): Promise<boolean> {
		try {
			await this.bucket.tags(key, signal);
			return true;
		} catch (error) {
			if (!(error instanceof BackupError) || error.code !== 'ACCESS_DENIED') throw error;
			this.note('The keys may not read the tags of objects (s3:GetObjectTagging), so none were copied.');
			return false;
		}
	}

	/** With the bytes on their way. */
	async #openOnce(key: string, object: Listed, signal: AbortSignal): Promise<OpenObject | undefined> {
		const { size, writtenVersion: etag } = object;
		const opened = await changing(this.bucket.open(key, { etag, listed: { size, etag }, signal }));
		if (!opened) return undefined;
		const { facts, bytes } = opened;
		const close = () => opened.close();
		try {
			return {
				facts: factsOf(object, facts),
				attributes: await this.#attributesOf(key, facts, signal),
				bytes: untilChanged(bytes),
				confirm: () => Promise.resolve(),
				close: () => Promise.resolve(close()),
			};
		} catch (error) {
			close();
			throw error;
		}
	}

	/** With nothing read yet: every reading asks for the object of this ETag. */
	async #openRanges(key: string, object: Listed, signal: AbortSignal): Promise<OpenObject | undefined> {
		const facts = await this.bucket.head(key, signal);
		const { size, writtenVersion: etag } = object;
		if (facts && facts.etag !== etag) throw new ObjectChanged();
		if (facts?.size !== size) return await this.#openOnce(key, object, signal);
		const read = (start: number, end: number) => {
			const range = start === 0 && end === size ? {} : { start, end };
			return this.#read(key, { ...range, etag, listed: { size, etag }, signal });
		};
		const bytes = facts.etagIsHash ? await this.bucket.partBytes(key, facts, signal) : undefined;
		return {
			facts: factsOf(object, facts),
			attributes: await this.#attributesOf(key, facts, signal),
			bytes: read(0, size),
			ranges: {
				parts: bytes === undefined ? undefined : { bytes, etag },
				md5: facts.etagIsHash && /^[0-9a-f]{32}$/i.test(etag) ? Buffer.from(etag, 'hex') : undefined,
				read,
			},
			confirm: () => Promise.resolve(),
			close: () => Promise.resolve(),
		};
	}

	async *#read(key: string, options: OpenOptions): AsyncGenerator<Uint8Array> {
		const opened = await changing(this.bucket.open(key, options));
		if (!opened) throw new ObjectChanged();
		try {
			yield* untilChanged(opened.bytes);
		} finally {
			opened.close();
		}
	}
}

/** What an answer says of an object that was listed. */
function factsOf(object: Listed, facts: ObjectFacts): Listed {
	// The time in a listing and the one in an answer may be rounded in two ways.
	const isAsListed = facts.etag === object.writtenVersion && facts.size === object.size;
	return isAsListed ? object : listed(object.name, facts);
}

export function listed(
	name: string,
	{ size, modifiedAt, etag }: { size: number; modifiedAt: number; etag: string },
): Listed {
	return new ListedInBucket(name, size, etag, modifiedAt);
}

/** The time in nanoseconds is computed when it is asked for: nobody asks for that of most objects. */
class ListedInBucket implements Listed {
	readonly version: string;

	constructor(
		readonly name: string,
		readonly size: number,
		readonly writtenVersion: string,
		private readonly modifiedAt: number,
	) {
		this.version = `${writtenVersion} ${Math.floor(modifiedAt / 1000)}`;
	}

	get modified(): bigint {
		return BigInt(this.modifiedAt) * NANOSECONDS;
	}
}

async function changing<T>(action: Promise<T>): Promise<T> {
	try {
		return await action;
	} catch (error) {
		throw isObjectChanged(error) ? new ObjectChanged() : error;
	}
}

async function* untilChanged(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
	try {
		yield* bytes;
	} catch (error) {
		throw isObjectChanged(error) ? new ObjectChanged() : error;
	}
}
