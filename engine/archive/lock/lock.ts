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

import { BackupError } from '../../errors';
import { HOUSEKEEPING } from '../naming';
import { isGone, thisHolder } from './holder';
import { Records, type LockRecord, type LockStorage } from './records';

export interface LockOptions {
	/** Who holds it, for the message that others get: `workflow "Nightly prune", execution 17`. No secrets. */
	owner: string;
	/** Where its records lie: empty, or with a slash at the end. Default: that of what a storage of backups holds beside them. */
	folder?: string;
	/** The time after which others take over, where it was not renewed. Default 15 minutes. */
	ttlMs?: number;
	/** Tells the time; default the system's clock. */
	clock?: () => Date;
	signal?: AbortSignal;
}

const DEFAULT_TTL_MS = 15 * 60 * 1000;
const CLOCK_SKEW_MS = 60 * 1000;
const KEEP_RECORDS_MS = 24 * 60 * 60 * 1000;

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
	#isAsked: boolean;

	/** Use `acquireLock`. @param isOnlyOurs whether nobody else can have got it at the same moment */
	constructor(
		private readonly records: Records,
		private readonly generation: number,
		record: LockRecord,
		private readonly ttlMs: number,
		private readonly clock: () => Date,
		isOnlyOurs: boolean,
	) {
		this.#isAsked = isOnlyOurs;
		this.#record = record;
		this.#renewAt = Date.parse(record.acquiredAt) + ttlMs / 3;
	}

	/** Key of the object that says who holds it; nobody else has ever stored the same. */
	get key(): string {
		return this.records.keyOf(this.generation);
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
		await this.records.replace(this.generation, renewed);
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
		// Also at once, where a server may have created an object twice: then the run that came second holds the lock.
		if (!this.#isAsked) await this.confirm();
		this.#isAsked = true;
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
		// A record of a generation that is past means nothing; only another's must stay.
		if (!(await this.#isOwn())) return;
		await this.records.replace(this.generation, {
			...this.#record,
			releasedAt: this.clock().toISOString(),
		});
	}

	/** @throws BackupError STORAGE_LOCKED */
	async #assertHeld(): Promise<void> {
		if (!(await this.#isLost())) return;
		throw new BackupError('STORAGE_LOCKED', `Another run has taken over the lock on ${this.records.description}.`, {
			hint: 'This run was slower than the lock lasts, or a clock is wrong. It stopped before doing any harm; run it again.',
		});
	}

	async #isLost(): Promise<boolean> {
		return (await this.records.storedAt(this.generation + 1)) !== undefined || !(await this.#isOwn());
	}

	async #isOwn(): Promise<boolean> {
		return (await this.records.read(this.generation))?.token === this.#record.token;
	}
}

/**
 * Takes the lock of a storage.
 * @throws BackupError STORAGE_LOCKED, which names the owner and the time, where another run holds it
 */
export async function acquireLock(storage: LockStorage, options: LockOptions): Promise<StorageLock> {
	const { owner, folder = HOUSEKEEPING, ttlMs = DEFAULT_TTL_MS, clock = () => new Date(), signal } = options;
	const records = new Records(storage, folder);
	const newest = await records.newest();
	const now = clock();
	if (newest > 0) await assertFree(records, newest, now);
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
		return await begin(records, generation, record, { ttlMs, clock, signal });
	} catch (error) {
		held.delete(record.token);
		throw error;
	}
}

async function begin(
	records: Records,
	generation: number,
	record: LockRecord,
	{ ttlMs, clock, signal }: { ttlMs: number; clock: () => Date; signal: AbortSignal | undefined },
): Promise<StorageLock> {
	const now = clock();
	const isOnlyOurs = await createRecord(records, generation, record, signal);
	const all = await records.all();
	if (all.some((one) => one.generation > generation)) {
		// This run was paused for so long that the records of those after it were cleared away.
		await records.remove(generation);
		throw lockedBy(records, 'by a run that took the lock meanwhile');
	}
	const old = all.filter(
		(one) => one.generation < generation && one.storedAt.getTime() < now.getTime() - KEEP_RECORDS_MS,
	);
	await records.removeAll(old).catch((error: unknown) => {
		// Where nothing may be deleted, as with the keys of a second copy, the old ones stay.
		if (!(error instanceof BackupError) || error.code !== 'STORAGE_DENIED') throw error;
	});
	return new StorageLock(records, generation, record, ttlMs, clock, isOnlyOurs);
}

/** Holds the lock of a storage while the action runs. @throws BackupError STORAGE_LOCKED, and what the action throws */
export async function withLock<T>(
	storage: LockStorage,
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

async function assertFree(records: Records, generation: number, now: Date): Promise<void> {
	const record = await records.read(generation);
	if (!record) return await assertOld(records, generation, now);
	const { releasedAt, holder, token } = record;
	if (releasedAt !== undefined) return;
	const freeAt = Date.parse(record.expiresAt) + CLOCK_SKEW_MS;
	const left = freeAt - now.getTime();
	if (left < 0) return;
	if (holder && isGone(holder, held.has(token))) return;
	if (left - CLOCK_SKEW_MS > KEEP_RECORDS_MS) {
		throw lockedBy(
			records,
			describe(record, freeAt),
			`No run asks for so long, so a clock is or was wrong. Set it right; if that run is over, remove ${records.keyOf(generation)}.`,
		);
	}
	throw lockedBy(records, describe(record, freeAt), WAIT, {
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
async function assertOld(records: Records, generation: number, now: Date): Promise<void> {
	const storedAt = await records.storedAt(generation);
	if (!storedAt || now.getTime() > storedAt.getTime() + DEFAULT_TTL_MS + CLOCK_SKEW_MS) return;
	throw lockedBy(records, 'by a run whose record cannot be read');
}

async function createRecord(
	records: Records,
	generation: number,
	record: LockRecord,
	signal: AbortSignal | undefined,
): Promise<boolean> {
	try {
		if (await records.create(generation, record, signal)) return true;
	} catch (error) {
		if (!(error instanceof BackupError) || error.code !== 'STORAGE_EXISTS') throw error;
		throw lockedBy(records, 'by a run that took the lock at the same moment');
	}
	const stored = await records.read(generation);
	if (stored?.token === record.token) return false;
	throw lockedBy(records, `by ${stored?.owner ?? 'another run'}`);
}

const WAIT =
	'Wait until the other run is over. A run that was killed loses its lock at the time named, and at once where the next one runs on the same machine, in the same container.';

function lockedBy({ description }: Records, by: string, hint = WAIT, details?: Record<string, unknown>): BackupError {
	return new BackupError('STORAGE_LOCKED', `The ${description} is locked ${by}.`, { hint, details });
}
