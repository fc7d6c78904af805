/**
 * Which WAL stays, and which base backups the recovery window needs.
 *
 * For each window that can be recovered and reaches into the days that are asked for, the newest base backup from before them has to stay, or,
 * where none is as old, the first one behind the gap. The log stays from the lowest start of all these on, on every timeline: positions are
 * compared, not times. Of older log only that stays which a base backup needs that is kept for another reason, to become consistent. What lies
 * on a timeline on which nothing can be recovered is not judged, and stays, unless the timeline is a dead end: see deadEnds.ts.
 */
import type { LogMember, LogPlan, LogReason, SystemLog } from '../../verify/log';
import {
	baseFacts,
	CoverageCollector,
	coverageOf,
	pathOf,
	stretchFacts,
	union,
	type BaseFacts,
	type Interval,
	type StretchFacts,
	type Window,
} from './coverage';
import { deadEndsOf } from './deadEnds';
import type { Lsn } from './lsn';

const DAY_MS = 24 * 60 * 60 * 1000;
/** So long before the end of the recovery window nothing has come to a timeline that is a dead end; longer where the window is longer. */
const DEAD_AFTER_DAYS = 7;

/** What is known of a base backup or of a stretch of WAL. */
export type WalFacts = { systemIdentifier: string } & (
	{ base: BaseFacts; stretch?: undefined } | { stretch: StretchFacts; base?: undefined }
);

type Member = LogMember<WalFacts>;
type Base = Member & { facts: { base: BaseFacts } };
type Stretch = Member & { facts: { stretch: StretchFacts } };

/** What is there of one cluster. */
interface Cluster {
	bases: Base[];
	stretches: Stretch[];
}

export const walLog: SystemLog<WalFacts> = {
	bases: 'postgres-base',
	pieces: 'postgres-wal',
	collector: () => new CoverageCollector(),
	factsOf: (manifest, key) => {
		if (manifest.kind === 'postgres-base') {
			const read = baseFacts(manifest, key);
			return read && { systemIdentifier: read.systemIdentifier, base: read.facts };
		}
		const read = stretchFacts(manifest, key);
		return read && { systemIdentifier: read.systemIdentifier, stretch: read.facts };
	},
	planOf: (members, window) => {
		const plans = [...clustersOf(members).values()].map((cluster) => planOf(cluster, window));
		return {
			bases: new Map(plans.flatMap(({ bases }) => [...bases])),
			pieces: (staying, unjudged) => new Map(plans.flatMap((plan) => [...plan.pieces(staying, unjudged)])),
		};
	},
};

function clustersOf(members: readonly Member[]): Map<string, Cluster> {
	const clusters = new Map<string, Cluster>();
	for (const member of members) {
		const { systemIdentifier } = member.facts;
		const cluster = clusters.get(systemIdentifier) ?? { bases: [], stretches: [] };
		clusters.set(systemIdentifier, cluster);
		if (member.facts.base) cluster.bases.push(member as Base);
		else cluster.stretches.push(member as Stretch);
	}
	return clusters;
}

function planOf(cluster: Cluster, { days, now }: { days: number; now: Date }): LogPlan<WalFacts> {
	const good = cluster.stretches.filter(({ isGood }) => isGood).map(({ facts }) => facts.stretch);
	const originals = firstOfEach(cluster.bases.filter(({ isGood }) => isGood));
	const bases = originals.map(({ facts }) => facts.base);
	const { windows } = coverageOf({ systemIdentifier: '', bases, stretches: good });
	const first = firstBases(windows, { days, now });
	const text = `the recovery window of ${days} days begins with it`;
	const needed = originals.filter(({ facts }) => first.has(facts.base));
	return {
		bases: new Map(needed.map((base) => [base, { rule: 'recovery', text }])),
		pieces: (staying, unjudged) => {
			const before = beginOf(windows, now.getTime()) - Math.max(days, DEAD_AFTER_DAYS) * DAY_MS;
			const judged = judgeOf(cluster, { windows, first, good, days, before, unjudged }, staying);
			const covered = coveredIn(cluster.stretches);
			const kept = cluster.stretches.filter((stretch) => !covered.has(stretch));
			return new Map(
				kept.flatMap((stretch): [Member, LogReason][] => {
					const reason = judged(stretch.facts.stretch);
					return reason ? [[stretch, reason]] : [];
				}),
			);
		},
	};
}

/** Each once, although there may be copies of it. */
function firstOfEach(bases: readonly Base[]): Base[] {
	const seen = new Set<string>();
	return bases.filter(({ facts: { base } }) => !seen.has(base.id) && seen.add(base.id));
}

