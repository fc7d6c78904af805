/**
 * Timelines that lead nowhere any more: after a failover or a recovery, what was written on the one that was left, or on one that was tried and
 * given up. No base backup that stays can be recovered on such a one, whatever WAL may still come: that tells its history, not what is there.
 * A base backup that is still under way, or that nobody has made yet, begins behind all that was archived before it began; so a
 * timeline to which something came lately is none.
 */
import { historiesOf, pathTo, type BaseFacts, type StretchFacts } from './coverage';

/**
 * The dead ends among the timelines of a cluster.
 * @param stretches all of its WAL
 * @param staying the base backups that stay
 * @param before nothing has come to a dead end since: a time in milliseconds
 */
export function deadEndsOf(
	stretches: readonly StretchFacts[],
	staying: readonly BaseFacts[],
	before: number,
): ReadonlySet<number> {
	const histories = historiesOf(stretches);
	// The first timeline has no history. Of another one whose history is not known, nobody can tell where it came from.
	const isKnown = (timeline: number) => timeline === 1 || pathTo(timeline, histories).length > 1;
	if (!staying.every(({ timeline }) => isKnown(timeline))) return new Set();
	const timelines = new Set([...stretches, ...staying].map(({ timeline }) => timeline));
	const alive = new Set<number>();
	for (const timeline of timelines) {
		const path = pathTo(timeline, histories);
		const isReached = staying.some((base) =>
			path.some((one) => one.timeline === base.timeline && base.endLsn <= one.endLsn),
		);
		if (isReached || !isKnown(timeline)) for (const one of path) alive.add(one.timeline);
	}
	return new Set([...timelines].filter((timeline) => !alive.has(timeline) && isOver(timeline, stretches, before)));
}

/** Whether all of its WAL is older than a time; false where the end of it does not tell its time. */
function isOver(timeline: number, stretches: readonly StretchFacts[], before: number): boolean {
	const own = stretches.filter((one) => one.timeline === timeline);
	const end = own.reduce((most, { endLsn }) => (endLsn > most ? endLsn : most), 0n);
	return own.every(({ endLsn, endTime, lastTime }) => {
		const time = endTime ?? lastTime;
		return time === undefined ? endLsn < end : Date.parse(time) < before;
	});
}
