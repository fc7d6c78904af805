/**
 * A bucket as the source of a backup. The list of its objects says which of them are new or changed, by ETag and time; only those
 * are opened. What an answer to GET says of an object is of the same moment as its bytes, so it is stored rather than the list's.
 * Where older versions are wanted, they are listed when all current objects are: see versions/names.ts.
 */
import { BackupError } from '../errors';
import {
	shownName,
	type EntryFacts,
	type LeftOut,
	type OpenEntry,
	type Selection,
	type TreeEntry,
	type TreeSource,
} from '../tree';
import {
	isObjectChanged,
	whyObjectUnreadable,
	type Bucket,
	type ListedObject,
	type ObjectFacts,
	type OpenedObject,
} from './client';
import { MemberNames, oddName } from './memberNames';
import { isMirrorState } from './mirror/reserved';
import { etagIn, stateOf } from './state';
import { UnlistedObjects } from './unlisted';
import {
	entriesOfVersions,
	formerNameOf,
	isVersionName,
	knownAsVersion,
	memberOfVersion,
	titleOf,
	versionIn,
	type EntryVersion,
	type Versions,
} from './versions';

export interface BucketSourceOptions {
	bucket: Bucket;
	selection: Selection;
	/** What keys begin with, where the selection takes nothing else: the server lists only these. */
	prefix?: string;
	/** What the keys of the backups themselves begin with, which are left out. */
	notBelow?: string;
	/** Whether tags are backed up; by default, where the server has them. */
	tags?: boolean;
	/** By default the current ones. */
	versions?: Versions;
	/** Whether an object that cannot be read is left out and reported; by default the backup ends there. */
	skipUnreadable?: boolean;
}

/** How many entries are not current objects. */
export interface VersionCounts {
	/** Older versions, without delete markers. */
	versions: number;
	deleteMarkers: number;
}

/** An object, or a version of one. */
interface Wanted {
	key: string;
	/** Undefined for the current one. */
	versionId?: string;
}

type TagRight = 's3:GetObjectTagging' | 's3:GetObjectVersionTagging';

/** More than entries are listed before they are written. */
const MOST_AHEAD = 16_384;
/** What the server answers 404 for and lists all the same is asked for again. */
const TRIES = 3;

export class BucketSource implements TreeSource {
	readonly isAtomic = true;
	readonly former = { nameOf: formerNameOf, knownAs: knownAsVersion };
	readonly #options: BucketSourceOptions;
	readonly #names = new MemberNames();
	/** The keys of late that have another name in the tar, in order. */
	readonly #odd = new Set<string>();
	readonly #repaired = new Set<string>();
	readonly #unlisted: UnlistedObjects;
	/**
	 * Whether the keys may read tags of current objects, and of versions, which is another right: asked with the first, for
	 * servers say nothing of tags to those that may not.
	 */
	readonly #mayReadTags: Partial<Record<TagRight, Promise<boolean>>> = {};
	readonly #denied = new Set<TagRight>();
	/** Whether nothing was listed that was chosen. */
	#isEmpty = true;
	/** Counts what was listed and not left out. */
	readonly counts: VersionCounts = { versions: 0, deleteMarkers: 0 };

	constructor(options: BucketSourceOptions) {
		this.#options = options;
		this.#unlisted = new UnlistedObjects(options.bucket);
	}

