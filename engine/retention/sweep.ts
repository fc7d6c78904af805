/**
 * What is left behind, and by whom:
 * - by a deletion that broke off: data without its manifest. The deletions of a run are listed in the storage before the
 *   first, so the next run knows for certain that the data is ours and was to go, and removes it.
 * - by a backup that broke off: unfinished writes, which the storage itself tells (`Storage.sweep`); and, where it was
 *   killed between the archive and its manifest, an archive that looks like a file somebody else put there. Such a file
 *   may be the only backup of a user who dumps with scripts of their own under the very same names, so it is named as an
 *   orphan, and removed only when that is asked for.
 */
import { z } from 'zod';

import { manifestKeyOf, MANIFEST_SUFFIX } from '../archive';
import { BackupError, throwIfCancelled } from '../errors';
import type { Storage, StoredObject } from '../storage/storage';
import type { RetentionCatalog } from './catalog';
import { HOUSEKEEPING, parseJson, readSmall } from './housekeeping';

const DELETIONS_KEY = `${HOUSEKEEPING}deleting.json`;
const DAY_MS = 24 * 60 * 60 * 1000;

/** What stands beside an archive and goes with it, apart from the manifest. */
export const SIDECAR_SUFFIXES = ['.verification.json', '.verification.json.damaged'];

/** `<name>_YYYYMMDD_HHMMSS[_2].<extensions>`, as archives are named. */
const ARCHIVE_NAME = /_\d{8}_\d{6}(_\d+)?(\.[a-z0-9]+)+$/i;

const deletionsSchema = z.object({ createdAt: z.string().datetime(), keys: z.array(z.string()) });

/** Notes which archives are about to be deleted; an empty list removes the note. */
export async function noteDeletions(storage: Storage, keys: string[], now: Date): Promise<void> {
	if (keys.length === 0) return await storage.remove(DELETIONS_KEY);
	const text = JSON.stringify({ createdAt: now.toISOString(), keys });
	await storage.replace(DELETIONS_KEY, Buffer.from(`${text}\n`));
}

/**
 * Finishes the deletions that an earlier run noted and began: data whose manifest is gone. What still has its manifest is
 * left to the next plan; what cannot be removed stays noted. Call it with the lock held.
 * @returns the keys of the archives whose data it removed
 */
export async function finishDeletions(storage: Storage, signal?: AbortSignal): Promise<string[]> {
	const { data: noted } = deletionsSchema.safeParse(parseJson(await readSmall(storage, DELETIONS_KEY, signal)));
	if (!noted) return [];
	const createdAt = new Date(noted.createdAt);
	const finished: string[] = [];
	const stuck: string[] = [];
	for (const key of noted.keys) {
		throwIfCancelled(signal);
		try {
			if (await finishDeletion(storage, key, createdAt)) finished.push(key);
		} catch (error) {
			if (!(error instanceof BackupError) || error.code === 'STORAGE_UNREACHABLE') throw error;
			stuck.push(key);
		}
	}
	await noteDeletions(storage, stuck, createdAt);
	return finished;
}

/** True where there was data to remove. */
async function finishDeletion(storage: Storage, key: string, notedAt: Date): Promise<boolean> {
	const data = await storage.stat(key);
	// A key that was used again since then belongs to another backup, of which the manifest may be still to come.
	const isNewer = data !== undefined && data.modifiedAt > notedAt;
	if (isNewer || (await storage.stat(manifestKeyOf(key)))) return false;
	await removeData(storage, key);
	return data !== undefined;
}

/** Removes a backup: its manifest first, so that a crash never leaves one without its data. */
export async function removeBackup(storage: Storage, key: string): Promise<void> {
	await storage.remove(manifestKeyOf(key));
	await removeData(storage, key);
}

async function removeData(storage: Storage, key: string): Promise<void> {
	for (const suffix of SIDECAR_SUFFIXES) await storage.remove(key + suffix);
	await storage.remove(key);
}

/** Archives, by their names, that have no manifest and are older than a day. Other files are nobody's business here. */
export function orphansIn({ entries, damaged, others }: RetentionCatalog, now: Date): StoredObject[] {
	const owned = new Set(entries.map(({ key }) => key));
	for (const { manifestKey } of damaged) owned.add(manifestKey.slice(0, -MANIFEST_SUFFIX.length));
	return [...others.values()].filter(({ key, modifiedAt }) => {
		const suffix = SIDECAR_SUFFIXES.find((end) => key.endsWith(end)) ?? '';
		const archive = key.slice(0, key.length - suffix.length);
		return ARCHIVE_NAME.test(archive) && !owned.has(archive) && now.getTime() - modifiedAt.getTime() > DAY_MS;
	});
}

/** Removes orphans, but none that has got its manifest meanwhile. @returns the keys removed */
export async function removeOrphans(storage: Storage, orphans: string[], signal?: AbortSignal): Promise<string[]> {
	const removed: string[] = [];
	for (const key of orphans) {
		throwIfCancelled(signal);
		if (await storage.stat(manifestKeyOf(key))) continue;
		await storage.remove(key);
		removed.push(key);
	}
	return removed;
}