/** The base backups with which the window begins: the first one of each part of it that has no gap, and the newest one from before it. */
function firstBases(windows: readonly Window[], { days, now }: { days: number; now: Date }): Set<BaseFacts> {
	const from = beginOf(windows, now.getTime()) - days * DAY_MS;
	const isBefore = ({ finishedAt }: BaseFacts) => Date.parse(finishedAt) < from;
	const first = new Set<BaseFacts>();
	for (const { bases, endTime } of windows) {
		if (endTime !== undefined && Date.parse(endTime) < from) continue;
		first.add(bases.findLast(isBefore) ?? bases[0]!);
	}
	const older = windows.flatMap(({ bases }) => bases).filter(isBefore);
	if (older.length > 0)
		first.add(older.reduce((a, b) => (Date.parse(b.finishedAt) > Date.parse(a.finishedAt) ? b : a)));
	return first;
}

/**
 * What the days are counted back from: the last moment that can be recovered, where that lies before now. So neither a clock that is
 * ahead nor an archiving that has stopped makes the window smaller.
 */
function beginOf(windows: readonly Window[], now: number): number {
	const times = windows.flatMap(({ endTime, bases }) => [endTime, ...bases.map(({ finishedAt }) => finishedAt)]);
	const known = times.filter((time) => time !== undefined).map((time) => Date.parse(time));
	return Math.min(now, known.length === 0 ? now : known.reduce((a, b) => Math.max(a, b)));
}

interface Situation {
	windows: readonly Window[];
	/** The base backups with which the recovery window begins. */
	first: ReadonlySet<BaseFacts>;
	/** The stretches that can be relied on. */
	good: readonly StretchFacts[];
	days: number;
	/** A dead end is older than this. */
	before: number;
	unjudged: string | undefined;
}

/** Tells why a stretch stays; undefined for what may go. */
function judgeOf(
	cluster: Cluster,
	{ windows, first, good, days, before, unjudged }: Situation,
	staying: ReadonlySet<Member>,
): (stretch: StretchFacts) => LogReason | undefined {
	const [lowest] = [...first].sort((a, b) => (a.startLsn < b.startLsn ? -1 : 1));
	const why = unjudged ?? (lowest ? undefined : 'no base backup is known from which this cluster could be recovered');
	if (why !== undefined || !lowest) return () => ({ rule: 'unjudged', text: why! });
	const known = new Set(windows.flatMap(({ timeline }) => pathOf(timeline, good).map((one) => one.timeline)));
	const window = { rule: 'recovery', text: windowText(lowest, days) } as const;
	const needing = cluster.bases.filter((base) => staying.has(base)).map(({ facts }) => facts.base);
	const needed = union(needing);
	const forBases = { rule: 'needed', text: 'base backups that stay need it to be consistent' } as const;
	const stretches = cluster.stretches.map(({ facts }) => facts.stretch);
	const dead = deadEndsOf(stretches, [...needing, ...first], before);
	return ({ timeline, startLsn, endLsn }) => {
		if (dead.has(timeline)) return undefined;
		if (endLsn >= lowest.startLsn) return window;
		if (overlapsAny(needed, startLsn, endLsn)) return forBases;
		if (!known.has(timeline)) return { rule: 'unjudged', text: `nothing can be recovered on timeline ${timeline}` };
		return undefined;
	};
}

function windowText({ key }: BaseFacts, days: number): string {
	return `the recovery window of ${days} days begins with the base backup ${key}`;
}

function overlapsAny(intervals: readonly Interval[], startLsn: Lsn, endLsn: Lsn): boolean {
	return intervals.some((one) => one.startLsn < endLsn && startLsn <= one.endLsn);
}

/** The stretches with a part of a segment that a longer one of the same timeline holds as well. */
function coveredIn(stretches: readonly Stretch[]): Set<Stretch> {
	const covered = new Set<Stretch>();
	const longest = new Map<number, StretchFacts>();
	for (const one of stretches
		.filter(({ isGood }) => isGood)
		.sort((a, b) => byPlace(a.facts.stretch, b.facts.stretch))) {
		const { timeline, endLsn, isPartial } = one.facts.stretch;
		const before = longest.get(timeline);
		if (isPartial && before && before.endLsn >= endLsn) covered.add(one);
		else if (!before || before.endLsn < endLsn) longest.set(timeline, one.facts.stretch);
	}
	return covered;
}

/** What holds another one comes before it. */
function byPlace(a: StretchFacts, b: StretchFacts): number {
	if (a.startLsn !== b.startLsn) return a.startLsn < b.startLsn ? -1 : 1;
	if (a.endLsn !== b.endLsn) return a.endLsn > b.endLsn ? -1 : 1;
	return Number(a.isPartial) - Number(b.isPartial) || (a.key < b.key ? -1 : 1);
}
