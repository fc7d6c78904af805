/**
 * What a run of ours that broke off left behind: data without its manifest. The deletions and the copies of a run are
 * listed in the storage before the first, so the next run knows for certain that such data is ours, and removes it.
 */
import { z } from 'zod';

import { folderOf, HOUSEKEEPING, LIMITS, manifestKeyOf, parseJson, readSmall } from '../../archive';
import { weekOfFolder } from '../../archive/naming';
import { throwIfCancelled } from '../../errors';
import { inParallel } from '../../parallel';
import { isObjectKey } from '../../storage/keys';
import type { Storage, StoredObject } from '../../storage/storage';
import { holdsUpOne } from '../failures';
import { hasArchiveName, SIDECAR_SUFFIXES } from '../survey/orphans';

const DELETIONS_KEY = `${HOUSEKEEPING}deleting.json`;
const COPIES_KEY = `${HOUSEKEEPING}copying.json`;

const READERS = 16;

/** Some servers tell times in whole seconds, rounded up. */
const ROUNDING_MS = 1000;

const noteSchema = z.object({ createdAt: z.string().datetime(), keys: z.array(z.string()) });

/** Notes which archives are about to be deleted; an empty list removes the note. */
export async function noteDeletions(storage: Storage, keys: readonly string[], now: Date): Promise<void> {
	await note(storage, DELETIONS_KEY, keys, now);
}

/** The keys that are noted for deletion. */
export async function notedDeletions(storage: Storage, signal?: AbortSignal): Promise<string[]> {
	return (await readNote(storage, DELETIONS_KEY, signal))?.keys ?? [];
}

/** Notes under which keys copies are about to be made; an empty list removes the note. */
export async function noteCopies(storage: Storage, keys: readonly string[], now: Date): Promise<void> {
	await note(storage, COPIES_KEY, keys, now);
}

/** The keys of copies that are noted. */
export async function notedCopies(storage: Storage, signal?: AbortSignal): Promise<string[]> {
	return (await readNote(storage, COPIES_KEY, signal))?.keys ?? [];
}

/**
 * Finishes the deletions that an earlier run noted and began: data whose manifest is gone. What still has its manifest is
 * left to the next plan; what cannot be removed stays noted. Call it with the lock held.
 * @returns the keys of the archives whose data it removed
 */
export async function finishDeletions(storage: Storage, signal?: AbortSignal): Promise<string[]> {
	return await finish(storage, DELETIONS_KEY, { mayBeNoted: hasArchiveName, isMeant: isOlder }, signal);
}

/**
 * Removes the copies that an earlier run began in the folders of weeks and that have no manifest. Call it with the lock held.
 * @returns their keys
 */
export async function removeBrokenCopies(storage: Storage, signal?: AbortSignal): Promise<string[]> {
	const mayBeNoted = (key: string) => hasArchiveName(key) && weekOfFolder(folderOf(key)) !== undefined;
	// The time proves nothing here: a copy may have that of its original. With the lock held, nobody else copies.
	return await finish(storage, COPIES_KEY, { mayBeNoted, isMeant: () => true }, signal);
}

async function note(storage: Storage, noteKey: string, keys: readonly string[], now: Date): Promise<void> {
	if (keys.length === 0) return await storage.remove(noteKey);
	const text = JSON.stringify({ createdAt: now.toISOString(), keys });
	await storage.replace(noteKey, Buffer.from(`${text}\n`), { isPassing: true });
}

async function readNote(storage: Storage, noteKey: string, signal: AbortSignal | undefined) {
	return noteSchema.safeParse(parseJson(await readSmall(storage, noteKey, LIMITS.notes, signal))).data;
}

interface NotedKind {
	/** Whether a run of ours notes such keys. Whoever can write to the storage can write a note that names any file. */
	mayBeNoted: (key: string) => boolean;
	/** Whether data that stands under a noted key is what was noted, and not something newer */
	isMeant: (data: StoredObject, notedAt: Date) => boolean;
}

async function finish(
	storage: Storage,
	noteKey: string,
	{ mayBeNoted, isMeant }: NotedKind,
	signal: AbortSignal | undefined,
): Promise<string[]> {
	const noted = await readNote(storage, noteKey, signal);
	if (!noted) return [];
	const notedAt = new Date(noted.createdAt);
	const found = new Set<string>();
	const going: string[] = [];
	const stuck = new Set<string>();
	await inParallel(noted.keys, READERS, async (key) => {
		throwIfCancelled(signal);
		// No archive of ours has such a key, so somebody else wrote the note. It is dropped, or it would be noted for good.
		if (!isObjectKey(key) || !isObjectKey(manifestKeyOf(key)) || !mayBeNoted(key)) return;
		try {
			const data = await storage.stat(key);
			if ((data && !isMeant(data, notedAt)) || (await storage.stat(manifestKeyOf(key)))) return;
			going.push(key);
			if (data) found.add(key);
		} catch (error) {
			if (!holdsUpOne(error)) throw error;
			stuck.add(key);
		}
	});
	const owners = new Map(going.flatMap((key) => dataKeysOf(key).map((one) => [one, key] as const)));
	for (const { key } of await storage.removeMany([...owners.keys()], signal)) stuck.add(owners.get(key)!);
	await note(storage, noteKey, [...stuck], notedAt);
	return noted.keys.filter((key) => found.has(key) && !stuck.has(key));
}

/** A key that was used again since it was noted belongs to another backup, of which the manifest may be still to come. */
function isOlder({ modifiedAt }: StoredObject, notedAt: Date): boolean {
	return modifiedAt.getTime() <= notedAt.getTime() + ROUNDING_MS;
}

/**
 * The keys of all that belongs to an archive but its manifest, the archive included. Where the key of an archive is so long
 * that no storage takes one of a side file, there is no such file.
 */
export function dataKeysOf(key: string): string[] {
	return [...SIDECAR_SUFFIXES.map((suffix) => key + suffix).filter(isObjectKey), key];
}
