/**
 * The settings that a server recovers by. They go to the end of `postgresql.auto.conf`, which the server reads last, wherever its other
 * configuration lies; of settings that are there twice the last counts.
 */
import { BackupError } from '../../../errors';
import { formatLsn } from '../lsn';
import { formatTime, type RecoveryAction, type RecoveryTarget } from './target';

/** The folder in the data directory from which the server takes its log while it recovers. */
export const WAL_FOLDER = 'wal_restore';
export const AUTO_CONF = 'postgresql.auto.conf';
export const SIGNAL = 'recovery.signal';

export interface RecoverySettings {
	target: RecoveryTarget;
	action: RecoveryAction;
	timeline: number;
	/** Undefined: as the server that was backed up has it. */
	port?: number | undefined;
	/** Whether `archive_command` and the like of the server that was backed up stay at work. */
	keepsArchiving?: boolean;
	/** Whether tablespaces are folders in the data directory. */
	tablespacesInPlace?: boolean;
}

/** All that say where to end: where one of an earlier recovery were left, a server would refuse two. */
const TARGETS = [
	'recovery_target',
	'recovery_target_time',
	'recovery_target_lsn',
	'recovery_target_xid',
	'recovery_target_name',
] as const;

/** What is appended to postgresql.auto.conf. @throws BackupError INVALID_INPUT (the port) */
export function settingsText(settings: RecoverySettings): string {
	const { target, action, timeline, port, keepsArchiving = false, tablespacesInPlace = false } = settings;
	const of = valueOf(target);
	const lines: [name: string, value: string][] = [
		['restore_command', `cp "${WAL_FOLDER}/%f" "%p"`],
		['recovery_end_command', ''],
		['archive_cleanup_command', ''],
		['recovery_min_apply_delay', '0'],
		// The one that counts comes last: a server that has read it takes even an empty one behind it for a second.
		...TARGETS.filter((name) => name !== of?.name).map((name): [string, string] => [name, '']),
		...(of ? [[of.name, of.value] satisfies [string, string]] : []),
		['recovery_target_inclusive', 'inclusive' in target && !target.inclusive ? 'off' : 'on'],
		['recovery_target_action', action],
		['recovery_target_timeline', String(timeline)],
		['primary_conninfo', ''],
		['primary_slot_name', ''],
	];
	if (!keepsArchiving) lines.push(['archive_mode', 'off']);
	if (tablespacesInPlace) lines.push(['allow_in_place_tablespaces', 'on']);
	if (port !== undefined) lines.push(['port', String(checkedPort(port))]);
	const text = lines.map(([name, value]) => `${name} = ${quoted(value)}\n`).join('');
	return `\n# Written by Recover of Postgres PITR.\n${text}`;
}

function valueOf(target: RecoveryTarget): { name: (typeof TARGETS)[number]; value: string } | undefined {
	switch (target.type) {
		case 'time':
			return { name: 'recovery_target_time', value: formatTime(target.time) };
		case 'lsn':
			return { name: 'recovery_target_lsn', value: formatLsn(target.lsn) };
		case 'transaction':
			return { name: 'recovery_target_xid', value: String(target.transaction) };
		case 'restorePoint':
			return { name: 'recovery_target_name', value: target.name };
		case 'immediate':
			return { name: 'recovery_target', value: 'immediate' };
		case 'end':
			return undefined;
	}
}

function checkedPort(port: number): number {
	if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
	throw new BackupError('INVALID_INPUT', `${port} is no port.`, { hint: 'Give one from 1 to 65535.' });
}

/** As PostgreSQL quotes values of settings (guc-file.l): a quote and a backslash stand twice; a line has no way to hold another one. */
export function quoted(value: string): string {
	if (/[\n\r\0]/.test(value)) throw new RangeError('A setting cannot hold a line break.');
	return `'${value.replace(/['\\]/g, '$&$&')}'`;
}
