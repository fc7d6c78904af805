import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';

import { BackupError, throwIfCancelled } from '../errors';
import type { Storage } from '../storage';

/** Ends the name of what is beside a record while somebody changes it; retention sweeps those of killed processes. */
const TURN_SUFFIX = '.lock';

/** Milliseconds between two tries, and after which whoever holds a turn was killed in it: it takes a few requests. */
const PAUSE = 25;
const PATIENCE = 6000;

/** The last one in this process that waits for a record, by storage and key. */
const queues = new Map<string, Promise<unknown>>();

/**
 * Lets one at a time change a record: in this process they queue up; others are kept out by an object that only one can
 * create. Where that cannot be had (a bucket that lets nobody delete), and on servers that know no conditional writes
 * in the moment of one request, two may come at once: then what was written last stands.
 * @throws BackupError CANCELLED, and what `use` throws
 */
export async function inTurn<T>(
	storage: Storage,
	key: string,
	signal: AbortSignal | undefined,
	use: () => Promise<T>,
): Promise<T> {
	const name = JSON.stringify([storage.description, key]);
	const before = queues.get(name);
	const turn = (async () => {
		await before;
		const release = await takeTurn(storage, key + TURN_SUFFIX, signal);
		try {
			return await use();
		} finally {
			await release();
		}
	})();
	const settled = turn.then(
		() => {},
		() => {},
	);
	queues.set(name, settled);
	try {
		return await turn;
	} finally {
		if (queues.get(name) === settled) queues.delete(name);
	}
}

/** Answers how to give it back. */
async function takeTurn(storage: Storage, key: string, signal?: AbortSignal): Promise<() => Promise<void>> {
	let holder: string | undefined;
	let since = performance.now();
	for (;;) {
		throwIfCancelled(signal);
		try {
			await storage.write(key, Readable.from([Buffer.from(`${process.pid}\n`)]));
			return () => storage.remove(key).catch(() => {});
		} catch (error) {
			if (!(error instanceof BackupError) || error.code !== 'STORAGE_EXISTS') return async () => {};
		}
		const found = await storage.stat(key).then(
			(held) => held?.modifiedAt.toISOString(),
			() => undefined,
		);
		if (found !== holder) [holder, since] = [found, performance.now()];
		if (performance.now() - since > PATIENCE) {
			await storage.remove(key).catch(() => {});
			return async () => {};
		}
		await pause(PAUSE * (0.5 + Math.random()));
	}
}