	/** What the user has to know. */
	get warnings(): string[] {
		const { bucket, selection, tags = true } = this.#options;
		return [
			...(this.#isEmpty && !selection.isWhole
				? [`Nothing in the bucket ${bucket.name} fits what was chosen: the backup is empty.`]
				: selection.warnings),
			...this.#repaired,
			...this.#unlisted.warnings,
			...(tags && bucket.hasNoTags ? ['The server has no tags of objects, so none were backed up.'] : []),
			...[...this.#denied].map((right) => {
				const whose = right === 's3:GetObjectTagging' ? 'objects' : 'older versions';
				return `The keys may not read the tags of ${whose} (${right}), so none were backed up.`;
			}),
		];
	}

	async *entries(signal: AbortSignal): AsyncGenerator<EntryFacts> {
		for await (const entry of this.#listed(signal)) {
			this.#isEmpty = false;
			yield entry;
		}
	}

	async *#listed(signal: AbortSignal): AsyncGenerator<EntryFacts> {
		yield* this.#current(signal);
		if (this.#options.versions === 'all') yield* this.#versions(signal);
	}

	async *#current(signal: AbortSignal): AsyncGenerator<EntryFacts> {
		const { bucket, prefix = '' } = this.#options;
		const onRepaired = (message: string) => void this.#repaired.add(message);
		for await (const object of bucket.list({ prefix, signal, onRepaired })) {
			const name = this.#names.nameOf(object.key);
			if (!this.#takes(object.key)) continue;
			if (name !== object.key) this.#noteOdd(object.key);
			yield listedFacts(object);
		}
	}

	async unlisted(known: TreeEntry, signal: AbortSignal): Promise<EntryFacts | undefined> {
		const { name } = known;
		if (isVersionName(name)) return await this.#unlistedVersion(known, signal);
		if (!name.startsWith(this.#options.prefix ?? '') || !this.#takes(name)) return undefined;
		const facts = await this.#unlisted.find(known, signal);
		// Which keys are beside it in the tar is not known here, so it has a name of its own there in any case.
		if (facts) this.#noteOdd(name);
		return facts;
	}

	/** Where several versions have one time, removing the first of them changes the names of the others. */
	async #hasOtherName({ name }: TreeEntry, { key, versionId }: EntryVersion, signal: AbortSignal): Promise<boolean> {
		for await (const listed of this.#options.bucket.listVersions({ prefix: key, signal })) {
			if (listed.key !== key) return false;
			const same = entriesOfVersions(listed).find(({ attributes }) => attributes?.['versionId'] === versionId);
			return same !== undefined && same.name !== name;
		}
		return false;
	}

	async #unlistedVersion(known: TreeEntry, signal: AbortSignal): Promise<EntryFacts | undefined> {
		const { versions, prefix = '' } = this.#options;
		const version = versionIn(known);
		// No request tells by itself whether a delete marker is there.
		if (versions !== 'all' || !version || version.isDeleteMarker) return undefined;
		if (!version.key.startsWith(prefix) || !this.#takes(version.key)) return undefined;
		if (await this.#hasOtherName(known, version, signal)) return undefined;
		const facts = await this.#unlisted.findVersion(known, version, signal);
		if (facts) this.#count(facts, 1);
		return facts;
	}

	async *#versions(signal: AbortSignal): AsyncGenerator<EntryFacts> {
		const { bucket, prefix = '' } = this.#options;
		const onRepaired = (message: string) => void this.#repaired.add(message);
		for await (const listed of bucket.listVersions({ prefix, signal, onRepaired })) {
			if (!this.#takes(listed.key)) continue;
			for (const entry of entriesOfVersions(listed)) {
				this.#count(entry, 1);
				yield entry;
			}
		}
	}

	#takes(key: string): boolean {
		const { selection, notBelow } = this.#options;
		if (isMirrorState(key)) return false;
		return selection.takes(key) && (notBelow === undefined || !key.startsWith(notBelow));
	}

	#count(entry: EntryFacts, by: 1 | -1): void {
		const version = versionIn(entry);
		if (version) this.counts[version.isDeleteMarker ? 'deleteMarkers' : 'versions'] += by;
	}

	async open(listed: EntryFacts, signal: AbortSignal): Promise<OpenEntry | LeftOut> {
		const version = versionIn(listed);
		if (version?.isDeleteMarker) return openEntry(listed, { bytes: none(), close: () => {} });
		const opened = await this.#open(listed, version ?? { key: listed.name }, signal);
		if ('leftOut' in opened) this.#count(listed, -1);
		return opened;
	}

	async #open(listed: EntryFacts, wanted: Wanted, signal: AbortSignal): Promise<OpenEntry | LeftOut> {
		const opened = await this.#opened(listed, wanted, signal).catch((error: unknown) => this.#unreadable(error));
		if ('leftOut' in opened) return opened;
		try {
			const tags = await this.#tagsOf(wanted, opened.facts, signal);
			const facts = openedFacts(listed, opened.facts, tags);
			// No other version can be replaced: this one is, by what is stored while the bucket keeps no versions.
			const isReplaced = wanted.versionId === 'null' && facts.state !== listed.state;
			if (!isReplaced) return openEntry(facts, opened);
			opened.close();
			return { leftOut: 'it was replaced while the backup ran' };
		} catch (error) {
			opened.close();
			if (error instanceof BackupError || !isObjectChanged(error)) throw error;
			throw changedError(this.#options.bucket.name, wanted.key);
		}
	}

	#unreadable(error: unknown): LeftOut {
		const leftOut = this.#options.skipUnreadable ? whyObjectUnreadable(error) : undefined;
		if (leftOut === undefined) throw error;
		return { leftOut };
	}

	memberName({ name }: EntryFacts): string {
		if (isVersionName(name)) return memberOfVersion(name);
		return this.#odd.has(name) ? oddName(name) : name;
	}

	titleOf({ name }: EntryFacts): string {
		return titleOf(name);
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
	async #opened(
		{ size, state = '' }: EntryFacts,
		wanted: Wanted,
		signal: AbortSignal,
	): Promise<OpenedObject | LeftOut> {
		const { bucket } = this.#options;
		const { key, versionId } = wanted;
		const listed = { size, etag: etagIn(state) };
		for (let tries = 1; ; tries++) {
			const opened = await bucket.open(key, { listed, ...(versionId !== undefined && { versionId }), signal });
			if (opened) return opened;
			const head = await bucket.head(key, signal, versionId);
			const isThere = head !== undefined || (await this.#isListed(wanted, signal));
			if (!isThere) return { leftOut: 'it was removed while the backup ran' };
			if (tries < TRIES) continue;
			throw new BackupError(
				'SOURCE_FAILED',
				`The server lists ${shownName(key)} ${versionId === undefined ? '' : `in the version ${versionId} `}in the bucket ${bucket.name}, and answers that there is no such object.`,
				{
					hint: 'It may be damaged on the server, whose log may say more. To back up the others, leave it out by a pattern.',
				},
			);
		}
	}

	async #isListed({ key, versionId }: Wanted, signal: AbortSignal): Promise<boolean> {
		if (versionId !== undefined) return await this.#isVersionListed(key, versionId, signal);
		for await (const object of this.#options.bucket.list({ prefix: key, until: key, signal })) {
			if (object.key === key) return true;
		}
		return false;
	}

	async #isVersionListed(key: string, versionId: string, signal: AbortSignal): Promise<boolean> {
		for await (const listed of this.#options.bucket.listVersions({ prefix: key, signal })) {
			return listed.key === key && listed.versions.some((version) => version.versionId === versionId);
		}
		return false;
	}

	/** Servers that say how many tags an object has say nothing where there are none; the others have to be asked for each. */
	async #tagsOf(
		object: Wanted,
		{ tagCount }: ObjectFacts,
		signal: AbortSignal,
	): Promise<Readonly<Record<string, string>> | undefined> {
		const { bucket, tags: wanted = true } = this.#options;
		if (!wanted) return undefined;
		const { key, versionId } = object;
		const right = versionId === undefined ? 's3:GetObjectTagging' : 's3:GetObjectVersionTagging';
		this.#mayReadTags[right] ??= this.#readsTags(object, right, signal);
		if (!(await this.#mayReadTags[right]) || bucket.hasNoTags || tagCount === 0) return undefined;
		const tags = await bucket.tags(key, signal, versionId);
		return tags && Object.keys(tags).length > 0 ? tags : undefined;
	}

	async #readsTags({ key, versionId }: Wanted, right: TagRight, signal: AbortSignal): Promise<boolean> {
		try {
			await this.#options.bucket.tags(key, signal, versionId);
			return true;
		} catch (error) {
			if (!(error instanceof BackupError) || error.code !== 'ACCESS_DENIED') throw error;
			this.#denied.add(right);
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

function openedFacts(
	listed: EntryFacts,
	{ size, modifiedAt, etag, versionId, attributes }: ObjectFacts,
	tags: Readonly<Record<string, string>> | undefined,
): EntryFacts {
	const { state = '', modified, attributes: own, ...others } = listed;
	const version = versionIn(listed);
	// Answers tell times to the second, lists to the millisecond.
	const listedAt = Number(modified / 1_000_000n);
	const isAsListed = stateOf(etag, listedAt) === state && Math.floor(listedAt / 1000) === Math.floor(modifiedAt / 1000);
	return {
		...others,
		size,
		modified: isAsListed ? modified : BigInt(modifiedAt) * 1_000_000n,
		state: isAsListed ? state : stateOf(etag, modifiedAt),
		attributes: { ...attributes, etag, ...(versionId && { versionId }), ...(tags && { tags }), ...(version && own) },
	};
}

async function* none(): AsyncGenerator<Uint8Array> {}

function openEntry(facts: EntryFacts, opened: Pick<OpenedObject, 'bytes' | 'close'>): OpenEntry {
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
