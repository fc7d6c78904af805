/** What people want to know first, in words: the base of the texts and of the page. */
import { groupedBy } from './namesakes';
import type { Problem } from './problems';
import { subjectOf } from './subject';
import { isReliable, type HeldBackup, type SeriesState } from './held';
import type { StorageState } from './state';
import type { Tone } from './tone';
import { ageHours, VERIFIED_DAYS, type TargetResult, type Targets } from './targets';
import { windowRows, type WindowRow } from './windows';
import { readableHours, readableShare, readableSize } from './words';

export interface Overview {
	tone: Tone;
	/** One line: `All 4 are safe`, `2 of 4 are not safe`. */
	headline: string;
	rows: OverviewRow[];
	/** What point in time can be recovered, by server. */
	windows: WindowRow[];
	targets: { title: string; tone: Tone | 'unknown'; value: string; wanted: string }[];
}

/** A series in words. */
export interface OverviewRow {
	series: SeriesState;
	subject: string;
	tone: Tone;
	/** Age of the newest good backup: `3.2 h`; `none`. */
	age: string;
	/** Size of the newest backup. */
	size: string;
	duration: string;
	/** `verified 2 days ago, restored in 12 s`. */
	verification: string;
	problems: Problem[];
}

const TITLES: Record<keyof Targets, string> = {
	rpoHours: 'Oldest newest backup (RPO)',
	rtoHours: 'Restoring everything (RTO)',
	successRate: 'Good backups, 30 days',
	verifiedShare: `Verified in ${VERIFIED_DAYS} days`,
	windowMinutes: 'Recoverable up to (PITR)',
};

/** @param results of `resultsOf` */
export function overviewOf(
	state: StorageState,
	problems: readonly Problem[],
	results: readonly TargetResult[],
): Overview {
	const own = groupedBy(problems, ({ seriesId }) => seriesId);
	const rows = state.series.map((series) => rowOf(series, state, own.get(series.id) ?? []));
	const windows = windowRows(
		state,
		groupedBy(problems, ({ logId }) => logId),
	);
	const unsafe = rows.filter(({ tone }) => tone === 'bad').length;
	const isBad = problems.some(({ severity }) => severity === 'critical');
	const tone = isBad ? 'bad' : problems.length > 0 ? 'doubtful' : 'good';
	return { tone, headline: headlineOf(rows.length, unsafe, problems), rows, windows, targets: results.map(targetOf) };
}

function headlineOf(count: number, unsafe: number, problems: readonly Problem[]): string {
	const critical = problems.filter(({ severity }) => severity === 'critical').length;
	if (count === 0 && critical > 0) return 'Nothing is safe: there is no backup';
	if (unsafe > 0) return `${unsafe} of ${count} ${unsafe === 1 ? 'is' : 'are'} not safe`;
	if (critical > 0) return `${critical === 1 ? 'One thing is' : `${critical} things are`} not safe`;
	const all = count === 1 ? 'It is safe' : `All ${count} are safe`;
	if (problems.length === 0) return all;
	return `${all}; ${problems.length === 1 ? 'one thing needs' : `${problems.length} things need`} a look`;
}

function rowOf(series: SeriesState, state: StorageState, own: Problem[]): OverviewRow {
	const [last] = series.newest;
	const now = Date.parse(state.at);
	const age = ageHours(series, now);
	return {
		series,
		subject: subjectOf(series, state.series),
		tone: own.some(({ severity }) => severity === 'critical') ? 'bad' : own.length > 0 ? 'doubtful' : 'good',
		age: age === undefined ? 'none' : readableHours(age),
		size: last ? readableSize(last.facts.size.stored) : 'none',
		duration: last ? durationOf(last) : 'none',
		verification: verificationOf(series, now),
		problems: own,
	};
}

function durationOf({ facts }: HeldBackup): string {
	return readableHours(Math.max(0, Date.parse(facts.finishedAt) - Date.parse(facts.startedAt)) / 3_600_000);
}

function verificationOf({ newest, lastVerified, lastRestored, readAt }: SeriesState, now: number): string {
	const [last] = newest;
	if (last?.verification?.verdict === 'failed') return 'failed';
	const words: string[] = [];
	if (lastVerified?.verification) words.push(`verified ${ago(lastVerified.verification.at, now)}`);
	if (lastRestored?.restored) {
		const { at, duration } = lastRestored.restored;
		words.push(`test restore ${ago(at, now)}, ${readableHours(duration / 3_600_000)}`);
	}
	if (readAt !== undefined) words.push(`read by a test restore ${ago(readAt, now)}`);
	if (words.length === 0) return last && isReliable(last) ? 'never verified' : 'not verified';
	return words.join('; ');
}

function ago(iso: string, now: number): string {
	return `${readableHours(Math.max(0, now - Date.parse(iso)) / 3_600_000)} ago`;
}

function targetOf({ target, wanted, actual, isMet }: TargetResult): Overview['targets'][number] {
	const isTime = target === 'rpoHours' || target === 'rtoHours' || target === 'windowMinutes';
	const hours = target === 'windowMinutes' ? 1 / 60 : 1;
	const shown = (value: number) => (isTime ? readableHours(value * hours) : readableShare(value));
	return {
		title: TITLES[target],
		tone: isMet === undefined ? 'unknown' : isMet ? 'good' : 'bad',
		value: actual === undefined ? 'not known' : Number.isFinite(actual) ? shown(actual) : 'no good backup',
		wanted: `${isTime ? 'at most' : 'at least'} ${shown(wanted)}`,
	};
}
