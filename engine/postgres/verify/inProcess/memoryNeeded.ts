import { BackupError } from '../../../errors';

const MB = 1_000_000;

/**
 * Measured with Node 24, for a table with a primary key and indexes: 330 MB for a dump of 1 MB, 430 MB for 20 MB, 640 MB for
 * 50 MB, 720 MB for 100 MB, 1.4 GB for 300 MB. The server's log and caches fill up with the first megabytes.
 */
const START = 340 * MB;
const PER_BYTE = 3.5;
const LOG_AND_CACHES = { perByte: 4, most: 120 * MB };

/** Bytes that are left free for everything else. */
export const RESERVE = 64 * MB;

/** Bytes of memory that a restore takes. A database with many more indexes than tables takes more. */
export function memoryNeeded(rawBytes: number): number {
	const { perByte, most } = LOG_AND_CACHES;
	return START + PER_BYTE * rawBytes + Math.min(perByte * rawBytes, most);
}

/** Whether a restore into memory may be begun. @param available bytes; undefined where nobody knows */
export function fitsInMemory(rawBytes: number, available: number | undefined): boolean {
	return available === undefined || available >= memoryNeeded(rawBytes) + RESERVE;
}

/**
 * @param available bytes; undefined where nobody knows
 * @throws BackupError TARGET_FAILED where it would not fit
 */
export function checkMemory(rawBytes: number, available: number | undefined): void {
	if (available === undefined || fitsInMemory(rawBytes, available)) return;
	const needed = memoryNeeded(rawBytes) + RESERVE;
	throw new BackupError(
		'TARGET_FAILED',
		`A test restore in memory needs ${megabytes(needed)} of memory, and ${megabytes(available)} are available.`,
		{ hint: 'Give more memory; or, for a database, a scratch database on a server.' },
	);
}

function megabytes(bytes: number): string {
	return `${Math.round(bytes / MB)} MB`;
}
