/** Stretches of the log as intervals on a line. */
import type { Lsn } from '../lsn';

/** From the first byte to the one after the last. */
export interface Interval {
	startLsn: Lsn;
	endLsn: Lsn;
}

/** Joins what overlaps or touches. @returns in order, with gaps between all of them */
export function union(intervals: readonly Interval[]): Interval[] {
	const joined: Interval[] = [];
	for (const { startLsn, endLsn } of [...intervals].sort(byStart)) {
		const last = joined.at(-1);
		if (last && startLsn <= last.endLsn) {
			if (endLsn > last.endLsn) last.endLsn = endLsn;
		} else if (endLsn > startLsn) joined.push({ startLsn, endLsn });
	}
	return joined;
}

/** The part of some intervals up to a position. */
export function upTo<T extends Interval>(intervals: readonly T[], end: Lsn): T[] {
	return intervals
		.filter(({ startLsn }) => startLsn < end)
		.map((interval) => (interval.endLsn > end ? { ...interval, endLsn: end } : interval));
}

function byStart(a: Interval, b: Interval): number {
	return a.startLsn < b.startLsn ? -1 : a.startLsn > b.startLsn ? 1 : 0;
}
