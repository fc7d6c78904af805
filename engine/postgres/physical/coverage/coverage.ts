/**
 * What can be recovered: from which moment to which, and where the log has gaps. A pure function of what manifests say.
 *
 * Along one timeline and those that it came from, positions are a line. The log of each ancestor covers it up to where it was left; that of
 * a later one begins with the segment in which it branched off, whose first part is the same. So the stretches of all of them, each cut
 * where it was left, make intervals; what lies between two of them is a gap. Recovery begins with a base backup and reads on to the end
 * of the interval that holds all of the log from the base's start to its end; it can stop anywhere from that end on.
 */
import type { Lsn } from '../lsn';
import type { BaseFacts, ClusterFacts, StretchFacts } from './facts';
import { union, upTo, type Interval } from './intervals';
import type { Ancestor } from './timelines';

/** What can be recovered without a break. */
export interface Window {
	/** The timeline that it ends on: recovery is told to go there. */
	timeline: number;
	/** Any position from here to `endLsn`. */
	startLsn: Lsn;
	endLsn: Lsn;
	/** When the first base backup was finished. */
	startTime: string;
	/** The time up to which the log reaches; undefined where no transaction ended since the base backup, and nothing else tells. */
	endTime: string | undefined;
	/** When the last transaction ended. */
	lastTransaction: string | undefined;
	/** The base backups that lie in it, the oldest first. */
	bases: BaseFacts[];
}

/** Log that is missing between two stretches that are there, or at a base backup. */
export interface Gap extends Interval {
	timeline: number;
	/** When the last transaction before it ended, and the first one after it, where that is known. */
	after: string | undefined;
	before: string | undefined;
	/** Whether a base backup after it lets recovery begin anew behind it. */
	isHealed: boolean;
	/** Whether nothing behind it is stored: then a base backup waits for log that was not archived yet, and nothing says that it is lost. */
	isAtEnd: boolean;
}

/** A base backup from which nothing can be recovered. */
export interface UselessBase {
	base: BaseFacts;
	/** `chain`: a base backup that it needs is missing. `wal`: log from its start to its end is. */
	lacks: 'chain' | 'wal';
}

export interface Coverage {
	systemIdentifier: string;
	/** The newest last. */
	windows: Window[];
	/** In order. */
	gaps: Gap[];
	useless: UselessBase[];
	/** By timeline, what is there of its log, in order. */
	intervals: Map<number, Interval[]>;
}

/** What can be recovered of a cluster. */
export function coverageOf({ systemIdentifier, bases, stretches }: ClusterFacts): Coverage {
	const histories = historiesOf(stretches);
	const timelines = [...new Set([...bases, ...stretches].map(({ timeline }) => timeline))].sort((a, b) => a - b);
	const there = new Set(bases.map(({ id }) => id));
	const whole = bases.filter(({ needs }) => needs.every((id) => there.has(id)));
	const windows = new Map<string, Window>();
	const gaps = new Map<string, Gap>();
	for (const timeline of timelines) {
		const path = pathTo(timeline, histories);
		const onPath = lineOf(path, stretches);
		const found = windowsOn(path, onPath, whole);
		for (const window of found)
			if (!isOnLaterPath(timeline, window.endLsn, histories))
				windows.set(`${window.timeline} ${window.startLsn} ${window.endLsn}`, window);
		for (const gap of gapsOn(path, onPath, whole, found)) gaps.set(`${gap.timeline} ${gap.startLsn}`, gap);
	}
	const used = new Set([...windows.values()].flatMap((window) => window.bases));
	const useless = bases
		.filter((base) => !used.has(base))
		.map((base): UselessBase => ({ base, lacks: whole.includes(base) ? 'wal' : 'chain' }));
	return {
		systemIdentifier,
		windows: [...windows.values()].sort((a, b) => a.timeline - b.timeline || compare(a.startLsn, b.startLsn)),
		gaps: [...gaps.values()].sort((a, b) => compare(a.startLsn, b.startLsn)),
		useless,
		intervals: new Map(
			timelines.map((timeline) => [timeline, union(stretches.filter((stretch) => stretch.timeline === timeline))]),
		),
	};
}

/** Where a line ends that goes on. */
export const END = 2n ** 64n;

/** The timelines that lead to one, as the stored WAL tells them, and that one at last. */
export function pathOf(timeline: number, stretches: readonly StretchFacts[]): Ancestor[] {
	return pathTo(timeline, historiesOf(stretches));
}

/** As pathOf, by what historiesOf found. */
export function pathTo(timeline: number, histories: ReadonlyMap<number, readonly Ancestor[]>): Ancestor[] {
	return [...(histories.get(timeline) ?? []), { timeline, endLsn: END }];
}

/** By timeline, its ancestors, as the longest of its manifests tells them. */
export function historiesOf(stretches: readonly StretchFacts[]): Map<number, readonly Ancestor[]> {
	const histories = new Map<number, readonly Ancestor[]>();
	for (const { timeline, history } of stretches)
		if (history.length >= (histories.get(timeline)?.length ?? 0)) histories.set(timeline, history);
	return histories;
}

