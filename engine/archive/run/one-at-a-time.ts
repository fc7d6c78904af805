/**
 * One back up of a series at a time: the lock of lock.ts, with records of its own for each series. A run that was killed is
 * taken over at once on its machine, and by others when its lock was not renewed for some minutes. A run that was taken over, because
 * its machine stood still, finds out before it commits.
 */
import { createHash } from 'node:crypto';

import { BackupError } from '../../errors';
import type { Clock } from '../../storage/clock';
import type { Storage } from '../../storage/storage';
import type { StorageLock } from '../lock/lock';
import { acquireLockInTime } from '../lock/wait';
import { HOUSEKEEPING, safeName } from '../naming';

/** What to do where the same is running already. */
export const IF_RUNNING = ['refuse', 'wait', 'runAnyway'] as const;
export type IfRunning = (typeof IF_RUNNING)[number];

const TTL_MS = 5 * 60 * 1000;

/** What tells one series from another. */
export interface SeriesPlace {
	kind: string;
	name: string;
	/** The server, or what else the backups are of. */
	origin: string;
	folder: string;
	/** What its backups are limited to, where those of other parts may be made meanwhile; undefined for all. */
	part?: string | undefined;
}

export interface OneAtATime {
	ifRunning: IfRunning;
	/** With `wait`: milliseconds. */
	waitMs: number;
	/** For the messages of others: `the workflow "Nightly", execution 17`. */
	owner: string;
	/** Takes what people should know, whole sentences. */
	notice: (sentence: string) => void;
	clock: Clock;
	signal: AbortSignal | undefined;
}

/**
 * Runs the work while no other run of the series does.
 * @param work is given a signal that fires also when another run has taken over, and what to call before it commits
 * @throws BackupError STORAGE_LOCKED, which says who is at it, CANCELLED, STORAGE_UNREACHABLE, and what the work throws
 */
export async function oneAtATime<T>(
	storage: Storage,
	series: SeriesPlace,
	options: OneAtATime,
	work: (signal: AbortSignal | undefined, confirm: () => Promise<void>) => Promise<T>,
): Promise<T> {
	const lock = await lockOf(storage, series, options);
	if (!lock) return await work(options.signal, () => Promise.resolve());
	try {
		return await lock.during(async (signal) => await work(signal, async () => await lock.confirm()), options.signal);
	} finally {
		// What cannot be released expires.
		await lock.release().catch(() => {});
	}
}

/** Undefined where the run is to go on without. */
async function lockOf(
	storage: Storage,
	series: SeriesPlace,
	{ ifRunning, waitMs, owner, notice, clock, signal }: OneAtATime,
): Promise<StorageLock | undefined> {
	const { kind, name, part } = series;
	const subject = `${part === undefined ? '' : 'the same part of '}${kind} ${name}`;
	const options = { owner, folder: folderOf(series), ttlMs: TTL_MS, ...(signal && { signal }) };
	const onWait = (reason: BackupError) => {
		notice(`${runningAlready(subject, reason)} Waiting for it, ${Math.round(waitMs / 60_000)} minutes at most.`);
	};
	try {
		return await acquireLockInTime(storage, options, { waitMs: ifRunning === 'wait' ? waitMs : 0, onWait, clock });
	} catch (error) {
		if (!(error instanceof BackupError) || error.code === 'CANCELLED' || error.code === 'STORAGE_UNREACHABLE')
			throw error;
		if (error.code !== 'STORAGE_LOCKED') {
			// A backup is worth more than the certainty that there is no second one.
			notice(`Whether another back up of ${subject} is running could not be noted in the storage: ${error.message}`);
			return undefined;
		}
		if (ifRunning === 'runAnyway') {
			notice(`${runningAlready(subject, error)} Running beside it, as If This Is Running Already says.`);
			return undefined;
		}
		throw new BackupError('STORAGE_LOCKED', runningAlready(subject, error), {
			cause: error,
			hint: 'Let it end, or choose what to do in If This Is Running Already. A run that was killed loses its place within six minutes, and at once where the next one runs on the same machine, in the same container.',
			...(error.details && { details: error.details }),
		});
	}
}

function folderOf({ kind, name, origin, folder, part }: SeriesPlace): string {
	const digest = createHash('sha256')
		.update(JSON.stringify([kind, name, origin, folder, ...(part === undefined ? [] : [part])]))
		.digest('hex')
		.slice(0, 16);
	return `${HOUSEKEEPING}series/${safeName(`${kind}_${name}`)}~${digest}/`;
}

/** Who is at it comes from the storage: it is told as one line. */
function runningAlready(subject: string, { details = {} }: BackupError): string {
	const told = (value: unknown) =>
		String(value)
			.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
			.slice(0, 300);
	const { owner, host, process, since } = details;
	if (owner === undefined) return `A back up of ${subject} is running already: another run began at the same moment.`;
	const where = host === undefined ? '' : ` (process ${told(process)} on ${told(host)})`;
	return `A back up of ${subject} is running already: by ${told(owner)}${where}, since ${told(since)}.`;
}
