/**
 * What a storage holds, series by series: the one base of the report, the metrics, the status page and the alerts. It says
 * what is there, never what a run said of itself. A storage may hold a hundred thousand backups: the catalogue hands them
 * over one after the other; of each series the newest stay, of the others sums, and the ids of the archives that are whole,
 * for increments need them. Then the records of verifications are read, of the newest of each series alone.
 */
import {
	completeSources,
	homeOf,
	isOfCluster,
	NewerManifest,
	scanBackups,
	seriesOf,
	sourceOf,
	type BackupKind,
	type ListedBackup,
	type ManifestSummary,
	type ManifestTrust,
	type Scan,
	type SeriesFacts,
} from '../archive';
import { weekOfFolder } from '../archive/naming';
import { EntryKeeper, readLastRuns, type LastRun, type RetentionCatalog, type RetentionEntry } from '../retention';
import type { Storage } from '../storage/storage';
import type { LoggedSystem, ServerLog, SystemLog } from '../verify';
import { LogsCollector } from './logs';
import { isReliable, type BackupFacts, type HeldBackup, type SeriesState } from './held';
import { neededIn, readVerifications, type Kept } from './verifications';

/** Backups of a series that are looked at one by one, and shown over time. */
const HISTORY = 60;
/** A series is cut to its newest whenever it holds so many more: sorting each time would cost time. */
const SURPLUS = 20;
/** Of the pieces of a log there may be many an hour: those that were verified are looked for further back. */
const MOST_RECORDED = 10;
/** What begins later than now by more than that does not count: clocks differ a little. */
const CLOCK_TOLERANCE_MS = 3_600_000;
/** Manifests that cannot be read and are named; the others are counted. */
const MOST_UNREAD = 100;

export interface UnreadBackup {
	manifestKey: string;
	message: string;
	/** Whether it is not damaged, but made by a newer version of this package. */
	isNewer: boolean;
}

export interface StorageState {
	/** ISO 8601, UTC. */
	at: string;
	/** `folder backups`. */
	storage: string;
	/** Bytes; undefined where the storage cannot tell. */
	freeBytes: number | undefined;
	/** Bytes of the disk that these are a part of. */
	totalBytes: number | undefined;
	/** By kind and name. */
	series: SeriesState[];
	/** Those that were left out as nobody wants to hear of them; see withoutIgnored. */
	ignored?: SeriesState[];
	/** Bytes of all archives, checkpoints included. */
	storedBytes: number;
	/** Manifests that cannot be read; the first hundred of them. */
	unread: UnreadBackup[];
	unreadCount: number;
	/** What the last runs of retention came to, each by another policy, the newest first; none where none has run. */
	lastPrunes?: LastRun[];
	/** What point in time can be recovered, by name. */
	logs?: LoggedSystem[];
	/** What servers have said of their logs, where somebody asked them. */
	serverLogs?: readonly ServerLog[];
	/** What a forecast of retention is made of; only where it was asked for, and a prune has noted its policy. */
	catalog?: RetentionCatalog | undefined;
}

export interface StateOptions {
	/** Only what lies below: `postgres/`. Default the whole storage. */
	prefix?: string;
	/** By what manifests are believed. */
	trust?: ManifestTrust;
	/** Keeps what a forecast of retention is made of: less than two hundred bytes of each backup. */
	forForecast?: boolean;
	/** The logs of all systems. */
	logs?: readonly SystemLog[];
	/** What servers have said of their logs just now. */
	serverLogs?: readonly ServerLog[];
	/** Default: now. */
	now?: Date;
	signal?: AbortSignal;
}

/** Backups of one place, of which the newest are kept. */
interface Bucket {
	facts: SeriesFacts;
	backups: number;
	weeklyCopies: number;
	storedBytes: number;
	newest: Map<string, HeldBackup>;
	/** Of a log: the newest that have a record of verifications. */
	recorded: HeldBackup[];
}

/**
 * Looks at all that a storage holds.
 * @throws BackupError CANCELLED, STORAGE_UNREACHABLE, and what listing throws
 */
export async function readState(storage: Storage, options: StateOptions = {}): Promise<StorageState> {
	const { prefix = '', trust, forForecast = false, logs = [], serverLogs = [], now = new Date(), signal } = options;
	const lastPrunes = await readLastRuns(storage, signal);
	const keeper = forForecast && lastPrunes.length > 0 ? new EntryKeeper(logs) : undefined;
	const buckets = new Map<string, Bucket>();
	const pieces = new Set<string>(logs.map((log) => log.pieces));
	const collector = new LogsCollector(logs, prefix);
	let storedBytes = 0;
	// All of it is looked at: what a backup needs may lie in another folder.
	const scan = await scanBackups<Kept>(storage, {
		...(trust && { trust }),
		signal,
		keep: (backup, listed) => {
			const { manifest, foundSize, key } = backup;
			if (key.startsWith(prefix)) {
				storedBytes += foundSize ?? 0;
				if (!manifest.checkpoint) take(buckets, backup, pieces.has(manifest.kind));
			}
			collector.take(backup);
			if (keeper) return keeper.keep(backup, listed);
			return foundSize === manifest.size.stored ? manifest.id : undefined;
		},
	});
	const damaged = scan.damaged.filter(({ manifestKey }) => manifestKey.startsWith(prefix));
	const series = seriesIn(buckets).map(stateOf);
	const latest = now.getTime() + CLOCK_TOLERANCE_MS;
	for (const backup of series.flatMap(({ newest }) => newest)) {
		if (Date.parse(backup.facts.startedAt) > latest) backup.isFromFuture = true;
	}
	await readVerifications(storage, series, neededIn(scan.listing, series), { latest, signal });
	for (const one of series) judge(one);
	const told = await collector.logs(storage, series, { serverLogs, latest, signal });
	return {
		at: now.toISOString(),
		storage: storage.description,
		freeBytes: await storage.freeBytes(),
		totalBytes: await storage.totalBytes?.(),
		series: series.sort(byName),
		storedBytes,
		unread: damaged.slice(0, MOST_UNREAD).map(({ manifestKey, error }) => ({
			manifestKey,
			message: error.message,
			isNewer: error instanceof NewerManifest,
		})),
		unreadCount: damaged.length,
		lastPrunes,
		logs: told,
		serverLogs,
		catalog: keeper?.catalogOf(scan as Scan<RetentionEntry>),
	};
}

