import { latestKey, manifestKeyOf, type ManifestTrust } from '../archive';
import { readManifest } from '../archive/manifest-file';
import { BackupError, throwIfCancelled } from '../errors';
import type { Storage } from '../storage/storage';
import { attempt, holdsUpOne } from './attempt';
import { isGood, type RetentionEntry } from './entry';
import type { StorageLock } from './lock';
import type { RetentionPlan } from './plan';
import type { Stuck } from './report';
import type { Survey } from './survey';
import { passOnFailure } from './shared-failure';
import { noteDeletions, notedDeletions, removeBackup } from './sweep';

export interface Deletions {
	deleted: RetentionEntry[];
	/** What should have gone, and why it did not. */
	failed: Array<{ entry: RetentionEntry; error: BackupError }>;
	/** Pointers that could not be moved. */
	stuck: Stuck[];
}

/** What a run of deletions works with. */
interface DeletionRun {
	storage: Storage;
	lock: StorageLock;
	now: Date;
	trust: ManifestTrust | undefined;
	signal: AbortSignal | undefined;
}

/**
 * Deletes what a plan lets go, noted beforehand, so that a later run can finish what breaks off here.
 * @throws BackupError CANCELLED, STORAGE_LOCKED, STORAGE_UNREACHABLE; other failures are noted and the others go on
 */
export async function deletePlanned(
	{ plan, outside }: Pick<Survey, 'plan' | 'outside'>,
	{ storage, lock, now, trust, signal }: DeletionRun,
): Promise<Deletions> {
	const deletions: Deletions = { deleted: [], failed: [], stuck: [] };
	const { deletable } = plan;
	if (deletable.length === 0) return deletions;
	// What earlier runs could not finish stays noted.
	const unfinished = await notedDeletions(storage, signal);
	await noteDeletions(storage, [...unfinished, ...ownKeys(deletable)], now);
	throwIfCancelled(signal);
	await lock.confirm();
	await repoint(plan, deletions.stuck, storage);
	const run = {
		storage,
		copies: failedAmong([...staying(plan), ...outside]),
		needed: new Set<string>(),
		trust,
		signal,
	};
	for (const entry of deletable) {
		throwIfCancelled(signal);
		await lock.confirm();
		await deleteOne(entry, deletions, run);
	}
	// So does what failed with its manifest gone. Where the manifest stands, the next plan decides.
	for (const key of ownKeys(deletions.failed.map(({ entry }) => entry)))
		if (!(await storage.stat(manifestKeyOf(key)))) unfinished.push(key);
	await noteDeletions(storage, unfinished, now);
	return deletions;
}

/** Foreign files are never noted: that they have no manifest means nothing. */
function ownKeys(entries: readonly RetentionEntry[]): string[] {
	return entries.filter(({ kind }) => kind !== 'foreign').map(({ key }) => key);
}

function staying({ decisions }: RetentionPlan): RetentionEntry[] {
	return decisions.filter(({ action }) => action === 'keep').map(({ entry }) => entry);
}

/** Those that are known to be bad, by id: what goes may be their original, and all that tells. */
function failedAmong(entries: readonly RetentionEntry[]): Map<string, RetentionEntry[]> {
	const failed = new Map<string, RetentionEntry[]>();
	for (const entry of entries) {
		if (entry.verified === 'failed') failed.set(entry.id, [...(failed.get(entry.id) ?? []), entry]);
	}
	return failed;
}

interface Deleting {
	storage: Storage;
	/** Bad backups that stay, by id. */
	copies: ReadonlyMap<string, RetentionEntry[]>;
	/** Ids of archives that must stay, because a backup that needs them could not be deleted. */
	needed: Set<string>;
	trust: ManifestTrust | undefined;
	signal: AbortSignal | undefined;
}

async function deleteOne(
	entry: RetentionEntry,
	{ deleted, failed }: Deletions,
	{ storage, copies, needed, trust, signal }: Deleting,
): Promise<void> {
	try {
		if (needed.has(entry.id)) throw new BackupError('STORAGE_FAILED', 'A backup that needs it could not be deleted.');
		if (entry.kind === 'foreign') {
			await assertSameFile(storage, entry);
			await storage.remove(entry.key);
		} else {
			await assertUnchanged(storage, entry, trust, signal);
			if (entry.verified === 'failed') {
				for (const copy of copies.get(entry.id) ?? []) await passOnFailure(storage, entry, copy, signal);
			}
			await removeBackup(storage, entry.key);
		}
		deleted.push(entry);
	} catch (error) {
		if (!holdsUpOne(error)) throw error;
		failed.push({ entry, error });
		for (const id of entry.needs) needed.add(id);
	}
}

/** The plan may rest on a cache, and somebody may have pinned the backup meanwhile: the manifest has the last word. */
async function assertUnchanged(
	storage: Storage,
	entry: RetentionEntry,
	trust: ManifestTrust | undefined,
	signal: AbortSignal | undefined,
): Promise<void> {
	const { manifest } = await readManifest(storage, manifestKeyOf(entry.key), signal, trust);
	const isSame = manifest.id === entry.id && manifest.startedAt === entry.startedAt && manifest.name === entry.name;
	if (!isSame || manifest.pinned) throw changed(`The manifest of ${entry.key}`);
}

async function assertSameFile(storage: Storage, { key, size, modifiedAt = '' }: RetentionEntry): Promise<void> {
	const found = await storage.stat(key);
	// Listings of buckets tell milliseconds, the head of an object whole seconds.
	const isSame = found?.size === size && Math.abs(found.modifiedAt.getTime() - Date.parse(modifiedAt)) <= 1000;
	if (!isSame || (await storage.stat(manifestKeyOf(key)))) throw changed(`The file ${key}`);
}

function changed(what: string): BackupError {
	return new BackupError('STORAGE_FAILED', `${what} was changed since the plan was made.`, {
		hint: 'It was left alone. Run it again.',
	});
}

/**
 * Pointers to what is to go (a damaged one: the last good one stays) move to the newest whole and good one that stays, before
 * anything goes: whatever breaks off, none leads nowhere.
 */
async function repoint({ decisions, deletable }: RetentionPlan, stuck: Stuck[], storage: Storage): Promise<void> {
	const own = deletable.filter(({ kind }) => kind !== 'foreign');
	const going = new Set(own.map(({ key }) => key));
	const newest = new Map<string, RetentionEntry>();
	for (const { entry } of decisions) {
		if (entry.kind === 'foreign' || going.has(entry.key) || entry.partial !== undefined || !isGood(entry)) continue;
		if (!newest.has(pointerOf(entry))) newest.set(pointerOf(entry), entry);
	}
	for (const pointer of new Set(own.map(pointerOf))) {
		await attempt(stuck, pointer, async () => {
			const target = await storage.readLatest(pointer);
			if (target === undefined || !going.has(target)) return;
			const next = newest.get(pointer);
			if (next) await storage.setLatest(pointer, next.key);
			else await storage.remove(pointer);
		});
	}
}

function pointerOf({ key, name }: RetentionEntry): string {
	return latestKey(key.slice(0, Math.max(0, key.lastIndexOf('/'))), name);
}
