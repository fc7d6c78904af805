/** What points in time can be recovered, in words: the base of the texts, the page and the metrics. */
import type { LoggedSystem, LogGap } from '../verify';
import type { SeriesState } from './held';
import type { Problem } from './problem';
import type { StorageState } from './state';
import type { Tone } from './tone';
import { readableHours, readableMinute, readableSize, shortName } from './words';

const HOUR_MS = 3_600_000;
/** Of more gaps than these the newest are told, and the others counted. */
const MOST_GAPS = 10;

/** The windows of a server in words. */
export interface WindowRow {
	logged: LoggedSystem;
	/** `main`; with its system identifier where another one has the same name. */
	subject: string;
	tone: Tone;
	/** Of the window that people go on with; empty where nothing can be recovered. */
	from: string;
	to: string;
	/** How long ago it ends: `12 s`; `none`. */
	age: string;
	/** `8 base backups, the newest 3 h old` */
	bases: string;
	/** `312 archives of WAL, 1.2 GB` */
	pieces: string;
	/** When all of its log was seen stored: `12 s ago`, `not known`. */
	archived: string;
	/** The newest first. */
	gaps: GapRow[];
	/** How many more there are. */
	gapsLeft: number;
	problems: Problem[];
}

export interface GapRow {
	state: LogGap['state'];
	/** A word for it: `missing`, `healed`, `not archived yet`. */
	word: string;
	/** What is missing, and what to do. */
	text: string;
}

const WORDS: Record<LogGap['state'], string> = { open: 'missing', healed: 'healed', pending: 'not archived yet' };

/** Hours since the last moment that can be recovered; where there is none, since the first of it was stored. */
export function hoursBehind({ windows, since }: LoggedSystem, now: number): number {
	const last = windows.at(-1);
	return Math.max(0, now - Date.parse(last ? (last.to ?? last.from) : since)) / HOUR_MS;
}

/** Whether it can be told how far behind it is: of a server that nobody asked, nobody knows whether it has written since. */
export function isJudged({ seenAt }: LoggedSystem): boolean {
	return seenAt !== undefined;
}

/** Where people go on, and nothing can be recovered until there is a new base backup. */
export function openGaps({ gaps }: LoggedSystem): LogGap[] {
	return gaps.filter(({ state }) => state === 'open');
}

/** How a server is called; two of them may have one name. */
export function serverName({ name, system }: LoggedSystem, all: readonly LoggedSystem[]): string {
	const isAlone = all.filter((one) => one.name === name).length < 2;
	return isAlone ? shortName(name) : `${shortName(name)} (${system})`;
}

/** The series that its pieces, or else its base backups, make. */
export function seriesOfLog({ kind, baseKind, system }: LoggedSystem, series: readonly SeriesState[]) {
	const own = series.filter((one) => one.system === system);
	return own.find((one) => one.kind === kind) ?? own.find((one) => one.kind === baseKind);
}

/** @param problems by the id of the log that they are about */
export function windowRows(
	{ logs = [], at }: Pick<StorageState, 'logs' | 'at'>,
	problems: ReadonlyMap<string | undefined, Problem[]>,
): WindowRow[] {
	return logs.map((logged) => rowOf(logged, logs, { at, own: problems.get(logged.system) ?? [] }));
}

function rowOf(
	logged: LoggedSystem,
	all: readonly LoggedSystem[],
	{ at, own }: { at: string; own: Problem[] },
): WindowRow {
	const { windows, gaps, pieces, storedBytes, seenAt } = logged;
	const now = Date.parse(at);
	const ago = (iso: string) => readableHours(Math.max(0, now - Date.parse(iso)) / HOUR_MS);
	const last = windows.at(-1);
	const newest = last?.baseTimes.at(-1);
	const bases = last
		? `${last.bases} base ${last.bases === 1 ? 'backup' : 'backups'}`
		: 'no base backup that is of use';
	return {
		logged,
		subject: serverName(logged, all),
		tone: own.some(({ severity }) => severity === 'critical') ? 'bad' : own.length > 0 || !last ? 'doubtful' : 'good',
		from: last ? readableMinute(last.from) : '',
		to: last ? readableMinute(last.to ?? last.from) : '',
		age: last ? readableHours(hoursBehind(logged, now)) : 'none',
		bases: newest === undefined ? bases : `${bases}, the newest ${ago(newest)} old`,
		pieces: `${pieces} ${pieces === 1 ? 'archive' : 'archives'} of WAL, ${readableSize(storedBytes)}`,
		archived: seenAt === undefined ? 'not known' : `${ago(last?.to && last.to > seenAt ? last.to : seenAt)} ago`,
		gaps: gaps.slice(-MOST_GAPS).reverse().map(gapRow),
		gapsLeft: Math.max(0, gaps.length - MOST_GAPS),
		problems: own,
	};
}

function gapRow(gap: LogGap): GapRow {
	const { state } = gap;
	const rest = {
		open: 'What was written since cannot be recovered: make a base backup now, so that recovery begins anew behind it.',
		healed: 'A base backup behind it has healed it; the moments in it are lost.',
		pending: 'A base backup waits for it. It is stored when WAL is archived the next time.',
	}[state];
	return { state, word: WORDS[state], text: `${gapText(gap)}. ${rest}` };
}

/** `WAL from 0/3000000 to 0/5000000, between the transactions of 2026-01-31 02:00 UTC and 2026-01-31 04:00 UTC` */
export function gapText({ fromPosition, toPosition, after, before }: LogGap): string {
	const place = `WAL from ${fromPosition} to ${toPosition}`;
	if (after !== undefined && before !== undefined)
		return `${place}, between the transactions of ${readableMinute(after)} and ${readableMinute(before)}`;
	if (after !== undefined) return `${place}, behind the transaction of ${readableMinute(after)}`;
	return before === undefined ? place : `${place}, before the transaction of ${readableMinute(before)}`;
}

/** One line: `main: any moment from A to B (12 s ago); 8 base backups, the newest 3 h old`. */
export function windowLine({ subject, from, to, age, bases }: WindowRow): string {
	if (from === '') return `${subject}: nothing can be recovered; ${bases}`;
	return `${subject}: any moment from ${from} to ${to} (${age} ago); ${bases}`;
}