function take(
	buckets: Map<string, Bucket>,
	{ manifest, key, foundSize, folder, hasRecord }: ListedBackup,
	isPiece: boolean,
): void {
	const { kind, name } = manifest;
	const week = weekOfFolder(folder);
	const home = week?.place === '' ? manifest.folder : undefined;
	const facts: SeriesFacts = { kind, name, key, home, ...sourceOf(manifest) };
	const id = seriesOf(facts);
	const bucket = buckets.get(id) ?? {
		facts,
		backups: 0,
		weeklyCopies: 0,
		storedBytes: 0,
		newest: new Map<string, HeldBackup>(),
		recorded: [],
	};
	buckets.set(id, bucket);
	bucket.storedBytes += foundSize ?? 0;
	if (week) bucket.weeklyCopies++;
	else bucket.backups++;
	// A weekly copy stands for a backup that is no longer there.
	const known = bucket.newest.get(manifest.id);
	if (known && week) return;
	const held: HeldBackup = {
		facts: factsOf(manifest),
		key,
		isComplete: foundSize === manifest.size.stored,
		lacksNeeded: false,
		hasRecord,
		verification: undefined,
		restored: undefined,
	};
	bucket.newest.set(manifest.id, held);
	if (isPiece && hasRecord) bucket.recorded = [...bucket.recorded, held].sort(newestFirst).slice(0, MOST_RECORDED);
	if (bucket.newest.size >= HISTORY + SURPLUS) bucket.newest = keepNewest(bucket.newest);
}

function factsOf(manifest: ManifestSummary): BackupFacts {
	const { id, kind, name, startedAt, finishedAt, size, counts, codec, encryption, partial, needs, runId } = manifest;
	return {
		id,
		kind,
		name,
		startedAt,
		finishedAt,
		size,
		counts,
		codec,
		encryption,
		...(partial && { partial }),
		...(needs && { needs }),
		...(runId !== undefined && { runId }),
	};
}

function keepNewest(backups: ReadonlyMap<string, HeldBackup>): Map<string, HeldBackup> {
	return new Map([...backups].sort(([, a], [, b]) => newestFirst(a, b)).slice(0, HISTORY));
}

function newestFirst({ facts: a }: HeldBackup, { facts: b }: HeldBackup): number {
	if (a.startedAt !== b.startedAt) return a.startedAt < b.startedAt ? 1 : -1;
	return a.id < b.id ? 1 : -1;
}

/** Joins what older manifests tell too little of with the series that it is of. */
function seriesIn(buckets: ReadonlyMap<string, Bucket>): Bucket[] {
	const found = [...buckets.values()];
	completeSources(found.map(({ facts }) => facts));
	const joined = new Map<string, Bucket>();
	for (const bucket of found) {
		const id = seriesOf(bucket.facts);
		const known = joined.get(id);
		if (!known) {
			joined.set(id, bucket);
			continue;
		}
		known.backups += bucket.backups;
		known.weeklyCopies += bucket.weeklyCopies;
		known.storedBytes += bucket.storedBytes;
		for (const [key, backup] of bucket.newest) if (!known.newest.has(key)) known.newest.set(key, backup);
		known.recorded = [...known.recorded, ...bucket.recorded].sort(newestFirst).slice(0, MOST_RECORDED);
	}
	return [...joined.values()];
}

function stateOf({ facts, backups, weeklyCopies, storedBytes, newest, recorded }: Bucket): SeriesState {
	const kept = keepNewest(newest);
	const further = recorded.filter(({ facts: { id } }) => !kept.has(id));
	return {
		id: seriesOf(facts),
		kind: facts.kind as BackupKind,
		name: facts.name,
		origin: facts.origin,
		...(isOfCluster(facts) && { system: facts.system }),
		folder: homeOf(facts),
		backups,
		weeklyCopies,
		storedBytes,
		newest: [...kept.values()],
		...(further.length > 0 && { recorded: further }),
		lastGood: undefined,
		lastVerified: undefined,
		lastRestored: undefined,
	};
}

/** A partial backup stands for its source only where nobody ever makes a whole one. */
function judge(series: SeriesState): void {
	const { newest, recorded = [] } = series;
	const whole = newest.filter(({ facts }) => !facts.partial);
	const counting = whole.length > 0 ? whole : newest;
	series.lastGood = counting.find(isReliable);
	series.lastVerified = [...counting, ...recorded].find(
		(backup) => isReliable(backup) && backup.verification?.verdict === 'passed',
	);
	series.lastRestored = counting.find((backup) => isReliable(backup) && backup.restored);
}

function byName(a: SeriesState, b: SeriesState): number {
	return compare(a.kind, b.kind) || compare(a.name, b.name) || compare(a.id, b.id);
}

function compare(a: string, b: string): number {
	return a < b ? -1 : a > b ? 1 : 0;
}
