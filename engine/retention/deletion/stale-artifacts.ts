import { BackupError, listed, throwIfCancelled } from '../../errors';
import { inParallel } from '../../parallel';
import type { Storage, StoredObject } from '../../storage/storage';
import { attempt, type Stuck } from '../failures';
import type { StorageLock } from '../../archive';
import { archiveOfRecord, isStillOrphan, type Orphans } from '../survey/orphans';
import { DEFAULT_MAX_DELETED_SHARE, percentOf, type RetentionPolicy } from '../policy/policy';
import type { Survey } from '../survey/survey';

/** Orphans that are looked at, and then removed, between two looks at the lock. */
const GROUP = 500;
const READERS = 16;

/** What the report calls files that look like archives and have no manifest. */
const WHAT = 'What has no manifest';

const UNFINISHED_AFTER_MS = 24 * 60 * 60 * 1000;

export interface Cleared {
	/** Orphans that were removed; in a dry run, that would be. */
	removed: StoredObject[];
	/** Keys of the unfinished writes that were removed. */
	swept: string[];
	stuck: Stuck[];
}

interface Run {
	options: { removeOrphans?: boolean; removeUnproven?: boolean };
	storage: Storage;
	policy: RetentionPolicy;
	now: Date;
	signal: AbortSignal | undefined;
	/** Missing in a dry run. */
	lock: StorageLock | undefined;
}

/**
 * Removes unfinished writes and orphans in the run's scope; in a dry run, it only reports which orphans. Nothing goes where the plan
 * was refused. Where more than the set share of backups would have lost their manifests, something else went wrong, and
 * all archives among the orphans stay. What cannot be removed holds nothing else up.
 * @throws BackupError CANCELLED, STORAGE_LOCKED, STORAGE_UNREACHABLE
 */
export async function clearStaleArtifacts(
	run: Run,
	{ plan, catalog, isInScope }: Survey,
	orphans: Orphans,
): Promise<Cleared> {
	const { options, policy, lock } = run;
	const cleared: Cleared = { removed: [], swept: [], stuck: [] };
	if (plan.refusal) return cleared;
	const share = policy.maxDeletedShare ?? DEFAULT_MAX_DELETED_SHARE;
	const unlessTooMany = (some: StoredObject[]): StoredObject[] => {
		// Records of what is gone are no loss, however many.
		const archives = some.filter(({ key }) => archiveOfRecord(key) === undefined);
		const all = catalog.entries.length + archives.length;
		if (archives.length <= all * share) return some;
		cleared.stuck.push({ what: WHAT, error: tooMany(archives.length, all, share) });
		return some.filter(({ key }) => archiveOfRecord(key) !== undefined);
	};
	const going = options.removeOrphans === false ? [] : [...unlessTooMany(orphans.own)];
	if (options.removeUnproven) {
		going.push(...unlessTooMany(orphans.unproven));
		if (orphans.unprovenNeeded.length > 0) cleared.stuck.push({ what: WHAT, error: mayBeNeeded(orphans) });
	}
	if (!lock) return { ...cleared, removed: going };
	if (options.removeOrphans !== false) await sweep(run, lock, isInScope, cleared);
	for (let start = 0; start < going.length; start += GROUP) {
		await lock.confirm();
		await removeOrphans(run, going.slice(start, start + GROUP), cleared);
	}
	return cleared;
}

async function removeOrphans(
	{ storage, signal }: Run,
	orphans: readonly StoredObject[],
	{ removed, stuck }: Cleared,
): Promise<void> {
	const going = new Map<string, StoredObject>();
	await inParallel(orphans, READERS, async (orphan) => {
		throwIfCancelled(signal);
		await attempt(stuck, orphan.key, async () => {
			if (await isStillOrphan(storage, orphan, signal)) going.set(orphan.key, orphan);
		});
	});
	for (const { key, error } of await storage.removeMany([...going.keys()], signal)) {
		going.delete(key);
		stuck.push({ what: key, error });
	}
	removed.push(...orphans.filter(({ key }) => going.has(key)));
}

async function sweep(
	{ storage, now, signal }: Run,
	lock: StorageLock,
	isInScope: (key: string) => boolean,
	{ swept, stuck }: Cleared,
): Promise<void> {
	const olderThan = new Date(now.getTime() - UNFINISHED_AFTER_MS);
	await attempt(stuck, 'unfinished writes', async () => {
		swept.push(...(await lock.during((either) => storage.sweep(olderThan, either, isInScope), signal)));
	});
}

function mayBeNeeded({ unprovenNeeded }: Orphans): BackupError {
	const files = listed(unprovenNeeded.map(({ key }) => key));
	return new BackupError('NOT_CONFIRMED', `A backup that a newer version made may need these archives: ${files}.`, {
		hint: 'Update the package, which then knows what that backup needs.',
	});
}

function tooMany(count: number, all: number, share: number): BackupError {
	const message = `${count} of ${all} archives have none, more than the ${percentOf(share)} that may go at once.`;
	return new BackupError('NOT_CONFIRMED', message, {
		hint: 'Find out what became of the manifests. If the archives may go, allow a larger share for one run.',
	});
}
