/**
 * Source and target are two storages, and neither lies in the other: a copy beside its original is no second copy, and in a target
 * that holds the source everything would seem to be there already. Names do not tell: a server goes by several addresses, a
 * folder by links.
 */
import { realpath } from 'node:fs/promises';
import path from 'node:path';

import { LIMITS } from '../archive';
import { readSmall } from '../archive/small-text';
import { BackupError } from '../errors';
import { FolderStorage, S3Storage, type Storage } from '../storage';

/**
 * Refuses two storages of which one is, or lies in, the other.
 * @param ownKey of an object that was just written into the target, and that nobody else has
 * @throws BackupError INVALID_INPUT where they overlap, and what the storages throw
 */
export async function assertApart(source: Storage, target: Storage, ownKey?: string): Promise<void> {
	if (ownKey === undefined) {
		const [from, to] = [await placeOf(source), await placeOf(target)];
		if (from && to && (from.startsWith(to) || to.startsWith(from))) throw overlapping(source, target);
		return;
	}
	const written = await readSmall(target, ownKey, LIMITS.lock);
	const seen = await readSmall(source, keyAtSource(source, target, ownKey), LIMITS.lock).catch((error: unknown) => {
		// Keys that are good for some folders alone cannot tell.
		if (error instanceof BackupError && error.code === 'STORAGE_DENIED') return undefined;
		throw error;
	});
	if (seen !== undefined && seen === written) throw overlapping(source, target);
}

/** Where it is, ending in a slash; undefined for a storage that tells nothing of it. */
async function placeOf(storage: Storage): Promise<string | undefined> {
	if (storage instanceof S3Storage) {
		const { endpoint, bucket, prefix } = storage.place;
		return `${endpoint}/${bucket}/${prefix}`;
	}
	if (!(storage instanceof FolderStorage)) return undefined;
	return `${await realFolder(storage.root)}/`.replace(/\/+$/, '/');
}

/** A key of the target as the source would show it, if its bucket had a second name. */
function keyAtSource(source: Storage, target: Storage, key: string): string {
	if (!(source instanceof S3Storage && target instanceof S3Storage)) return key;
	const [from, to] = [source.place.prefix, target.place.prefix];
	return to.startsWith(from) ? `${to.slice(from.length)}${key}` : key;
}

/** Links followed; of a folder that is not there yet, those above it. */
async function realFolder(root: string): Promise<string> {
	const missing: string[] = [];
	for (let existing = path.resolve(root); ; existing = path.dirname(existing)) {
		try {
			return path.join(await realpath(existing), ...missing);
		} catch (error) {
			const { code } = error as NodeJS.ErrnoException;
			if (code !== 'ENOENT' || existing === path.dirname(existing)) return path.resolve(root);
			missing.unshift(path.basename(existing));
		}
	}
}

function overlapping(source: Storage, target: Storage): BackupError {
	return new BackupError(
		'INVALID_INPUT',
		`The ${source.description} and the ${target.description} are one storage, or one lies in the other.`,
		{
			hint: 'A second copy belongs in a storage of its own: choose another folder, bucket or prefix, best on another machine.',
		},
	);
}
