import type { Lsn } from '../lsn';

/** A place in the log to which somebody has given a name. */
export interface RestorePoint {
	name: string;
	/** Where its record ends. */
	lsn: Lsn;
	/** Microseconds since 1970. */
	time: number;
}

/** Of an archive's restore points so many are told by its manifest; who makes more has to let the WAL be read for the others. */
const RESTORE_POINTS_TOLD = 100;

/** What the records of a stretch of WAL tell. */
export interface WalFacts {
	/** Records that are whole. */
	records: number;
	commits: number;
	/** The first ones of them, and how many there are. */
	restorePoints: RestorePoint[];
	restorePointCount: number;
	/** The first and the latest time at which a transaction ended, in microseconds since 1970. */
	firstTime: number | undefined;
	lastTime: number | undefined;
}

/** Of nothing yet. */
export function noFacts(): WalFacts {
	return { records: 0, commits: 0, restorePoints: [], restorePointCount: 0, firstTime: undefined, lastTime: undefined };
}

/** Of two stretches, the one behind the other. */
export function joinFacts(a: WalFacts, b: WalFacts): WalFacts {
	return {
		records: a.records + b.records,
		commits: a.commits + b.commits,
		restorePoints: [...a.restorePoints, ...b.restorePoints].slice(0, RESTORE_POINTS_TOLD),
		restorePointCount: a.restorePointCount + b.restorePointCount,
		firstTime: pick(Math.min, a.firstTime, b.firstTime),
		lastTime: pick(Math.max, a.lastTime, b.lastTime),
	};
}

function pick(of: (a: number, b: number) => number, a: number | undefined, b: number | undefined): number | undefined {
	return a === undefined ? b : b === undefined ? a : of(a, b);
}

/** Notes a restore point. */
export function noteRestorePoint(facts: WalFacts, point: RestorePoint): void {
	facts.restorePointCount++;
	if (facts.restorePoints.length < RESTORE_POINTS_TOLD) facts.restorePoints.push(point);
}