/** The stretches of a path, cut where their timeline was left, in order. */
export function lineOf(path: readonly Ancestor[], stretches: readonly StretchFacts[]): StretchFacts[] {
	const ends = new Map(path.map(({ timeline, endLsn }) => [timeline, endLsn]));
	return stretches
		.flatMap((stretch) => {
			const end = ends.get(stretch.timeline);
			if (end === undefined) return [];
			// What was left out may hold the last times.
			const known = stretch.endLsn > end ? { ...stretch, lastTime: undefined, endTime: undefined } : stretch;
			return upTo([known], end);
		})
		.sort((a, b) => compare(a.startLsn, b.startLsn));
}

function windowsOn(path: readonly Ancestor[], line: readonly StretchFacts[], bases: readonly BaseFacts[]): Window[] {
	const ends = new Map(path.map(({ timeline, endLsn }) => [timeline, endLsn]));
	const onPath = bases
		.filter(({ timeline, endLsn }) => endLsn <= (ends.get(timeline) ?? -1n))
		.sort((a, b) => compare(a.endLsn, b.endLsn));
	return union(line).flatMap((interval): Window[] => {
		const inside = onPath.filter(({ startLsn, endLsn }) => startLsn >= interval.startLsn && endLsn <= interval.endLsn);
		const [first] = inside;
		if (!first) return [];
		const log = line.filter(({ startLsn, endLsn }) => startLsn < interval.endLsn && endLsn > first.endLsn);
		const lastTransaction = latest(log.map(({ lastTime }) => lastTime));
		return [
			{
				timeline: timelineAt(path, interval.endLsn - 1n),
				startLsn: first.endLsn,
				endLsn: interval.endLsn,
				startTime: first.finishedAt,
				endTime: latest([lastTransaction, ...log.map(({ endTime }) => endTime)]),
				lastTransaction,
				bases: inside,
			},
		];
	});
}

/** What lies between two intervals, from the first base backup on; and what a base backup lacks behind the last one. */
function gapsOn(
	path: readonly Ancestor[],
	line: readonly StretchFacts[],
	bases: readonly BaseFacts[],
	windows: readonly Window[],
): Gap[] {
	const timelines = new Map(path.map(({ timeline, endLsn }) => [timeline, endLsn]));
	const needed = bases
		.filter(({ timeline, endLsn }) => endLsn <= (timelines.get(timeline) ?? -1n))
		.map(({ startLsn, endLsn }) => ({ startLsn, endLsn }));
	if (needed.length === 0) return [];
	const first = needed.reduce((least, { startLsn }) => (startLsn < least ? startLsn : least), needed[0]!.startLsn);
	const stored = highest(line);
	const last = [...needed].reduce((most, { endLsn }) => (endLsn > most ? endLsn : most), stored);
	const healed = highest(windows);
	const times = new TimesAlong(line);
	const gaps: Gap[] = [];
	let at = first;
	for (const { startLsn, endLsn } of [...union(line), { startLsn: last, endLsn: last }]) {
		if (startLsn > at) {
			gaps.push({
				timeline: timelineAt(path, at),
				startLsn: at,
				endLsn: startLsn,
				...times.around(at, startLsn),
				isHealed: healed > startLsn,
				isAtEnd: stored <= startLsn,
			});
		}
		if (endLsn > at) at = endLsn;
	}
	return gaps;
}

/** When transactions ended before and after places on a line, which are asked for in order: there may be as many as stretches. */
class TimesAlong {
	readonly #byEnd: readonly StretchFacts[];
	#ended = 0;
	#after: string | undefined;
	#next = 0;

	/** @param line in the order of their starts */
	constructor(private readonly line: readonly StretchFacts[]) {
		this.#byEnd = [...line].sort((a, b) => compare(a.endLsn, b.endLsn));
	}

	/** The last time of all that ends by one place, and the first one of what begins at or behind the other. */
	around(end: Lsn, start: Lsn): Pick<Gap, 'after' | 'before'> {
		for (let one = this.#byEnd[this.#ended]; one && one.endLsn <= end; one = this.#byEnd[++this.#ended])
			this.#after = latest([this.#after, one.lastTime]);
		let next = this.line[this.#next];
		while (next && (next.startLsn < start || next.firstTime === undefined)) next = this.line[++this.#next];
		return { after: this.#after, before: next?.firstTime };
	}
}

function highest(intervals: readonly { endLsn: Lsn }[]): Lsn {
	return intervals.reduce((most, { endLsn }) => (endLsn > most ? endLsn : most), 0n);
}

/** The timeline to which the byte at a position belongs. */
export function timelineAt(path: readonly Ancestor[], lsn: Lsn): number {
	return (path.find(({ endLsn }) => lsn < endLsn) ?? path.at(-1)!).timeline;
}

/** Whether a later timeline came from this one behind the window's end: then its path has the same window. */
function isOnLaterPath(timeline: number, end: Lsn, histories: ReadonlyMap<number, readonly Ancestor[]>): boolean {
	return [...histories.values()].some((history) =>
		history.some((one) => one.timeline === timeline && end <= one.endLsn),
	);
}

function latest(times: readonly (string | undefined)[]): string | undefined {
	return times.reduce(
		(a, b) => (a === undefined || (b !== undefined && Date.parse(b) > Date.parse(a)) ? b : a),
		undefined,
	);
}

function compare(a: bigint, b: bigint): number {
	return a < b ? -1 : a > b ? 1 : 0;
}
