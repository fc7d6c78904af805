/** What the records of a stretch of WAL tell. */
export interface WalFacts {
	/** Records that are whole. */
	records: number;
	commits: number;
	restorePoints: number;
	/** The first and the latest time at which a transaction ended, in microseconds since 1970. */
	firstTime: number | undefined;
	lastTime: number | undefined;
}

/** Of nothing yet. */
export function noFacts(): WalFacts {
	return { records: 0, commits: 0, restorePoints: 0, firstTime: undefined, lastTime: undefined };
}

/** Of two stretches, the one behind the other. */
export function joinFacts(a: WalFacts, b: WalFacts): WalFacts {
	return {
		records: a.records + b.records,
		commits: a.commits + b.commits,
		restorePoints: a.restorePoints + b.restorePoints,
		firstTime: pick(Math.min, a.firstTime, b.firstTime),
		lastTime: pick(Math.max, a.lastTime, b.lastTime),
	};
}

function pick(of: (a: number, b: number) => number, a: number | undefined, b: number | undefined): number | undefined {
	return a === undefined ? b : b === undefined ? a : of(a, b);
}
