import { throwIfCancelled } from '../errors';
import type { RemovalFailure, Storage } from '../storage/storage';
import { beginningAt, JOURNAL, parseEventKey } from './event';

const DAY_MS = 24 * 60 * 60 * 1000;
const AT_ONCE = 1000;

/** How long events are kept unless somebody says otherwise: a year, and what it takes to look at it. */
export const JOURNAL_DAYS = 400;

/**
 * Removes the events that ended more than so many days ago; by what their keys say, and nothing else that may lie there.
 * @returns how many went, and what could not be removed
 * @throws BackupError CANCELLED, STORAGE_UNREACHABLE, and what listing throws
 */
export async function pruneJournal(
	storage: Storage,
	{ days, now = new Date(), signal }: { days: number; now?: Date; signal?: AbortSignal | undefined },
): Promise<{ removed: number; failures: RemovalFailure[] }> {
	const limit = now.getTime() - days * DAY_MS;
	const failures: RemovalFailure[] = [];
	let removed = 0;
	const remove = async (keys: string[]) => {
		const failed = await storage.removeMany(keys, signal);
		failures.push(...failed);
		removed += keys.length - failed.length;
	};
	let old: string[] = [];
	for await (const { key } of storage.list(JOURNAL, { before: beginningAt(new Date(limit)) })) {
		throwIfCancelled(signal);
		const event = parseEventKey(key);
		if (event && event.at.getTime() < limit) old.push(key);
		if (old.length < AT_ONCE) continue;
		await remove(old);
		old = [];
	}
	if (old.length > 0) await remove(old);
	return { removed, failures };
}
