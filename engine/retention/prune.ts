import { latestKey, manifestKeyOf } from '../archive';
import { readManifest } from '../archive/manifest-file';
import { BackupError, throwIfCancelled } from '../errors';
import type { Storage } from '../storage/storage';
import { readCatalog, type RetentionCatalog } from './catalog';
import type { EntryState, RetentionEntry } from './entry';
import { withLock, type StorageLock } from './lock';
import { planRetention, type RetentionPlan } from './plan';
import type { RetentionPolicy } from './policy';
import { finishDeletions, noteDeletions, orphansIn, removeBackup, removeOrphans } from './sweep';

export interface PruneOptions {
	storage: Storage;
	policy: RetentionPolicy;
	/** IANA zone whose days, weeks, months and years count; default UTC. */
	timeZone?: string;
	/** Only backups under this prefix: `postgres/`. Default all. */
	prefix?: string;
	/** Shows what would be done and changes nothing, not even a lock. */
	dryRun?: boolean;
	/** Removes archives that never got a manifest, too; see sweep.ts. Default false: they are reported. */
	removeOrphans?: boolean;
	/** What is known of a backup beyond its manifest: verifications, locks of the storage. */
	stateOf?: (entry: RetentionEntry) => EntryState | Promise<EntryState>;
	/** Who holds the lock, for the message that others get. No secrets. */
	owner: string;
	/** Default: now. */
	now?: Date;
	signal?: AbortSignal;
}

export interface PruneReport {
	plan: RetentionPlan;
	/** Archives deleted in this run. */
	deleted: RetentionEntry[];
	/** Bytes of theirs. */
	freedBytes: number;
	/** Archives that should have gone, and why they did not. Others went on. */
	failed: Array<{ entry: RetentionEntry; error: BackupError }>;
	/** Keys of unfinished writes and of deletions that an earlier run had begun; cleaned up in this run. */
	swept: string[];
	/** Keys of archives without a manifest, older than a day. */
	orphans: string[];
	removedOrphans: string[];
	damaged: RetentionCatalog['damaged'];
}

const UNFINISHED_AFTER_MS = 24 * 60 * 60 * 1000;

/**
 * Applies a retention policy to a storage. A refused plan and a dry run change nothing. Each deletion takes the manifest
 * first, then the data; what a crash leaves of it, the next run finishes.
 * @throws BackupError STORAGE_LOCKED (another run is at it), INVALID_INPUT, CANCELLED, and what the storage throws when
 * it cannot be listed
 */
export async function prune(options: PruneOptions): Promise<PruneReport> {
	const { storage, owner, signal, now = new Date() } = options;
	throwIfCancelled(signal);
	if (options.dryRun) return await look(options, now);
	const unfinished = await storage.sweep(new Date(now.getTime() - UNFINISHED_AFTER_MS), signal);
	return await withLock(storage, { owner, ...(signal && { signal }) }, async (lock) => {
		const finished = await finishDeletions(storage, signal);
		const report = await look(options, now);
		report.swept.push(...unfinished, ...finished);
		await deleteAll(report, lock, options, now);
		return report;
	});
}

async function look(options: PruneOptions, now: Date): Promise<PruneReport> {
	const { storage, prefix = '', policy, timeZone, stateOf, signal, dryRun = false } = options;
	const catalog = await readCatalog(storage, { prefix, keepCache: !dryRun, ...(signal && { signal }) });
	for (const entry of stateOf ? catalog.entries : []) Object.assign(entry, await stateOf!(entry));
	const plan = planRetention(catalog.entries, now, policy, timeZone);
	const orphans = orphansIn(catalog, now).map(({ key }) => key);
	const { damaged } = catalog;
	return { plan, deleted: [], freedBytes: 0, failed: [], swept: [], orphans, removedOrphans: [], damaged };
}

async function deleteAll(report: PruneReport, lock: StorageLock, options: PruneOptions, now: Date): Promise<void> {
	const { storage, signal } = options;
	const { deletable } = report.plan;
	if (deletable.length > 0) {
		await noteDeletions(
			storage,
			deletable.map(({ key }) => key),
			now,
		);
	}
	const stuck = new Set<string>();
	for (const entry of deletable) {
		throwIfCancelled(signal);
		await lock.confirm();
		await deleteOne(report, storage, entry, stuck, signal);
	}
	await repoint(report, storage);
	// What failed with its manifest gone stays noted.
	if (deletable.length > 0) {
		await noteDeletions(
			storage,
			report.failed.map(({ entry }) => entry.key),
			now,
		);
	}
	if (options.removeOrphans && !report.plan.refusal) {
		await lock.confirm();
		report.removedOrphans = await removeOrphans(storage, report.orphans, signal);
	}
}

/** @param stuck Ids of parents that must stay, because a child of theirs could not be deleted. */
async function deleteOne(
	report: PruneReport,
	storage: Storage,
	entry: RetentionEntry,
	stuck: Set<string>,
	signal: AbortSignal | undefined,
): Promise<void> {
	try {
		if (stuck.has(entry.id)) throw new BackupError('STORAGE_FAILED', 'A backup that needs it could not be deleted.');
		await assertUnchanged(storage, entry, signal);
		await removeBackup(storage, entry.key);
		report.deleted.push(entry);
		report.freedBytes += entry.complete ? entry.size : 0;
	} catch (error) {
		if (!(error instanceof BackupError)) throw error;
		if (error.code === 'CANCELLED' || error.code === 'STORAGE_UNREACHABLE') throw error;
		report.failed.push({ entry, error });
		if (entry.parent !== undefined) stuck.add(entry.parent);
	}
}

/** The plan may rest on a cache, and somebody may have pinned the backup meanwhile: the manifest has the last word. */
async function assertUnchanged(
	storage: Storage,
	entry: RetentionEntry,
	signal: AbortSignal | undefined,
): Promise<void> {
	const { manifest } = await readManifest(storage, manifestKeyOf(entry.key), signal);
	const isSame = manifest.id === entry.id && manifest.startedAt === entry.startedAt && manifest.name === entry.name;
	if (isSame && !manifest.pinned) return;
	throw new BackupError('STORAGE_FAILED', `The manifest of ${entry.key} was changed since the plan was made.`, {
		hint: 'It was left alone. Run it again.',
	});
}

/** Pointers to a deleted backup (a damaged one: the last good one stays) move to the newest of the name that is left. */
async function repoint(report: PruneReport, storage: Storage): Promise<void> {
	const gone = new Set(report.deleted.map(({ key }) => key));
	const left = report.plan.decisions.map(({ entry }) => entry).filter(({ key }) => !gone.has(key));
	const pointers = new Map(report.deleted.map((entry) => [pointerOf(entry), entry]));
	for (const pointer of pointers.keys()) {
		const target = await storage.readLatest(pointer);
		if (target === undefined || !gone.has(target)) continue;
		const newest = left.find((entry) => pointerOf(entry) === pointer);
		if (newest) await storage.setLatest(pointer, newest.key);
		else await storage.remove(pointer);
	}
}

function pointerOf({ key, name }: RetentionEntry): string {
	return latestKey(key.slice(0, Math.max(0, key.lastIndexOf('/'))), name);
}
