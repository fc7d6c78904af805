/**
 * A bucket as the target of a restore. An object appears whole, with its attributes, or not at all; where nothing may be
 * overwritten, the server itself is asked to refuse that (conditional writes), where it can.
 */
import { isDeepStrictEqual } from 'node:util';

import { BackupError } from '../errors';
import { shownName, type Existing, type TreeEntry, type TreeTarget } from '../tree';
import { attributesFrom, headersOf, KeyNotTaken, type Bucket, type ObjectAttributes, type ObjectFacts } from './client';
import { KeysAbove } from './keysAbove';
import { ListedKeys } from './listedKeys';
import { RefusedKeys } from './refusedKeys';
import type { UnfinishedUploads } from './unfinished';
import { hasContent, type StandingObject } from './sameContent';
import { isVersionName, keyOfVersion, titleOf, versionIn } from './versions';

export interface BucketTargetOptions {
	bucket: Bucket;
	existing: Existing;
	/** Stands before all keys. */
	prefix?: string;
	/** This is taken away from the beginning of the backup's keys. */
	withoutPrefix?: string;
	/** What earlier restores have left, which goes before anything is written. */
	unfinished?: UnfinishedUploads;
	/** Called for what the server does not take and objects are stored without. */
	onLeftOut?: (message: string) => void;
}

/**
 * Of an object that is restored, unless the user sets another size. Five of them are in memory, beside what was read of the archive and
 * what is decompressed of it.
 */
export const PART_BYTES = 8 * 1024 * 1024;

/** S3's limit, in bytes of UTF-8. */
export const MAX_KEY_BYTES = 1024;

export class BucketTarget implements TreeTarget {
	readonly givesBack = true;
	readonly #options: BucketTargetOptions;

	readonly #listed: ListedKeys;
	readonly #above = new KeysAbove();
	/** Which object an entry lies below. */
	readonly #below = new WeakMap<TreeEntry, string>();
	/** What was not written because of its key. */
	readonly refused = new RefusedKeys();

	constructor(options: BucketTargetOptions) {
		this.#options = options;
		this.#listed = new ListedKeys(options.bucket, options.prefix ?? '');
	}

	accept(entry: TreeEntry): void {
		assertObject(entry);
		if (versionIn(entry)?.isDeleteMarker) throw isDeleteMarker(entry.name);
		const name = keyOfVersion(entry.name);
		const { withoutPrefix = '', unfinished } = this.#options;
		if (!name.startsWith(withoutPrefix)) {
			throw new BackupError(
				'INVALID_INPUT',
				`${shownName(name)} does not begin with the prefix that is to be removed, ${shownName(withoutPrefix)}; nothing was written.`,
				{ hint: 'Restore only what begins with it: beside the others, two objects could get one key.' },
			);
		}
		const key = this.keyOf(name);
		const bytes = Buffer.byteLength(key);
		if (key !== '' && bytes <= MAX_KEY_BYTES) return unfinished?.note(key);
		throw new BackupError(
			'INVALID_INPUT',
			key === ''
				? `Without its prefix, ${shownName(name)} has no name; nothing was written.`
				: `The key ${shownName(key)} would have ${bytes} bytes, and S3 takes ${MAX_KEY_BYTES}; nothing was written.`,
			{ hint: 'Choose another prefix, or leave the object out.' },
		);
	}

	async prepare(): Promise<void> {
		await this.#options.unfinished?.giveUp();
	}

	/** Where an object of the backup goes, and an older version that is restored in its place. */
	keyOf(name: string): string {
		const { prefix = '', withoutPrefix = '' } = this.#options;
		return prefix + keyOfVersion(name).slice(withoutPrefix.length);
	}

	/**
	 * What the list does not have counts as nothing: whoever may not overwrite is kept from it by `writeFile`, which asks the server for
	 * the object itself.
	 */
	async look(entry: TreeEntry, signal: AbortSignal): Promise<'nothing' | 'same' | 'other'> {
		const { bucket, existing } = this.#options;
		const key = this.keyOf(entry.name);
		// The keys of older versions are hashes, in no order.
		const isInOrder = !isVersionName(entry.name);
		if (isInOrder && !(await this.#listed.find(key, signal))) return 'nothing';
		const found = await bucket.head(key, signal);
		if (!found) return 'nothing';
		if (found.size !== entry.size) return 'other';
		// Whoever overwrites wants the attributes of the backup, too.
		if (existing === 'overwrite' && !hasAttributes(found.attributes, attributesFrom(entry.attributes))) return 'other';
		return (await hasContent(bucket, key, entry, objectNow(found), signal)) ? 'same' : 'other';
	}

	pass(entry: TreeEntry): void {
		const above = this.#above.of(this.keyOf(entry.name));
		if (above !== undefined) this.#below.set(entry, above);
	}

	/** An object whose key the server does not take is noted in `refused`, and keeps no other from being written. */
	async writeFile(entry: TreeEntry, content: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
		const { bucket, existing, onLeftOut } = this.#options;
		try {
			await bucket.put(this.keyOf(entry.name), content, {
				size: entry.size,
				attributes: attributesFrom(entry.attributes),
				replaces: existing === 'overwrite',
				below: this.#below.get(entry),
				signal,
				...(onLeftOut && { onLeftOut }),
			});
		} catch (error) {
			if (!(error instanceof KeyNotTaken)) throw error;
			this.refused.add(entry.name, error);
		}
	}

	/** Tags come after the content. Others than those of the backup are only replaced where that was asked for. */
	async complete(entry: TreeEntry, signal: AbortSignal): Promise<void> {
		const { bucket, existing, onLeftOut } = this.#options;
		const { tags = {} } = attributesFrom(entry.attributes);
		if (Object.keys(tags).length === 0) return;
		const key = this.keyOf(entry.name);
		const found = (await bucket.tags(key, signal)) ?? {};
		const isMissing = Object.keys(found).length === 0;
		if (!isMissing && (existing !== 'overwrite' || isDeepStrictEqual({ ...found }, { ...tags }))) return;
		await bucket.tag(key, { attributes: { tags }, signal, ...(onLeftOut && { onLeftOut }) });
	}

	make({ name }: TreeEntry): Promise<void> {
		return Promise.reject(new Error(`${name} has no content.`));
	}

	async close(): Promise<void> {
		await this.#listed.close();
	}
}

/** @throws BackupError ARCHIVE_CORRUPT for what no bucket can hold */
export function assertObject({ name, type }: TreeEntry): void {
	if (type === 'file' && (isVersionName(name) || Buffer.byteLength(name) <= MAX_KEY_BYTES)) return;
	const what = type === 'file' ? 'has a longer name than any object' : 'is no object';
	throw new BackupError('ARCHIVE_CORRUPT', `The backup holds ${shownName(name)}, which ${what}; nothing was written.`, {
		hint: 'No backup of a bucket has such an entry. Do not trust this backup.',
	});
}

function isDeleteMarker(name: string): BackupError {
	const message = `${shownName(titleOf(name))} is a delete marker, which holds no object; nothing was written.`;
	return new BackupError('INVALID_INPUT', message, { hint: 'Choose the version before it.' });
}

/** The current one is meant, and no version. */
function objectNow({ size, etag, etagIsHash }: ObjectFacts): StandingObject {
	return { size, etag, etagIsHash };
}

function hasAttributes(found: ObjectAttributes, wanted: ObjectAttributes): boolean {
	const { storageClass: _class, ...others } = wanted;
	const standing = headersOf(found);
	return Object.entries(headersOf(others)).every(([name, value]) => standing[name.toLowerCase()] === value);
}
