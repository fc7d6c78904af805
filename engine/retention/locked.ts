import { manifestKeyOf } from '../archive';
import { throwIfCancelled } from '../errors';
import { inParallel } from '../parallel';
import type { DeletionLock, Storage } from '../storage/storage';
import type { RetentionEntry } from './entry';

const READERS = 16;

/**
 * Asks the storage which of some backups it refuses to delete, and notes it in them. A lock on the manifest holds the
 * archive, too: one without the other is no backup. Few are asked for, since each takes two requests: what is to go.
 * @returns whether any is locked
 */
export async function readLocks(
	storage: Storage,
	entries: readonly RetentionEntry[],
	signal: AbortSignal | undefined,
): Promise<boolean> {
	if (!storage.deletionLock) return false;
	let isAny = false;
	await inParallel(entries, READERS, async (entry) => {
		throwIfCancelled(signal);
		const keys = entry.kind === 'foreign' ? [entry.key] : [entry.key, manifestKeyOf(entry.key)];
		const locks: DeletionLock[] = [];
		for (const key of keys) {
			const lock = await storage.deletionLock!(key, signal);
			if (lock) locks.push(lock);
		}
		if (locks.length === 0) return;
		isAny = true;
		const latest = Math.max(...locks.map(({ until }) => until?.getTime() ?? 0));
		if (latest > 0) entry.lockedUntil = new Date(latest).toISOString();
		entry.legalHold = locks.some(({ legalHold }) => legalHold);
	});
	return isAny;
}
