/**
 * What a storage holds, series by series: the one base of the report, the metrics, the status page and the alerts. It says
 * what is there, never what a run said of itself. A storage may hold a hundred thousand backups: the catalogue hands them
 * over one after the other; of each series the newest stay, of the others sums, and the ids of the archives that are whole,
 * for increments need them. Then the records of verifications are read, of the newest of each series alone.
 */
import {
	completeSources,
	homeOf,
	NewerManifest,
	scanBackups,
	seriesOf,
	sourceOf,
	type BackupKind,
	type ListedBackup,
	type ManifestSummary,
	type ManifestTrust,
	type SeriesFacts,
} from '../archive';
import { throwIfCancelled } from '../errors';
import { inParallel } from '../parallel';
import { EntryKeeper, readLastRun, type LastRun, type RetentionCatalog, type RetentionEntry } from '../retention';
import type { Storage } from '../storage/storage';
import { weekOfFolder } from '../archive/naming';
import { decidingVerification, readVerification, type VerificationLevel } from '../verify';

/** Backups of a series that are looked at one by one, and shown over time. */
const HISTORY = 60;
/** A series is cut to its newest whenever it holds so many more: sorting each time would cost time. */
const SURPLUS = 60;
/** Backups of a series whose verifications are read. */
const VERIFIED = 30;
const READERS = 16;
/** What begins later than now by more than that does not count: clocks differ a little. */
const CLOCK_TOLERANCE_MS = 3_600_000;
/** Manifests that cannot be read and are named; the others are counted. */
const MOST_UNREAD = 100;

/** What is kept of a manifest: what a trend is made of, and what a report shows. */
export type BackupFacts = Pick<
	ManifestSummary,
	| 'id'
	| 'kind'
	| 'name'
	| 'startedAt'
	| 'finishedAt'
	| 'size'
	| 'counts'
	| 'codec'
	| 'encryption'
	| 'partial'
	| 'needs'
	| 'runId'
>;

/** What the verifications of a backup came to. */
export interface VerificationFacts {
	verdict: 'passed' | 'failed';
	/** The deepest level that passed. */
	reached: VerificationLevel | undefined;
	/** When it ended; ISO 8601, UTC. */
	at: string;
	/** Milliseconds. */
	duration: number;
}

export interface HeldBackup {
	facts: BackupFacts;
	key: string;
	/** Whether the archive is there in the size that its manifest states. */
	isComplete: boolean;
	/** Whether an archive that it needs is missing, or known to be damaged. */
	lacksNeeded: boolean;
	/** Whether it says that it begins later than now: a clock was wrong, or it was forged. It would never be too old. */
	isFromFuture?: boolean;
	hasRecord: boolean;
	/** The verification that decides; undefined where none came to a verdict, or none was read. */
	verification: VerificationFacts | undefined;
	/** The newest one that restored it for a test. */
	restored: VerificationFacts | undefined;
}

/** The backups of one thing; see archive/series.ts. */
export interface SeriesState {
	/** Stays the same from run to run. */
	id: string;
	kind: BackupKind;
	/** The database, collection, bucket, ... */
	name: string;
	/** The server, where the manifests say so. */
	origin: string | undefined;
	/** Where they lie. */
	folder: string;
	/** How many there are, weekly copies left out. */
	backups: number;
	weeklyCopies: number;
	/** Bytes of the archives, weekly copies included. */
	storedBytes: number;
	/** Newest first, weekly copies left out: as many as are looked at one by one. */
	newest: HeldBackup[];
	/** The newest that can be relied on: whole, there, not known to be damaged. */
	lastGood: HeldBackup | undefined;
	/** The newest whose verification passed. */
	lastVerified: HeldBackup | undefined;
	/** The newest that was restored for a test. */
	lastRestored: HeldBackup | undefined;
}

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
	/** What the last run of retention came to; undefined where none has run. */
	lastPrune?: LastRun | undefined;
	/** What a forecast of retention is made of; only where it was asked for, and a prune has noted its policy. */
	catalog?: RetentionCatalog | undefined;
}

export interface StateOptions {
	/** Only what lies below: `postgres/`. Default the whole storage. */
	prefix?: string;
	/** By what manifests are believed. */
	trust?: ManifestTrust;
	/** Keeps what a forecast of retention is made of: some hundred bytes of each backup. */
	forForecast?: boolean;
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
}

/**
 * Looks at all that a storage holds.
 * @throws BackupError CANCELLED, STORAGE_UNREACHABLE, and what listing throws
 */
export async function readState(storage: Storage, options: StateOptions = {}): Promise<StorageState> {
	const { prefix = '', trust, forForecast = false, now = new Date(), signal } = options;
	const lastPrune = await readLastRun(storage, signal);
	const keeper = forForecast && lastPrune ? new EntryKeeper() : undefined;
	const buckets = new Map<string, Bucket>();
	/** Of the archives that are there as their manifests state. */
	const whole = new Map<string, { key: string; hasRecord: boolean }>();
	let storedBytes = 0;
	// All of it is looked at: what a backup needs may lie in another folder.
	const scan = await scanBackups<RetentionEntry>(storage, {
		...(trust && { trust }),
		signal,
		keep: (backup, listed) => {
			const kept = keeper?.keep(backup, listed);
			const { manifest, foundSize, key, hasRecord } = backup;
			if (foundSize === manifest.size.stored) whole.set(manifest.id, { key, hasRecord });
			if (!key.startsWith(prefix)) return kept;
			storedBytes += foundSize ?? 0;
			if (!manifest.checkpoint) take(buckets, backup);
			return kept;
		},
	});
	const damaged = scan.damaged.filter(({ manifestKey }) => manifestKey.startsWith(prefix));
	const series = seriesIn(buckets).map(stateOf);
	const latest = now.getTime() + CLOCK_TOLERANCE_MS;
	for (const backup of series.flatMap(({ newest }) => newest)) {
		if (Date.parse(backup.facts.startedAt) > latest) backup.isFromFuture = true;
	}
	await readVerifications(storage, series, whole, { latest, signal });
	for (const one of series) judge(one);
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
		lastPrune,
		catalog: keeper?.catalogOf(scan),
	};
}

