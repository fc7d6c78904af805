/**
 * One run at a time on a storage, by nothing but what every storage can do: create an object only where there is none.
 *
 * Each holder is a generation with an object of its own, `lock-000000000042.json`: owner, a random token, when it expires.
 * Whoever finds the newest generation released or expired creates the next one; of several only one succeeds, so a lock
 * is never taken over twice. Nobody ever deletes or overwrites another's record to get the lock, and a released record
 * stays (the newest, and those of the last day): a run that looked long ago cannot create a generation that is past.
 *
 * A holder renews its record as it goes on, and finds out at each step (`confirm`) when it was too slow and was taken over:
 * a newer generation exists. Clocks may differ by a minute. On S3 servers without conditional writes, creating leaves a
 * window of one request in which two may succeed; the one whose record was replaced finds another's token in it.
 *
 * A record also names the process that holds it. Where that process is certainly gone (`isGone`), a run on the same machine need not
 * wait until the record expires: it creates the next generation, as after an expired one.
 */
import { randomUUID } from 'node:crypto';

import { z } from 'zod';

import { HOUSEKEEPING, LIMITS } from '../../archive';
import { BackupError } from '../../errors';
import type { Storage } from '../../storage/storage';
import { holderSchema, isGone, thisHolder } from './holder';
import { parseJson, readSmall } from '../housekeeping';

export interface LockOptions {
	/** Who holds it, for the message that others get: `workflow "Nightly prune", execution 17`. No secrets. */
	owner: string;
	/** The time after which others take over, where it was not renewed. Default 15 minutes. */
	ttlMs?: number;
	/** Tells the time; default the system's clock. */
	clock?: () => Date;
	signal?: AbortSignal;
}

const DEFAULT_TTL_MS = 15 * 60 * 1000;
const CLOCK_SKEW_MS = 60 * 1000;
const KEEP_RECORDS_MS = 24 * 60 * 60 * 1000;

const PREFIX = `${HOUSEKEEPING}lock-`;
const DIGITS = 12;
const LOCK_KEY = /lock-(\d{12})\.json$/;

const recordSchema = z.object({
	owner: z.string(),
	token: z.string(),
	acquiredAt: z.string().datetime(),
	expiresAt: z.string().datetime(),
	releasedAt: z.string().datetime().optional(),
	/** Missing in records of earlier versions; one that is no such thing is as good as none. */
	holder: holderSchema.optional().catch(undefined),
});
type LockRecord = z.infer<typeof recordSchema>;

/**
 * The tokens of the locks that runs of this thread hold: the process of a record may live on while its run is over. n8n may
 * load the package more than once, so they are kept with what all of them see.
 */
const HELD = Symbol.for('n8n-nodes-stack-backup.locks');
const held = ((globalThis as { [HELD]?: Set<string> })[HELD] ??= new Set<string>());

/** A lock that is held. */
export class StorageLock {
	#record: LockRecord;
	#renewAt: number;

	/** Use `acquireLock`. */
	constructor(
		private readonly storage: Storage,
		private readonly generation: number,
		record: LockRecord,
		private readonly ttlMs: number,
		private readonly clock: () => Date,
	) {
		this.#record = record;
		this.#renewAt = Date.parse(record.acquiredAt) + ttlMs / 3;
	}

