/**
 * A bucket as the source of a backup. The list of its objects says which of them are new or changed, by ETag and time; only those
 * are opened. What an answer to GET says of an object is of the same moment as its bytes, so it is stored rather than the list's.
 */
import { BackupError } from '../errors';
import { shownName, type EntryFacts, type LeftOut, type OpenEntry, type Selection, type TreeSource } from '../tree';
import { isObjectChanged, type Bucket, type ListedObject, type ObjectFacts, type OpenedObject } from './client';
import { MemberNames, oddName } from './memberNames';

export interface BucketSourceOptions {
	bucket: Bucket;
	selection: Selection;
	/** What keys begin with, where the selection takes nothing else: the server lists only these. */
	prefix?: string;
	/** Whether tags are backed up; by default, where the server has them. */
	tags?: boolean;
}

/** More than entries are listed before they are written. */
const MOST_AHEAD = 16_384;
/** What the server answers 404 for and lists all the same is asked for again. */
const TRIES = 3;

export class BucketSource implements TreeSource {
	readonly #options: BucketSourceOptions;
	readonly #names = new MemberNames();
	/** The keys of late that have another name in the tar, in order. */
	readonly #odd = new Set<string>();
	readonly #repaired = new Set<string>();
	/** Whether the keys may read tags: asked with the first object, for servers say nothing of tags to those that may not. */
	#mayReadTags: Promise<boolean> | undefined;
	#areTagsDenied = false;

	constructor(options: BucketSourceOptions) {
		this.#options = options;
	}

	/** What the user has to know. */
	get warnings(): string[] {
		const { bucket, tags = true } = this.#options;
		return [
			...this.#repaired,
			...(tags && bucket.hasNoTags ? ['The server has no tags of objects, so none were backed up.'] : []),
			...(this.#areTagsDenied
				? ['The keys may not read the tags of objects (s3:GetObjectTagging), so none were backed up.']
				: []),
		];
	}

	async *entries(signal: AbortSignal): AsyncGenerator<EntryFacts> {
		const { bucket, selection, prefix = '' } = this.#options;
		const onRepaired = (message: string) => void this.#repaired.add(message);
		for await (const object of bucket.list({ prefix, signal, onRepaired })) {
			const name = this.#names.nameOf(object.key);
			if (!selection.takes(object.key)) continue;
			if (name !== object.key) this.#noteOdd(object.key);
			yield listedFacts(object);
		}
	}

	async open(listed: EntryFacts, signal: AbortSignal): Promise<OpenEntry | LeftOut> {
		const { bucket } = this.#options;
		const key = listed.name;
		const opened = await this.#opened(key, signal);
		if ('leftOut' in opened) return opened;
		try {
			const tags = await this.#tagsOf(key, opened.facts, signal);
			const facts = openedFacts(listed, opened.facts, tags);
			return openEntry(facts, opened);
		} catch (error) {
			opened.close();
			throw error instanceof BackupError || !isObjectChanged(error) ? error : changedError(bucket.name, key);
		}
	}

	memberName({ name }: EntryFacts): string {
		return this.#odd.has(name) ? oddName(name) : name;
	}

	/** Entries are written some thousands after they were listed at most, so older ones are forgotten. */
	#noteOdd(key: string): void {
		this.#odd.add(key);
		if (this.#odd.size <= MOST_AHEAD) return;
		for (const oldest of this.#odd) {
			this.#odd.delete(oldest);
			return;
		}
	}

	/** An object that is listed, and is not there, is asked for again, and its list too, before that is believed. */
	async #opened(key: string, signal: AbortSignal): Promise<OpenedObject | LeftOut> {
		const { bucket } = this.#options;
		for (let tries = 1; ; tries++) {
			const opened = await bucket.open(key, { signal });
			if (opened) return opened;
			const isThere = (await bucket.head(key, signal)) !== undefined || (await this.#isListed(key, signal));
			if (!isThere) return { leftOut: 'it was removed while the backup ran' };
			if (tries < TRIES) continue;
			throw new BackupError(
				'SOURCE_FAILED',
				`The server lists ${shownName(key)} in the bucket ${bucket.name}, and answers that there is no such object.`,
				{
					hint: 'It may be damaged on the server, whose log may say more. To back up the others, leave it out by a pattern.',
				},
			);
		}
	}

	async #isListed(key: string, signal: AbortSignal): Promise<boolean> {
		for await (const object of this.#options.bucket.list({ prefix: key, until: key, signal })) {
			if (object.key === key) return true;
		}
		return false;
	}

	/** Servers that say how many tags an object has say nothing where there are none; the others have to be asked for each. */
	async #tagsOf(
		key: string,
		{ tagCount }: ObjectFacts,
		signal: AbortSignal,
	): Promise<Readonly<Record<string, string>> | undefined> {
		const { bucket, tags: wanted = true } = this.#options;
		if (!wanted) return undefined;
		this.#mayReadTags ??= this.#readsTags(key, signal);
		if (!(await this.#mayReadTags) || bucket.hasNoTags || tagCount === 0) return undefined;
		const tags = await bucket.tags(key, signal);
		return tags && Object.keys(tags).length > 0 ? tags : undefined;
	}

	async #readsTags(key: string, signal: AbortSignal): Promise<boolean> {
		try {
			await this.#options.bucket.tags(key, signal);
			return true;
		} catch (error) {
			if (!(error instanceof BackupError) || error.code !== 'ACCESS_DENIED') throw error;
			this.#areTagsDenied = true;
			return false;
		}
	}
}

function listedFacts({ key, size, modifiedAt, etag, storageClass }: ListedObject): EntryFacts {
	return {
		name: key,
		type: 'file',
		size,
		modified: BigInt(modifiedAt) * 1_000_000n,
		state: stateOf(etag, modifiedAt),
		...(storageClass && storageClass !== 'STANDARD' && { attributes: { storageClass } }),
	};
}

/** As long as both are the same, so are content and metadata; an overwrite with the same content changes the time. */
function stateOf(etag: string, modifiedAt: number): string {
	return `${etag} ${modifiedAt}`;
}

function openedFacts(
	listed: EntryFacts,
	{ size, modifiedAt, etag, versionId, attributes }: ObjectFacts,
	tags: Readonly<Record<string, string>> | undefined,
): EntryFacts {
	const { state = '', modified, ...others } = listed;
	// Answers tell times to the second, lists to the millisecond.
	const listedAt = Number(modified / 1_000_000n);
	const isAsListed = stateOf(etag, listedAt) === state && Math.floor(listedAt / 1000) === Math.floor(modifiedAt / 1000);
	return {
		...others,
		size,
		modified: isAsListed ? modified : BigInt(modifiedAt) * 1_000_000n,
		state: isAsListed ? state : stateOf(etag, modifiedAt),
		attributes: { ...attributes, etag, ...(versionId && { versionId }), ...(tags && { tags }) },
	};
}

function openEntry(facts: EntryFacts, opened: OpenedObject): OpenEntry {
	let isChanged = false;
	const bytes = async function* () {
		try {
			yield* opened.bytes;
		} catch (error) {
			if (!isObjectChanged(error)) throw error;
			isChanged = true;
		}
	};
	return {
		facts,
		bytes: bytes(),
		isUnchanged: () => Promise.resolve(!isChanged),
		close: () => {
			opened.close();
			return Promise.resolve();
		},
	};
}

function changedError(bucket: string, key: string): BackupError {
	return new BackupError('SOURCE_FAILED', `${shownName(key)} in the bucket ${bucket} was replaced while it was read.`, {
		hint: 'Run it again.',
	});
}