/** Whether it holds all of its source, is there, and nothing is known against it. */
export function isReliable(backup: HeldBackup): boolean {
	return backup.isComplete && !backup.lacksNeeded && !backup.isFromFuture && backup.verification?.verdict !== 'failed';
}

function take(buckets: Map<string, Bucket>, { manifest, key, foundSize, folder, hasRecord }: ListedBackup): void {
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
	};
	buckets.set(id, bucket);
	bucket.storedBytes += foundSize ?? 0;
	if (week) bucket.weeklyCopies++;
	else bucket.backups++;
	// A weekly copy stands for a backup that is no longer there.
	const known = bucket.newest.get(manifest.id);
	if (known && week) return;
	bucket.newest.set(manifest.id, {
		facts: factsOf(manifest),
		key,
		isComplete: foundSize === manifest.size.stored,
		lacksNeeded: false,
		hasRecord,
		verification: undefined,
		restored: undefined,
	});
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
	}
	return [...joined.values()];
}

function stateOf({ facts, backups, weeklyCopies, storedBytes, newest }: Bucket): SeriesState {
	return {
		id: seriesOf(facts),
		kind: facts.kind as BackupKind,
		name: facts.name,
		origin: facts.origin,
		folder: homeOf(facts),
		backups,
		weeklyCopies,
		storedBytes,
		newest: [...keepNewest(newest).values()],
		lastGood: undefined,
		lastVerified: undefined,
		lastRestored: undefined,
	};
}

/** Reads the records of the newest of each series, and of what these need, each once. */
async function readVerifications(
	storage: Storage,
	series: readonly SeriesState[],
	whole: ReadonlyMap<string, { key: string; hasRecord: boolean }>,
	{ latest, signal }: { latest: number; signal: AbortSignal | undefined },
): Promise<void> {
	const look = { latest, signal };
	const read = async (backups: readonly HeldBackup[]) => {
		await inParallel(backups, READERS, async (backup) => {
			throwIfCancelled(signal);
			if (backup.hasRecord) Object.assign(backup, await verificationsOf(storage, backup.key, backup.facts.id, look));
		});
	};
	await read(series.flatMap(({ newest }) => newest.slice(0, VERIFIED)));
	// Where all of these failed, the last good one is older.
	const isInDoubt = ({ newest }: SeriesState) => !newest.slice(0, VERIFIED).some(isReliable);
	await read(series.filter(isInDoubt).flatMap(({ newest }) => newest.slice(VERIFIED)));
	const looked = series.flatMap(({ newest }) => newest);
	const known = new Map(looked.map((backup) => [backup.facts.id, backup]));
	const failed = new Set<string>();
	const needed = new Set(looked.flatMap(({ facts }) => facts.needs ?? []));
	await inParallel(needed, READERS, async (id) => {
		throwIfCancelled(signal);
		const archive = whole.get(id);
		if (!archive?.hasRecord) return;
		const { verification } = known.get(id) ?? (await verificationsOf(storage, archive.key, id, look));
		if (verification?.verdict === 'failed') failed.add(id);
	});
	for (const { newest } of series) {
		for (const backup of newest) {
			backup.lacksNeeded = backup.facts.needs?.some((id) => !whole.has(id) || failed.has(id)) ?? false;
		}
	}
}

async function verificationsOf(
	storage: Storage,
	key: string,
	id: string,
	{ latest, signal }: { latest: number; signal: AbortSignal | undefined },
): Promise<Pick<HeldBackup, 'verification' | 'restored'>> {
	const found = await readVerification(storage, { key, id }, signal);
	// One of a clock that is ahead would count for ever; that it failed counts in any case.
	const history = found.history.filter(({ verdict, at }) => verdict === 'failed' || Date.parse(at) <= latest);
	const deciding = decidingVerification(history);
	const restored = history.find(({ verdict, reached }) => verdict === 'passed' && reached === 'restore');
	return {
		verification: deciding && deciding.verdict !== 'incomplete' ? verificationFacts(deciding) : undefined,
		restored: restored && verificationFacts(restored),
	};
}

function verificationFacts({
	verdict,
	reached,
	at,
	duration,
}: {
	verdict: 'passed' | 'failed' | 'incomplete';
	reached?: VerificationLevel | undefined;
	at: string;
	duration: number;
}): VerificationFacts {
	return { verdict: verdict === 'failed' ? 'failed' : 'passed', reached, at, duration };
}

/** A partial backup stands for its source only where nobody ever makes a whole one. */
function judge(series: SeriesState): void {
	const { newest } = series;
	const whole = newest.filter(({ facts }) => !facts.partial);
	const counting = whole.length > 0 ? whole : newest;
	series.lastGood = counting.find(isReliable);
	series.lastVerified = counting.find((backup) => isReliable(backup) && backup.verification?.verdict === 'passed');
	series.lastRestored = counting.find((backup) => isReliable(backup) && backup.restored);
}

function byName(a: SeriesState, b: SeriesState): number {
	return compare(a.kind, b.kind) || compare(a.name, b.name) || compare(a.id, b.id);
}

function compare(a: string, b: string): number {
	return a < b ? -1 : a > b ? 1 : 0;
}
