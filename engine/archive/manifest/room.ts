/** How long the text of a manifest may become. One that is longer than what is read would make a backup that nobody can open. */
import { BackupError } from '../../errors';
import { LIMITS } from '../small-object';
import { bytesOfTables } from './many-tables';
import type { ManifestTable } from './manifest';

/** Bytes of a part in the text: its type, offset, lengths, hash and what it says of tables. */
const PART_BYTES = 300;
/** However large a dump is, its rows make no more frames than these and one for each reading; see frame-size.ts. */
const MOST_FRAMES = 20_000;
/** All that is neither tables nor parts: above all choices and warnings. */
const OTHER_BYTES = 1024 * 1024;

const HINT =
	'Nothing was stored. Back the database up in several runs, each with some of its schemas (Include Schemas), or with fewer tables.';

/**
 * To be asked before any row is read: hours of work must not end with a manifest that has no room for all tables.
 * @param readings how many steps the tables are read in, each of which may end with a frame that is not full
 * @throws BackupError SOURCE_FAILED
 */
export function assertTablesFit(tables: readonly ManifestTable[], readings: number): void {
	const parts = (MOST_FRAMES + readings) * PART_BYTES;
	if (bytesOfTables(tables) + parts + OTHER_BYTES <= LIMITS.manifest) return;
	throw new BackupError(
		'SOURCE_FAILED',
		`There are too many tables for one backup (${tables.length}): the list of them would be longer than ${LIMITS.manifest / 1024 / 1024} MiB.`,
		{ hint: HINT },
	);
}

/** The last look. @throws BackupError SOURCE_FAILED for a text that is longer than what is read */
export function assertReadable(text: string, key: string): void {
	const bytes = Buffer.byteLength(text);
	if (bytes <= LIMITS.manifest) return;
	throw new BackupError(
		'SOURCE_FAILED',
		`The manifest of ${key} would have ${bytes} bytes, and none is read that has more than ${LIMITS.manifest / 1024 / 1024} MiB.`,
		{ hint: HINT },
	);
}
