/** What is chosen for a backup or a restore of any system, and how the numbers among it are checked. */
import { BackupError } from '../errors';
import type { Storage } from '../storage/storage';
import type { CodecOptions } from './codec';
import type { EncryptionKeys } from './encryption/encryption';
import type { RunControl } from './run/run';

/** How the archives of a backup are stored. A system adds what is its own. */
export interface ArchiveChoices {
	storage: Storage;
	/** Folder in the storage; by default the usual one of the kind, `postgres`. */
	folder?: string;
	codec: CodecOptions;
	encryption?: EncryptionKeys;
	/** IANA zone of the time in the archive's name; UTC by default. */
	timeZone?: string;
	/** Groups the archives that one run makes. */
	runId?: string;
	tags?: string[];
	signal?: AbortSignal | undefined;
	/** How it runs beside others, and who is told of it; undefined for one that nobody is to see. */
	run?: RunControl | undefined;
	/** Set by asBackUp. */
	beforeCommit?: (() => Promise<void>) | undefined;
}

/** What a number may be: whole, and from `min` to `max`. */
export interface NumberRange {
	min: number;
	max: number;
}

/** Connections that one backup or restore may open for rows. */
export const PARALLEL: NumberRange = { min: 1, max: 32 };

/** Milliseconds that a timer of Node.js or a setting of PostgreSQL can hold: both count in 31 bits. */
export const LONGEST_TIMEOUT = 2_147_483_647;

/**
 * Takes a number only if it is one, whole and in its range: callers without types, and expressions in a node, give
 * empty texts and NaN as well, and a loop up to one of these does nothing without a word.
 * @param what How the message calls it: `Parallel Connections`.
 * @throws BackupError INVALID_INPUT that names it
 */
export function wholeNumber(value: unknown, what: string, { min, max }: NumberRange): number {
	if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
	const given = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? typeof value);
	throw new BackupError('INVALID_INPUT', `${what} is ${given.slice(0, 40)}.`, {
		hint: `Give a whole number from ${min} to ${max}.`,
	});
}
