/** BASE_BACKUP in its two forms. Source: PostgreSQL documentation, "Streaming Replication Protocol", of 12, 14 and 18. */
import { commandLiteral } from '../protocol';

export interface BaseBackupChoices {
	/** For `backup_label`. */
	label: string;
	/** `fast` begins at once, with a burst of writing on the server; `spread` as slowly as its regular ones. */
	checkpoint: 'fast' | 'spread';
	/** kB a second that the server sends at most, 32 to 1,048,576; undefined for no limit. */
	maxRate?: number | undefined;
	/** Whether blocks that have not changed since the backup whose manifest was uploaded are left out; from 17 on. */
	incremental: boolean;
}

/** The first version with options in parentheses, and one stream for all archives. */
export const FIRST_WITH_ONE_STREAM = 15;
/** The first version that makes a manifest. */
export const FIRST_WITH_MANIFEST = 13;

/**
 * The server does not wait until its own archiving has the last WAL (that may be broken, or be us), does not verify checksums (it
 * fails the backup where one is wrong; we tell which), and sends no WAL.
 * @param major 12 and later
 */
export function baseBackupCommand(major: number, choices: BaseBackupChoices): string {
	const { label, checkpoint, maxRate, incremental } = choices;
	if (major < FIRST_WITH_ONE_STREAM) {
		const words = [
			`LABEL ${commandLiteral(label)}`,
			'PROGRESS',
			...(checkpoint === 'fast' ? ['FAST'] : []),
			'NOWAIT',
			...(maxRate === undefined ? [] : [`MAX_RATE ${maxRate}`]),
			'TABLESPACE_MAP',
			'NOVERIFY_CHECKSUMS',
			...(major >= FIRST_WITH_MANIFEST ? ["MANIFEST 'yes'", "MANIFEST_CHECKSUMS 'CRC32C'"] : []),
		];
		return `BASE_BACKUP ${words.join(' ')}`;
	}
	const options = [
		`LABEL ${commandLiteral(label)}`,
		'PROGRESS true',
		`CHECKPOINT '${checkpoint}'`,
		'WAIT false',
		...(maxRate === undefined ? [] : [`MAX_RATE ${maxRate}`]),
		'TABLESPACE_MAP true',
		'VERIFY_CHECKSUMS false',
		'WAL false',
		"MANIFEST 'yes'",
		"MANIFEST_CHECKSUMS 'CRC32C'",
		...(incremental ? ['INCREMENTAL'] : []),
	];
	return `BASE_BACKUP (${options.join(', ')})`;
}
