/**
 * Timelines: each recovery and each standby that becomes the primary begins a new one, and its history file tells from which others, and
 * where, it came (https://www.postgresql.org/docs/current/continuous-archiving.html#BACKUP-TIMELINES).
 */
import { BackupError } from '../../../errors';
import { formatLsn, parseLsn, type Lsn } from '../lsn';

/** A timeline in front of another one, and where it was left. */
export interface Ancestor {
	timeline: number;
	/** The log of the ancestor counts up to here. */
	endLsn: Lsn;
}

/** The longest history that is read: some hundred thousand timelines. */
export const LONGEST_HISTORY = 8 * 1024 * 1024;

/**
 * Reads a history file: a line for each ancestor, the oldest first, `1<tab>0/5000000<tab>reason`.
 * @param timeline whose history it is
 * @throws BackupError ARCHIVE_CORRUPT for what is none
 */
export function parseHistory(text: string, timeline: number): Ancestor[] {
	const ancestors: Ancestor[] = [];
	for (const line of text.split('\n')) {
		if (/^\s*(#.*)?$/.test(line)) continue;
		const [, number, lsn] = /^\s*(\d{1,10})\s+([0-9A-F]{1,8}\/[0-9A-F]{1,8})(\s.*)?$/i.exec(line) ?? [];
		const before = ancestors.at(-1);
		const ancestor = lsn === undefined ? undefined : { timeline: Number(number), endLsn: parseLsn(lsn) };
		const isInOrder = (one: Ancestor) => !before || (one.timeline > before.timeline && one.endLsn >= before.endLsn);
		if (!ancestor || ancestor.timeline >= timeline || !isInOrder(ancestor)) throw damaged(timeline);
		ancestors.push(ancestor);
	}
	return ancestors;
}

/** A history file, for a timeline whose own one is not at hand: what the server says of its reasons is not known. */
export function historyText(ancestors: readonly Ancestor[]): string {
	return ancestors.map(({ timeline, endLsn }) => `${timeline}\t${formatLsn(endLsn)}\tas archived\n`).join('');
}

/**
 * All timelines that stretches of WAL tell of, also of those that were left and have no WAL of their own here: the history of
 * one holds that of each of its ancestors.
 */
export function allHistories(told: ReadonlyMap<number, readonly Ancestor[]>): Map<number, readonly Ancestor[]> {
	const all = new Map<number, readonly Ancestor[]>();
	for (const ancestors of told.values()) {
		for (const [index, { timeline }] of ancestors.entries()) all.set(timeline, ancestors.slice(0, index));
	}
	for (const [timeline, ancestors] of told) all.set(timeline, ancestors);
	return all;
}

function damaged(timeline: number): BackupError {
	return new BackupError('ARCHIVE_CORRUPT', `The history of timeline ${timeline} is not one.`, {
		hint: 'The file was damaged or edited. Get it from the server (pg_wal), or make a new base backup.',
	});
}

/** A history as a manifest tells it. */
export type StatedHistory = { timeline: number; endLsn: string }[];

/** What a manifest says of a history. */
export function stateHistory(ancestors: readonly Ancestor[]): StatedHistory {
	return ancestors.map(({ timeline, endLsn }) => ({ timeline, endLsn: formatLsn(endLsn) }));
}
