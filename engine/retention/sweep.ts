/**
 * What a run of ours that broke off left behind: data without its manifest. The deletions and the copies of a run are
 * listed in the storage before the first, so the next run knows for certain that such data is ours, and removes it.
 */
import { z } from 'zod';

import { HOUSEKEEPING, LIMITS, manifestKeyOf } from '../archive';
import { throwIfCancelled } from '../errors';
import type { Storage } from '../storage/storage';
import { holdsUpOne } from './attempt';
import { parseJson, readSmall } from './housekeeping';
import { SIDECAR_SUFFIXES } from './orphans';

const DELETIONS_KEY = `${HOUSEKEEPING}deleting.json`;
const COPIES_KEY = `${HOUSEKEEPING}copying.json`;

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
	return await finish(storage, DELETIONS_KEY, finishDeletion, signal);
}

/** Removes the copies that an earlier run began and that have no manifest. Call it with the lock held. @returns their keys */
export async function removeBrokenCopies(storage: Storage, signal?: AbortSignal): Promise<string[]> {
	// The time tells nothing here: a copy may have that of its original. With the lock held, nobody else copies.
	return await finish(storage, COPIES_KEY, (_, key) => finishDeletion(storage, key, new Date(8.64e15)), signal);
}

async function note(storage: Storage, noteKey: string, keys: readonly string[], now: Date): Promise<void> {
	if (keys.length === 0) return await storage.remove(noteKey);
	const text = JSON.stringify({ createdAt: now.toISOString(), keys });
	await storage.replace(noteKey, Buffer.from(`${text}\n`));
}

async function readNote(storage: Storage, noteKey: string, signal: AbortSignal | undefined) {
	return noteSchema.safeParse(parseJson(await readSmall(storage, noteKey, LIMITS.notes, signal))).data;
}

async function finish(
	storage: Storage,
	noteKey: string,
	finishOne: (storage: Storage, key: string, notedAt: Date) => Promise<boolean>,
	signal: AbortSignal | undefined,
): Promise<string[]> {
	const noted = await readNote(storage, noteKey, signal);
	if (!noted) return [];
	const createdAt = new Date(noted.createdAt);
	const finished: string[] = [];
	const stuck: string[] = [];
	for (const key of noted.keys) {
		throwIfCancelled(signal);
		try {
			if (await finishOne(storage, key, createdAt)) finished.push(key);
		} catch (error) {
			if (!holdsUpOne(error)) throw error;
			stuck.push(key);
		}
	}
	await note(storage, noteKey, stuck, createdAt);
	return finished;
}

/** True where there was data to remove. */
async function finishDeletion(storage: Storage, key: string, notedAt: Date): Promise<boolean> {
	const data = await storage.stat(key);
	// A key that was used again since then belongs to another backup, of which the manifest may be still to come.
	const isNewer = data !== undefined && data.modifiedAt.getTime() > notedAt.getTime() + ROUNDING_MS;
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
