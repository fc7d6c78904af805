/**
 * The two small files that a base backup brings for the server that recovers from it: `backup_label` says where its WAL begins,
 * `tablespace_map` where tablespaces lay (src/backend/access/transam/xlogbackup.c; do_pg_backup_start in xlog.c).
 */
import { BackupError } from '../../errors';
import { parseLsn, type Lsn } from './lsn';

/** Bytes that either of them may have. */
export const LABEL_BYTES = 1024 * 1024;

export interface BackupLabel {
	/** Of the checkpoint's redo record: WAL is needed from here on. */
	startLsn: Lsn;
	timeline: number;
	/** Where the backup before ended that this one is an increment of; undefined for a whole one. */
	incrementalFrom: Lsn | undefined;
}

/** @throws BackupError ARCHIVE_CORRUPT */
export function parseBackupLabel(text: string): BackupLabel {
	const lines = new Map(
		text.split('\n').flatMap((line): [string, string][] => {
			const at = line.indexOf(': ');
			return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 2)]];
		}),
	);
	const start = /^(\S+) \(file [0-9A-F]{24}\)$/.exec(lines.get('START WAL LOCATION') ?? '')?.[1];
	const timeline = /^[1-9]\d{0,9}$/.exec(lines.get('START TIMELINE') ?? '')?.[0];
	const from = lines.get('INCREMENTAL FROM LSN');
	if (start === undefined || timeline === undefined) throw notALabel();
	try {
		return {
			startLsn: parseLsn(start),
			timeline: Number(timeline),
			incrementalFrom: from === undefined ? undefined : parseLsn(from),
		};
	} catch {
		throw notALabel();
	}
}

export interface TablespaceLine {
	oid: number;
	/** On the server, absolute. */
	location: string;
}

/** Names of folders may hold line breaks: a backslash stands before one, and before a backslash. @throws BackupError ARCHIVE_CORRUPT */
export function parseTablespaceMap(text: string): TablespaceLine[] {
	const lines = text.match(/(?:[^\\\n]|\\[^])+/g) ?? [];
	return lines.map((line) => {
		const [, oid, location] = /^([1-9]\d{0,9}) ([^]+)$/.exec(line) ?? [];
		if (oid === undefined || location === undefined) throw damaged('tablespace_map');
		return { oid: Number(oid), location: location.replace(/\\([^])/g, '$1') };
	});
}

/** What stands in the place of a backup_label is none. */
export function notALabel(): BackupError {
	return damaged('backup_label');
}

function damaged(file: string): BackupError {
	return new BackupError('ARCHIVE_CORRUPT', `The ${file} of the base backup is not what PostgreSQL writes.`, {
		hint: 'Choose another base backup.',
	});
}
