/**
 * What can be recovered of all clusters that a storage holds, from manifests that come one by one. There may be a hundred thousand stretches
 * of WAL: those that lie far behind are joined to one as long as nothing is missing between them. Of a joined one nobody knows any more when
 * its parts ended: where its timeline was left within, less is told than could be, and never more.
 */
import { inParallel } from '../../../parallel';
import type { ManifestSummary } from '../../../archive';
import type { Storage } from '../../../storage';
import type {
	LogCollector,
	LoggedSystem,
	LogGap,
	LogSign,
	LogWindow,
	RecoverableOptions,
} from '../../../verify/recoverable';
import { formatLsn, parseLsn } from '../lsn';
import { coverageOf, pathOf, type Gap, type Window } from './coverage';
import { baseFacts, stretchFacts, type BaseFacts, type StretchFacts } from './facts';
import { reachingTo, readReached, type Reached } from './reached';

/** Of each timeline the last ones stay as they are: among them are those that verifications look at. */
const APART = 64;
const MOST_TIMES = 100;
const READERS = 8;

interface Cluster {
	name: string;
	/** When the newest and the first backup of it began. */
	newest: string;
	since: string;
	/** By id: a weekly copy is the same. */
	bases: Map<string, BaseFacts>;
	stretches: Map<number, StretchRuns>;
	pieces: number;
	storedBytes: number;
}

export class CoverageCollector implements LogCollector {
	readonly #clusters = new Map<string, Cluster>();

	take(manifest: ManifestSummary, key: string, isWhole: boolean): void {
		if (!isWhole) return;
		const { kind, size } = manifest;
		if (kind === 'postgres-base') {
			const read = baseFacts(manifest, key);
			if (read) this.#clusterOf(read.systemIdentifier, manifest).bases.set(read.facts.id, read.facts);
		} else if (kind === 'postgres-wal') {
			const read = stretchFacts(manifest, key);
			if (!read) return;
			const cluster = this.#clusterOf(read.systemIdentifier, manifest);
			cluster.pieces++;
			cluster.storedBytes += size.stored;
			const { timeline } = read.facts;
			const runs = cluster.stretches.get(timeline) ?? new StretchRuns();
			cluster.stretches.set(timeline, runs);
			// What only some need to find an archive again is not kept of a hundred thousand.
			runs.add({ ...read.facts, key: '' });
		}
	}

	async recoverable(storage: Storage, { failed, signs, latest, signal }: RecoverableOptions): Promise<LoggedSystem[]> {
		const found: LoggedSystem[] = [];
		await inParallel([...this.#clusters], READERS, async ([system, cluster]) => {
			const noted = await readReached(storage, system, signal);
			const told = signs.filter((sign) => sign.system === system).map(reachedOf);
			const isBelieved = (moment: Reached | undefined) => moment && Date.parse(moment.at) <= latest;
			found.push(
				loggedSystem(system, cluster, {
					failed,
					latest,
					archived: isBelieved(noted) ? noted : undefined,
					told: told.filter(isBelieved),
				}),
			);
		});
		return found.sort((a, b) => (a.name === b.name ? (a.system < b.system ? -1 : 1) : a.name < b.name ? -1 : 1));
	}

	#clusterOf(systemIdentifier: string, { name, startedAt }: ManifestSummary): Cluster {
		const known = this.#clusters.get(systemIdentifier);
		if (!known) {
			const times = { name, newest: startedAt, since: startedAt };
			const cluster = { ...times, bases: new Map(), stretches: new Map(), pieces: 0, storedBytes: 0 };
			this.#clusters.set(systemIdentifier, cluster);
			return cluster;
		}
		if (startedAt > known.newest) Object.assign(known, { name, newest: startedAt });
		if (startedAt < known.since) known.since = startedAt;
		return known;
	}
}

/** The stretches of one timeline. */
class StretchRuns {
	/** In order, with gaps between all of them. */
	#joined: StretchFacts[] = [];
	#apart: StretchFacts[] = [];

