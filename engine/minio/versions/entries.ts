/** Which versions of a bucket's objects go into a backup, as entries of its set. */
import type { EntryFacts, EntrySelection, TreeEntry } from '../../tree';
import type { Bucket, KeyVersions, ListedVersion } from '../client';
import { etagIn, stateOf } from '../state';
import { isVersionName, nameOfVersion, partsOfVersion } from './names';

/** What a backup of a bucket holds of its objects: the current ones alone, or older versions and delete markers, too. */
export type Versions = 'current' | 'all';

/**
 * All versions of a key but the current object, the oldest first. That one is in the backup under its key, or is newer than the list of
 * current objects, and comes with the next backup.
 */
export function entriesOfVersions({ key, versions }: KeyVersions): EntryFacts[] {
	const older = versions.filter(({ isLatest, isDeleteMarker }, index) => index > 0 || !isLatest || isDeleteMarker);
	let last = -1n;
	return older.reverse().map((version) => {
		const modified = BigInt(version.modifiedAt) * 1_000_000n;
		// Times are to the millisecond, or to the second, and the order is that of the list.
		last = modified > last ? modified : last + 1n;
		return entryOf(key, version, last);
	});
}

function entryOf(key: string, version: ListedVersion, order: bigint): EntryFacts {
	const { versionId, isDeleteMarker, size, modifiedAt, etag, storageClass } = version;
	return {
		name: nameOfVersion(key, order, versionId),
		type: 'file',
		size,
		modified: BigInt(modifiedAt) * 1_000_000n,
		state: stateOf(etag, modifiedAt),
		attributes: {
			versionOf: key,
			versionId,
			...(isDeleteMarker && { deleteMarker: true }),
			...(storageClass && storageClass !== 'STANDARD' && { storageClass }),
		},
	};
}

/** What a selection takes of the current objects alone. */
export function currentObjects(selection: EntrySelection): EntrySelection {
	return { isWhole: selection.isWhole, takes: (name) => !isVersionName(name) && selection.takes(name) };
}

/** A version as an entry of a backup has it. */
export interface EntryVersion {
	key: string;
	versionId: string;
	isDeleteMarker: boolean;
}

/** Undefined for an entry that is a current object. */
export function versionIn({ name, attributes }: Pick<EntryFacts, 'name' | 'attributes'>): EntryVersion | undefined {
	const parts = partsOfVersion(name);
	const versionId = attributes?.['versionId'];
	if (!parts || typeof versionId !== 'string') return undefined;
	return { key: parts.key, versionId, isDeleteMarker: attributes?.['deleteMarker'] === true };
}

/** The key under which an earlier backup may have an older version: as the current object that it was then. */
export function formerNameOf(entry: EntryFacts): string | undefined {
	const version = versionIn(entry);
	return version && !version.isDeleteMarker ? version.key : undefined;
}

/**
 * What is known of an older version by what an earlier backup has under its key; undefined where that is another version. What was stored
 * while the bucket kept no versions has no id of its own, and is told by its time as well.
 */
export function knownAsVersion(entry: EntryFacts, found: TreeEntry): TreeEntry | undefined {
	const { versionId } = versionIn(entry) ?? {};
	const { versionId: foundId = 'null', storageClass: _class, ...attributes } = found.attributes ?? {};
	const { state = '', size } = entry;
	if (found.state === undefined || foundId !== versionId || found.size !== size) return undefined;
	const isSame = versionId === 'null' ? found.state === state : etagIn(found.state) === etagIn(state);
	return isSame ? { ...found, state, attributes: { ...attributes, ...entry.attributes } } : undefined;
}

/** Whether a bucket may have older versions: it keeps them, has kept them, or the keys may not see whether it does. */
export async function mayHaveVersions(bucket: Bucket, signal?: AbortSignal): Promise<boolean> {
	const { configuration, unreadable } = await bucket.configuration(signal, ['versioning']);
	return /<Status>/.test(configuration.versioning ?? '') || unreadable.length > 0;
}
