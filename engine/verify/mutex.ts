import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';

import { BackupError, throwIfCancelled } from '../errors';
import type { Storage } from '../storage';

/** Ends the name of the lock object beside a record. Retention sweeps the locks of processes that were killed. */
const LOCK_SUFFIX = '.lock';

/** Milliseconds between two attempts to take a lock. */
const RETRY_PAUSE = 25;

/** Milliseconds after which a lock counts as left by a process that was killed: a change takes a few requests. */
const STALE_AFTER = 6000;

/** The last one in this process that waits for a record, by storage and key. */
const queues = new Map<string, Promise<unknown>>();

/**
 * Runs `use` while nobody else changes a record. Callers in this process wait in a queue. Other processes are kept out by a
 * lock object, which only one of them can create. Two may come in at once where no such object can be had (a bucket that
 * lets nobody delete), and within one request on servers that know no conditional writes. What was written last stands then,
 * so the caller has to look whether its own change stayed.
 * @param key the record's key; the lock object lies beside it
 * @throws BackupError CANCELLED, and what `use` throws
 */
export async function withMutex<T>(
	storage: Storage,
	key: string,
	signal: AbortSignal | undefined,
	use: () => Promise<T>,
): Promise<T> {
	const name = JSON.stringify([storage.description, key]);
	const before = queues.get(name);
	const run = (async () => {
		await before;
		const release = await acquire(storage, key + LOCK_SUFFIX, signal);
		try {
			return await use();
		} finally {
			await release();
		}
	})();
	const settled = run.then(
		() => {},
		() => {},
	);
	queues.set(name, settled);
	try {
		return await run;
	} finally {
		if (queues.get(name) === settled) queues.delete(name);
	}
}

/** Creates the lock object, or waits until it can. Returns the function that removes it again. */
async function acquire(storage: Storage, key: string, signal?: AbortSignal): Promise<() => Promise<void>> {
	let holder: string | undefined;
	let since = performance.now();
	for (;;) {
		throwIfCancelled(signal);
		try {
			await storage.write(key, Readable.from([Buffer.from(`${process.pid}\n`)]), { isPassing: true });
			return () => storage.remove(key).catch(() => {});
		} catch (error) {
			if (!(error instanceof BackupError) || error.code !== 'STORAGE_EXISTS') return async () => {};
		}
		const found = await storage.stat(key).then(
			(held) => held?.modifiedAt.toISOString(),
			() => undefined,
		);
		if (found !== holder) [holder, since] = [found, performance.now()];
		if (performance.now() - since > STALE_AFTER) {
			await storage.remove(key).catch(() => {});
			return async () => {};
		}
		await pause(RETRY_PAUSE * (0.5 + Math.random()));
	}
}