	add(stretch: StretchFacts): void {
		this.#apart.push(stretch);
		// Joining looks at all that is joined: the more that is, the rarer it is done.
		if (this.#apart.length >= 2 * APART + this.#joined.length) this.#join();
	}

	stretches(failed: ReadonlySet<string>): StretchFacts[] {
		return [...this.#joined, ...this.#apart.filter(({ id }) => !failed.has(id))];
	}

	#join(): void {
		this.#apart.sort(byStart);
		const behind = this.#apart.splice(0, this.#apart.length - APART);
		const joined: StretchFacts[] = [];
		for (const one of [...this.#joined, ...behind].sort(byStart)) {
			const last = joined.at(-1);
			if (last && one.startLsn <= last.endLsn) joined[joined.length - 1] = join(last, one);
			else joined.push(one);
		}
		this.#joined = joined;
	}
}

function join(a: StretchFacts, b: StretchFacts): StretchFacts {
	return {
		...a,
		id: '',
		endLsn: a.endLsn > b.endLsn ? a.endLsn : b.endLsn,
		firstTime: pick(a.firstTime, b.firstTime, (one, other) => one <= other),
		lastTime: pick(a.lastTime, b.lastTime, (one, other) => one >= other),
		endTime: pick(a.endTime, b.endTime, (one, other) => one >= other),
		isPartial: false,
		history: a.history.length >= b.history.length ? a.history : b.history,
	};
}

function pick(a: string | undefined, b: string | undefined, isBetter: (a: number, b: number) => boolean) {
	if (a === undefined || b === undefined) return a ?? b;
	return isBetter(Date.parse(a), Date.parse(b)) ? a : b;
}

function byStart(a: StretchFacts, b: StretchFacts): number {
	return a.startLsn < b.startLsn ? -1 : a.startLsn > b.startLsn ? 1 : 0;
}

/** Whoever asked a server may have been told anything. */
function reachedOf({ timeline, position, at }: LogSign): Reached | undefined {
	try {
		return { timeline, lsn: parseLsn(position), at };
	} catch {
		return undefined;
	}
}

interface Situation {
	failed: ReadonlySet<string>;
	latest: number;
	/** As who archives has noted it, and as servers have told it. */
	archived: Reached | undefined;
	told: readonly (Reached | undefined)[];
}

function loggedSystem(system: string, cluster: Cluster, { failed, latest, archived, told }: Situation): LoggedSystem {
	const { name, since, bases, stretches, pieces, storedBytes } = cluster;
	const facts = {
		systemIdentifier: system,
		bases: [...bases.values()].filter(({ id }) => !failed.has(id)),
		stretches: [...stretches.values()].flatMap((runs) => runs.stretches(failed)),
	};
	const moments = [archived, ...told];
	const coverage = reachingTo(coverageOf(facts), moments);
	const seen = moments.reduce((a, b) => (a && (!b || Date.parse(a.at) > Date.parse(b.at)) ? a : b), undefined);
	const isAhead = onTheWay(facts.stretches, archived?.timeline ?? Math.max(0, ...coverage.intervals.keys()));
	const windows = [
		...coverage.windows.filter((window) => !isAhead(window)),
		...coverage.windows.filter((window) => isAhead(window)),
	];
	return {
		kind: 'postgres-wal',
		baseKind: 'postgres-base',
		system,
		name,
		windows: windows.map((window) => logWindow(window, latest)),
		gaps: coverage.gaps.filter(isAhead).map(logGap),
		bases: bases.size,
		pieces,
		storedBytes,
		uselessBases: coverage.useless.length,
		since,
		seenAt: seen?.at,
	};
}

/**
 * Tells what lies on the way to the end of a timeline: that which is archived, or else the newest. What was left behind when a standby took over,
 * or when somebody recovered a server for a trial, is no loss, and nobody goes on with it.
 */
function onTheWay(stretches: readonly StretchFacts[], timeline: number): (place: Window | Gap) => boolean {
	const path = pathOf(timeline, stretches);
	return ({ timeline: own, startLsn }) => path.some((one) => one.timeline === own && startLsn < one.endLsn);
}

function logWindow(
	{ timeline, startLsn, endLsn, startTime, endTime, lastTransaction, bases }: Window,
	latest: number,
): LogWindow {
	// A time of a clock that was ahead says nothing; one before the base backup is that of a transaction before it.
	const isUseful =
		endTime !== undefined && Date.parse(endTime) <= latest && Date.parse(endTime) >= Date.parse(startTime);
	return {
		from: startTime,
		to: isUseful ? endTime : Date.parse(startTime) <= latest ? startTime : undefined,
		lastTransaction,
		timeline,
		fromPosition: formatLsn(startLsn),
		toPosition: formatLsn(endLsn),
		bases: bases.length,
		baseTimes: bases.slice(-MOST_TIMES).map(({ finishedAt }) => finishedAt),
	};
}

function logGap({ timeline, startLsn, endLsn, after, before, isHealed, isAtEnd }: Gap): LogGap {
	return {
		state: isHealed ? 'healed' : isAtEnd ? 'pending' : 'open',
		timeline,
		fromPosition: formatLsn(startLsn),
		toPosition: formatLsn(endLsn),
		after,
		before,
	};
}
