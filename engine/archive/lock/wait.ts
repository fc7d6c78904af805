import { BackupError } from '../../errors';
import { type Clock, systemClock } from '../../storage/clock';
import { acquireLock, type LockOptions, type StorageLock } from './lock';
import type { LockStorage } from './records';

/** How long to go on asking for a lock that another run holds. */
export interface LockWait {
	/** Milliseconds; 0 for a single try. */
	waitMs: number;
	/** Called once, when the wait begins. */
	onWait?: (reason: BackupError) => void;
	/** Tells when to ask again; default the system's. */
	clock?: Clock;
}

const FIRST_MS = 1000;
const MOST_MS = 10_000;

/**
 * Takes a lock, waiting for as long as another run holds it. Who comes first is not sure to get it first.
 * @throws BackupError STORAGE_LOCKED, which says who holds it, when the time is over; CANCELLED at once with the signal
 */
export async function acquireLockInTime(
	storage: LockStorage,
	options: LockOptions,
	{ waitMs, onWait, clock = systemClock }: LockWait,
): Promise<StorageLock> {
	const until = clock.now() + waitMs;
	for (let pause = FIRST_MS, tries = 1; ; pause = Math.min(2 * pause, MOST_MS), tries++) {
		try {
			return await acquireLock(storage, options);
		} catch (error) {
			const left = until - clock.now();
			if (!(error instanceof BackupError) || error.code !== 'STORAGE_LOCKED' || left <= 0) throw error;
			if (tries === 1) onWait?.(error);
			await clock.wait(Math.min(pause, left), options.signal);
		}
	}
}
