import { type BackupError, throwIfCancelled } from '../../errors';
import { inParallel } from '../../parallel';
import type { Storage, StoredObject } from '../../storage/storage';
import { holdsUpOne } from '../failures';
import { isLogPiece, type RetentionEntry } from '../entry';
import type { StorageLock } from '../../archive';
import type { RetentionPolicy } from '../policy/policy';
import type { WalReport } from '../report';
import type { Survey } from '../survey/survey';
import { candidateOf, isBaseBackup, planWal, type BaseCandidate, type WalPlan } from './plan';

/** Segments that are removed at once, in no promised order: as many may be missing here and there when a removal breaks off. */
const GROUP = 100;
const READERS = 16;

/**
 * Deletes archived WAL that the policy does not keep. Without a lock, in a dry run, it reports what would be deleted.
 * @param gone Backups that are deleted: base backups among them need no WAL any more
 * @throws BackupError CANCELLED, STORAGE_LOCKED, STORAGE_UNREACHABLE; other failures are in the report
 */
export async function pruneWal(
	storage: Storage,
	found: Survey,
	gone: ReadonlySet<RetentionEntry>,
	options: { policy: RetentionPolicy; now: Date; lock?: StorageLock | undefined; signal: AbortSignal | undefined },
): Promise<WalReport[]> {
	const { policy, now, lock, signal } = options;
	if (!policy.wal) return [];
	const files = [...found.catalog.others.values()].filter(({ key }) => found.isInScope(key));
	const bases = candidatesIn(found, gone).filter((candidate) => isBaseBackup(candidate, policy.wal!));
	const reports: WalReport[] = [];
	for (const plan of planWal(files, bases, policy, { now, zone: found.zone })) {
		const going = await withoutLocked(storage, plan.delete, signal);
		const { deleted, error } = lock ? await remove(storage, going, lock, signal) : { deleted: going, error: null };
		reports.push(reportOf(plan, deleted, error));
	}
	return reports;
}

/** Every backup that stays, and every file that may be one, in the whole storage. */
function candidatesIn({ catalog, plan, outside, zone }: Survey, gone: ReadonlySet<RetentionEntry>): BaseCandidate[] {
	const stay = [...plan.decisions.map(({ entry }) => entry), ...outside].filter((entry) => !gone.has(entry));
	const candidates = stay
		.filter((entry) => entry.kind !== 'foreign' && !isLogPiece(entry))
		.map(({ key, kind, name, startedAt }): BaseCandidate => {
			const origin = kind.startsWith('postgres') ? 'ours, of PostgreSQL' : 'ours';
			return { key, name, origin, startedAt: new Date(startedAt) };
		});
	const known = new Set(catalog.entries.map(({ key }) => key));
	for (const { key } of gone) known.add(key);
	for (const object of catalog.others.values()) if (!known.has(object.key)) candidates.push(candidateOf(object, zone));
	return candidates;
}

async function withoutLocked(
	storage: Storage,
	objects: readonly StoredObject[],
	signal: AbortSignal | undefined,
): Promise<StoredObject[]> {
	if (!storage.deletionLock) return [...objects];
	const locked = new Set<StoredObject>();
	await inParallel(objects, READERS, async (object) => {
		throwIfCancelled(signal);
		if (await storage.deletionLock!(object.key, signal)) locked.add(object);
	});
	return objects.filter((object) => !locked.has(object));
}

/**
 * Removes segments in groups, the oldest group first, and stops at the first that could not go whole. So what is left has
 * gaps only within that group, which is older than anything that the policy keeps.
 */
async function remove(
	storage: Storage,
	objects: readonly StoredObject[],
	lock: StorageLock,
	signal: AbortSignal | undefined,
): Promise<{ deleted: StoredObject[]; error: BackupError | null }> {
	const deleted: StoredObject[] = [];
	try {
		for (let index = 0; index < objects.length; index += GROUP) {
			throwIfCancelled(signal);
			await lock.confirm();
			const some = objects.slice(index, index + GROUP);
			const keys = some.map(({ key }) => key);
			const failures = new Map((await storage.removeMany(keys, signal)).map(({ key, error }) => [key, error]));
			deleted.push(...some.filter(({ key }) => !failures.has(key)));
			const [error] = failures.values();
			if (error) return { deleted, error };
		}
	} catch (error) {
		if (!holdsUpOne(error)) throw error;
		return { deleted, error };
	}
	return { deleted, error: null };
}

function reportOf(plan: WalPlan, deleted: readonly StoredObject[], error: BackupError | null): WalReport {
	const left = plan.delete.length - deleted.length;
	const total = (objects: readonly StoredObject[]) => objects.reduce((sum, { size }) => sum + size, 0);
	const freedBytes = total(deleted);
	return {
		folder: plan.folder,
		kept: plan.kept + left,
		keptBytes: plan.keptBytes + total(plan.delete) - freedBytes,
		deleted: deleted.length,
		freedBytes,
		deletedUpTo: lastBeforeGap(plan, deleted),
		reason: plan.reason,
		refusal: plan.refusal ?? null,
		error,
	};
}

/** The last segment up to which all that were to go are gone; null where the first one is still there. */
function lastBeforeGap(plan: WalPlan, deleted: readonly StoredObject[]): string | null {
	const gone = new Set(deleted);
	const firstLeft = plan.delete.findIndex((object) => !gone.has(object));
	const last = firstLeft < 0 ? plan.delete.at(-1) : plan.delete[firstLeft - 1];
	return last?.key ?? null;
}
