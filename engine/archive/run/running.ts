/**
 * What runs now: a small object for each run that lasts, `.stack-backup/running/<id>.json`, which the run replaces every half minute and
 * removes at its end; that of a restore, when its entry in the journal is written. One that was not replaced for minutes is of a run that was killed. Whoever can write to the storage can
 * write such objects as well: nothing is decided by them, and what they say is shown as text.
 */
import { z } from 'zod';

import { throwIfCancelled } from '../../errors';
import { inParallel } from '../../parallel';
import type { Storage, StoredObject } from '../../storage/storage';
import { HOUSEKEEPING } from '../naming';
import { LIMITS } from '../small-object';
import { parseJson, readSmall } from '../small-text';

const FOLDER = `${HOUSEKEEPING}running/`;
const KEY = /^\.stack-backup\/running\/[0-9a-f-]{36}\.json$/;
/** Ten beats were missed. */
const DEAD_AFTER_MS = 5 * 60 * 1000;
const CLEARED_AFTER_MS = 24 * 60 * 60 * 1000;
/** More than these do not run at once; of more objects, the newest are read. */
const MOST_READ = 200;
const READERS = 8;

const text = (most: number) => z.string().max(most);
const amount = z.number().nonnegative().max(Number.MAX_SAFE_INTEGER);

export const RUN_ACTIONS = ['backUp', 'restore', 'verify', 'copy'] as const;
export type RunAction = (typeof RUN_ACTIONS)[number];

const recordSchema = z.object({
	formatVersion: z.literal(1),
	id: z.string().uuid(),
	action: z.enum(RUN_ACTIONS),
	/** Of the backup: `postgres`; empty where it is about several. */
	kind: text(100),
	name: text(1000),
	/** ISO 8601, UTC. */
	startedAt: z.string().datetime(),
	/** Bytes that went to or came from the storage so far, and how many a second lately. */
	bytes: amount,
	bytesPerSecond: amount,
	/** Where it is known, or can be told by the backup before. */
	totalBytes: amount.optional(),
	workflow: text(1000),
	/** Signs of earlier versions do not have it. */
	workflowId: text(200).optional(),
	execution: text(200),
	host: text(300),
	process: z.number().int().nonnegative(),
});
export type RunRecord = z.infer<typeof recordSchema>;

/** A run that has left a sign of life. */
export interface RunningRun extends RunRecord {
	/** When the last one came, on the storage's clock; ISO 8601, UTC. */
	seenAt: string;
	/** None came for five minutes: it was killed, or its machine is gone. */
	isDead: boolean;
}

export function runningKey(id: string): string {
	return `${FOLDER}${id}.json`;
}

export function formatRun(record: RunRecord): Buffer {
	return Buffer.from(`${JSON.stringify(record, null, 2)}\n`);
}

/**
 * What runs now, and what was killed within the last day, the oldest first. What cannot be read is passed over.
 * @throws BackupError CANCELLED, and what the storage throws where it cannot be listed
 */
export async function readRunning(
	storage: Storage,
	{ now = new Date(), signal }: { now?: Date; signal?: AbortSignal } = {},
): Promise<RunningRun[]> {
	const objects = await objectsIn(storage, signal);
	objects.sort((a, b) => b.modifiedAt.getTime() - a.modifiedAt.getTime());
	const runs: RunningRun[] = [];
	await inParallel(objects.slice(0, MOST_READ), READERS, async ({ key, modifiedAt }) => {
		throwIfCancelled(signal);
		const age = now.getTime() - modifiedAt.getTime();
		if (age > CLEARED_AFTER_MS) return;
		const found = await readSmall(storage, key, LIMITS.lock, signal).catch(() => undefined);
		const { data } = recordSchema.safeParse(parseJson(found));
		// A copy under another name would be told twice.
		if (!data || runningKey(data.id) !== key) return;
		runs.push({ ...data, seenAt: modifiedAt.toISOString(), isDead: age > DEAD_AFTER_MS });
	});
	return runs.sort((a, b) => (a.startedAt < b.startedAt ? -1 : 1));
}

/**
 * Removes what runs have left that were killed more than a day ago.
 * @returns the keys of what was removed
 * @throws BackupError as readRunning does
 */
export async function clearDeadRuns(storage: Storage, now: Date, signal?: AbortSignal): Promise<string[]> {
	const isOld = ({ modifiedAt }: StoredObject) => now.getTime() - modifiedAt.getTime() > CLEARED_AFTER_MS;
	const keys = (await objectsIn(storage, signal)).filter(isOld).map(({ key }) => key);
	if (keys.length === 0) return [];
	const failed = new Set((await storage.removeMany(keys, signal)).map(({ key }) => key));
	return keys.filter((key) => !failed.has(key));
}

async function objectsIn(storage: Storage, signal: AbortSignal | undefined): Promise<StoredObject[]> {
	const objects: StoredObject[] = [];
	for await (const object of storage.list(FOLDER)) {
		throwIfCancelled(signal);
		if (KEY.test(object.key)) objects.push(object);
	}
	return objects;
}
