/** Which base backups and which stretches of the log a recovery reads: pure functions of what the storage holds. */
import { listed } from '../../../errors';
import { lineOf, pathOf, type BaseFacts, type ClusterFacts, type StretchFacts, type Window } from '../coverage';
import type { Lsn } from '../lsn';

/**
 * The stretches of a window, in the order in which they are read: at each place the one that reaches furthest, and none that another one
 * has all of. So they have no gap, and little that is read twice.
 */
export function logOf({ timeline, endLsn, bases }: Window, { stretches }: ClusterFacts): StretchFacts[] {
	const start = bases.reduce(
		(least, base) => (base.startLsn < least ? base.startLsn : least),
		bases[0]?.startLsn ?? 0n,
	);
	return between(lineOf(pathOf(timeline, stretches), stretches), start, endLsn);
}

/** Those of some stretches that are needed from one place to another. */
export function between(line: readonly StretchFacts[], fromLsn: Lsn, toLsn: Lsn): StretchFacts[] {
	const route: StretchFacts[] = [];
	for (let at = fromLsn; at < toLsn;) {
		const next = line.reduce<StretchFacts | undefined>(
			(best, one) => (one.startLsn <= at && one.endLsn > at && (!best || one.endLsn > best.endLsn) ? one : best),
			undefined,
		);
		if (!next) break;
		route.push(next);
		at = next.endLsn;
	}
	return route;
}

/** A base backup with those that it is an increment of, the whole one first; undefined where one is missing. */
export function chainOf(base: BaseFacts, { bases }: ClusterFacts): BaseFacts[] | undefined {
	const needed = [base, ...base.needs.map((id) => bases.find((one) => one.id === id))];
	const chain = needed.filter((one) => one !== undefined).sort((a, b) => (a.startLsn < b.startLsn ? -1 : 1));
	const isWhole = chain.length === needed.length && chain.every((one, at) => one.isIncremental === at > 0);
	return isWhole && chain.at(-1) === base ? chain : undefined;
}

/** For messages. */
export function keysOf(facts: readonly { key: string }[]): string {
	return listed(facts.map(({ key }) => key));
}