	/**
	 * Makes sure that the lock is still held, and renews it when a third of its time is over. Call it before every step
	 * that only one run may take.
	 * @throws BackupError STORAGE_LOCKED where another run has taken over
	 */
	async confirm(): Promise<void> {
		const now = this.clock().getTime();
		// The clock of a machine that was paused may have stood still, so the storage is asked each time.
		await this.#assertHeld();
		if (now < this.#renewAt) return;
		const renewed = { ...this.#record, expiresAt: new Date(now + this.ttlMs).toISOString() };
		await writeRecord(this.storage, this.generation, renewed);
		// Somebody may have found it expired just before.
		await this.#assertHeld();
		this.#record = renewed;
		this.#renewAt = now + this.ttlMs / 3;
	}

	/**
	 * Renews the lock while a step runs that may take long. The step's signal fires when another run has taken over.
	 * @throws BackupError STORAGE_LOCKED, and what the step throws
	 */
	async during<T>(step: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T> {
		await this.confirm();
		const lost = new AbortController();
		const timer = setInterval(() => {
			this.confirm().catch((error: unknown) => {
				// What else fails may pass; an expired lock is noticed by the next renewal.
				if (error instanceof BackupError && error.code === 'STORAGE_LOCKED') lost.abort();
			});
		}, this.ttlMs / 6);
		try {
			return await step(signal ? AbortSignal.any([signal, lost.signal]) : lost.signal);
		} catch (error) {
			if (lost.signal.aborted) await this.#assertHeld();
			throw error;
		} finally {
			clearInterval(timer);
		}
	}

	/** Lets the next run have it at once. Does nothing where another run has taken over. */
	async release(): Promise<void> {
		held.delete(this.#record.token);
		if (await this.#isLost()) return;
		await writeRecord(this.storage, this.generation, {
			...this.#record,
			releasedAt: this.clock().toISOString(),
		});
	}

	/** @throws BackupError STORAGE_LOCKED */
	async #assertHeld(): Promise<void> {
		if (!(await this.#isLost())) return;
		throw new BackupError('STORAGE_LOCKED', `Another run has taken over the lock on ${this.storage.description}.`, {
			hint: 'This run was slower than the lock lasts, or a clock is wrong. It stopped before doing any harm; run it again.',
		});
	}

	async #isLost(): Promise<boolean> {
		if (await this.storage.stat(keyOf(this.generation + 1))) return true;
		const record = await readRecord(this.storage, this.generation);
		return record?.token !== this.#record.token;
	}
}

/**
 * Takes the lock of a storage.
 * @throws BackupError STORAGE_LOCKED, which names the owner and the time, where another run holds it
 */
export async function acquireLock(storage: Storage, options: LockOptions): Promise<StorageLock> {
	const { owner, ttlMs = DEFAULT_TTL_MS, clock = () => new Date(), signal } = options;
	const newest = await newestGeneration(storage);
	const now = clock();
	if (newest > 0) await assertFree(storage, newest, now);
	const generation = newest + 1;
	const record: LockRecord = {
		owner,
		token: randomUUID(),
		acquiredAt: now.toISOString(),
		expiresAt: new Date(now.getTime() + ttlMs).toISOString(),
		holder: thisHolder(),
	};
	// Before anybody can read the record: a run of this process must not take it for one that is over.
	held.add(record.token);
	try {
		return await begin(storage, generation, record, { ttlMs, clock, signal });
	} catch (error) {
		held.delete(record.token);
		throw error;
	}
}

async function begin(
	storage: Storage,
	generation: number,
	record: LockRecord,
	{ ttlMs, clock, signal }: { ttlMs: number; clock: () => Date; signal: AbortSignal | undefined },
): Promise<StorageLock> {
	const now = clock();
	await createRecord(storage, generation, record, signal);
	if ((await newestGeneration(storage)) > generation) {
		// This run was paused for so long that the records of those after it were cleared away.
		await storage.remove(keyOf(generation));
		throw lockedBy(storage, 'by a run that took the lock meanwhile');
	}
	await removeOldRecords(storage, generation, now);
	return new StorageLock(storage, generation, record, ttlMs, clock);
}

/** Holds the lock of a storage while the action runs. @throws BackupError STORAGE_LOCKED, and what the action throws */
export async function withLock<T>(
	storage: Storage,
	options: LockOptions,
	action: (lock: StorageLock) => Promise<T>,
): Promise<T> {
	const lock = await acquireLock(storage, options);
	try {
		return await action(lock);
	} finally {
		// What cannot be released expires.
		await lock.release().catch(() => {});
	}
}

/** The newest generation, 0 where there is none. Listings of some servers lag behind, so what follows is asked for. */
async function newestGeneration(storage: Storage): Promise<number> {
	let newest = 0;
	for await (const { key } of storage.list(PREFIX)) newest = Math.max(newest, Number(LOCK_KEY.exec(key)?.[1] ?? 0));
	while (await storage.stat(keyOf(newest + 1))) newest++;
	return newest;
}

async function assertFree(storage: Storage, generation: number, now: Date): Promise<void> {
	const record = await readRecord(storage, generation);
	if (!record) return await assertOld(storage, generation, now);
	const { releasedAt, holder, token } = record;
	if (releasedAt !== undefined) return;
	const freeAt = Date.parse(record.expiresAt) + CLOCK_SKEW_MS;
	const left = freeAt - now.getTime();
	if (left < 0) return;
	if (holder && isGone(holder, held.has(token))) return;
	if (left - CLOCK_SKEW_MS > KEEP_RECORDS_MS) {
		throw lockedBy(
			storage,
			describe(record, freeAt),
			`No run asks for so long, so a clock is or was wrong. Set it right; if that run is over, remove ${keyOf(generation)}.`,
		);
	}
	throw lockedBy(storage, describe(record, freeAt), WAIT, {
		owner: record.owner,
		...(holder && { host: holder.host, process: holder.pid }),
		since: record.acquiredAt,
		freeAt: new Date(freeAt).toISOString(),
	});
}

/** Who holds it, where, since when, and when others may have it. */
function describe({ owner, holder, acquiredAt }: LockRecord, freeAt: number): string {
	const where = holder ? ` (process ${holder.pid} on ${holder.host})` : '';
	return `by ${owner}${where} since ${acquiredAt}; unless it goes on, it loses the lock at ${new Date(freeAt).toISOString()}`;
}

/** A record that cannot be read holds the lock for as long as one that can. */
async function assertOld(storage: Storage, generation: number, now: Date): Promise<void> {
	const found = await storage.stat(keyOf(generation));
	if (!found || now.getTime() > found.modifiedAt.getTime() + DEFAULT_TTL_MS + CLOCK_SKEW_MS) return;
	throw lockedBy(storage, 'by a run whose record cannot be read');
}

async function createRecord(
	storage: Storage,
	generation: number,
	record: LockRecord,
	signal: AbortSignal | undefined,
): Promise<void> {
	const source = (async function* () {
		yield await Promise.resolve(formatRecord(record));
	})();
	try {
		await storage.write(keyOf(generation), source, signal ? { signal } : {});
	} catch (error) {
		if (!(error instanceof BackupError) || error.code !== 'STORAGE_EXISTS') throw error;
		throw lockedBy(storage, 'by a run that took the lock at the same moment');
	}
	const stored = await readRecord(storage, generation);
	if (stored?.token !== record.token) throw lockedBy(storage, `by ${stored?.owner ?? 'another run'}`);
}

async function removeOldRecords(storage: Storage, generation: number, now: Date): Promise<void> {
	for await (const { key, modifiedAt } of storage.list(PREFIX)) {
		const isOlder = Number(LOCK_KEY.exec(key)?.[1] ?? generation) < generation;
		if (isOlder && now.getTime() - modifiedAt.getTime() > KEEP_RECORDS_MS) await storage.remove(key);
	}
}

async function readRecord(storage: Storage, generation: number): Promise<LockRecord | undefined> {
	return recordSchema.safeParse(parseJson(await readSmall(storage, keyOf(generation), LIMITS.lock))).data;
}

async function writeRecord(storage: Storage, generation: number, record: LockRecord): Promise<void> {
	await storage.replace(keyOf(generation), formatRecord(record));
}

function formatRecord(record: LockRecord): Buffer {
	return Buffer.from(`${JSON.stringify(record, null, 2)}\n`);
}

function keyOf(generation: number): string {
	return `${PREFIX}${String(generation).padStart(DIGITS, '0')}.json`;
}

const WAIT =
	'Wait until the other run is over. A run that was killed loses its lock at the time named, and at once where the next one runs on the same machine, in the same container.';

function lockedBy(storage: Storage, by: string, hint = WAIT, details?: Record<string, unknown>): BackupError {
	return new BackupError('STORAGE_LOCKED', `The ${storage.description} is locked ${by}.`, { hint, details });
}
