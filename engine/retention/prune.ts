import { clearDeadRuns, manifestKeyOf, withLock, type ManifestTrust, type StorageLock } from '../archive';
import { type BackupError, throwIfCancelled } from '../errors';
import type { Storage, StoredObject } from '../storage/storage';
import type { SystemLog } from '../verify/log';
import { attempt, holdsUpOne } from './failures';
import { noteLastRun, type RanBy } from './last-runs';
import { deletePlanned, type Deletions } from './deletion/deletion';
import type { EntryState, RetentionEntry } from './entry';
import { logReportsOf } from './log-report';
import { clearStaleArtifacts } from './deletion/stale-artifacts';
import { orphansIn } from './survey/orphans';
import { parsePolicy, unusedIn, type RetentionPolicy } from './policy/policy';
import { pruneWal } from './wal/prune';
import { rowOf, totalsOf, type LeftAlone, type PruneReport, type WalReport, type WeeklyCopyReport } from './report';
import { planOf, survey, type Survey, type SurveyOptions } from './survey/survey';
import { finishDeletions, notedCopies, noteCopies, removeBrokenCopies } from './deletion/sweep';
import { copyBackup } from './weekly';

export interface PruneOptions {
	storage: Storage;
	policy: RetentionPolicy;
	/** IANA zone whose days, weeks, months and years count; default UTC. */
	timeZone?: string;
	/**
	 * Only what lies in these folders: `postgres/`, `qdrant/`. Weekly copies are made and pruned only where `weekly/` is
	 * among them. Default all.
	 */
	prefixes?: string[];
	/** Shows what would be done and changes nothing, not even a lock. */
	dryRun?: boolean;
	/** Removes stale artifacts that are certainly ours; see survey/orphans.ts. Default true. */
	removeOrphans?: boolean;
	/** Removes archives without a manifest that only look like ours, too. Default false: they are named in the report. */
	removeUnproven?: boolean;
	/**
	 * What is known of a backup beyond its manifest: verifications. Asked of those that have a record of them beside the
	 * archive, of several at a time.
	 */
	stateOf?: (entry: RetentionEntry) => EntryState | Promise<EntryState>;
	/** By what manifests are believed; one that is not counts as damaged: nothing goes, and nothing goes for its sake. */
	trust?: ManifestTrust;
	/** The logs of all systems: pieces of one that is not among them all stay. engine/systems.ts gives them. */
	logs?: readonly SystemLog[];
	/** Who holds the lock, for the message that others get. No secrets. */
	owner: string;
	/** Who runs it, for the note by which reports tell what goes next. */
	ranBy?: RanBy;
	/** Default: now. */
	now?: Date;
	signal?: AbortSignal;
}

/** A run's settings with defaults filled in. */
export interface Run {
	options: PruneOptions;
	storage: Storage;
	policy: RetentionPolicy;
	now: Date;
	signal: AbortSignal | undefined;
	/** Missing in a dry run. */
	lock: StorageLock | undefined;
}

/**
 * Applies a retention policy to a storage: makes the weekly copies that are due, deletes what no rule keeps, and clears
 * away what runs that broke off have left. Each deletion takes the manifest first, then the data; what a crash leaves of
 * it, the next run finishes, before all else. A refused plan and a dry run change nothing; a dry run's report is that of
 * the run.
 * @throws BackupError STORAGE_LOCKED (another run is at it), INVALID_INPUT, CANCELLED, and what the storage throws when
 * it cannot be listed
 */
export async function prune(options: PruneOptions): Promise<PruneReport> {
	const { storage, owner, signal, now = new Date() } = options;
	const policy = parsePolicy(options.policy);
	throwIfCancelled(signal);
	const run: Run = { options, storage, policy, now, signal, lock: undefined };
	if (options.dryRun) return await pruneAs(run, []);
	return await withLock(storage, { owner, ...(signal && { signal }) }, async (lock) => {
		const copies = await removeBrokenCopies(storage, signal);
		const finished = await finishDeletions(storage, signal);
		const dead = await clearDeadRuns(storage, now, signal);
		return await pruneAs({ ...run, lock }, [...copies, ...finished, ...dead]);
	});
}

async function pruneAs(run: Run, swept: string[]): Promise<PruneReport> {
	const surveyOptions = surveyOptionsOf(run);
	const found = await survey(surveyOptions);
	const weeklyCopies = await makeCopies(run, found, surveyOptions);
	const { plan } = found;
	const { deleted, failed, stuck }: Deletions = run.lock
		? await deletePlanned(found, { ...run, lock: run.lock, trust: run.options.trust })
		: { deleted: plan.deletable, failed: [], stuck: [] };
	const gone = new Set(deleted);
	// What the policy decides on as somebody else's backup is no stale artifact.
	const { others } = found.catalog;
	const decided = new Set(others.size === 0 ? [] : found.entries.flatMap(({ key }) => (others.has(key) ? [key] : [])));
	const orphans = orphansIn(found.catalog, run.now, (key) => found.isInScope(key) && !decided.has(key));
	const cleared = await clearStaleArtifacts(run, found, orphans);
	const { removed: removedOrphans } = cleared;
	const wal = plan.refusal ? [] : await pruneWal(run.storage, found, gone, run);
	const removed = new Set(removedOrphans);
	const unread = found.catalog.damaged;
	const totals = totalsWith(found, gone, removed, wal);
	if (run.lock)
		await attempt(stuck, 'the note of what this run did', () =>
			noteRun(run, { ...totals, failed: failed.length }, plan.refusal?.message),
		);
	let rows: PruneReport['rows'] | undefined;
	return {
		dryRun: !run.lock,
		// Of a hundred thousand backups they take 40 MB, and not everybody wants them.
		get rows() {
			return (rows ??= plan.decisions.map((decision) => rowOf(decision, run.now)));
		},
		totals,
		refusal: plan.refusal ?? null,
		plan,
		deleted: run.lock ? deleted : [],
		failed,
		weeklyCopies,
		wal,
		logs: logReportsOf(plan.decisions, (entry) => gone.has(entry)),
		swept: [...swept, ...cleared.swept],
		stuck: [...stuck, ...cleared.stuck],
		orphans: orphans.own.map(({ key }) => key),
		unproven: [...orphans.unproven, ...orphans.unprovenNeeded].map(({ key }) => key),
		removedOrphans: run.lock ? removedOrphans.map(({ key }) => key) : [],
		damaged: [...unread.filter(({ isNewer }) => !isNewer), ...orphans.precious.map(lostManifest)].map(leftAlone),
		newer: unread.filter(({ isNewer }) => isNewer).map(leftAlone),
		notes: run.storage.deletionNotes?.() ?? [],
		unused: unusedIn(run.policy, [...found.entries, ...found.outside]),
	};
}

async function noteRun(
	{ storage, policy, options: { timeZone = 'UTC', prefixes = [], ranBy }, now, signal }: Run,
	{ deleted, kept, failed }: PruneReport['totals'] & { failed: number },
	refusal: string | undefined,
): Promise<void> {
	const at = now.toISOString();
	await noteLastRun(
		storage,
		{ at, ...(ranBy && { by: ranBy }), policy, timeZone, prefixes, refusal: refusal ?? null, deleted, kept, failed },
		signal,
	);
}

function leftAlone({ manifestKey, message }: LeftAlone): LeftAlone {
	return { manifestKey, message };
}

function lostManifest({ key, reason }: { key: string; reason: string }): LeftAlone {
	const manifestKey = manifestKeyOf(key);
	return { manifestKey, message: `${reason} The archive is ${key}: delete it yourself if nobody needs it.` };
}

function surveyOptionsOf({ options, storage, policy, now, signal, lock }: Run): SurveyOptions {
	const { timeZone = 'UTC', prefixes = [], stateOf, trust, logs } = options;
	return { storage, policy, timeZone, prefixes, now, keepCache: lock !== undefined, stateOf, trust, logs, signal };
}

/** Makes the weekly copies that are due. Where one fails, the plan goes without it, and lets no older one go for it. */
async function makeCopies(run: Run, found: Survey, surveyOptions: SurveyOptions): Promise<WeeklyCopyReport[]> {
	const { copies, plan } = found;
	if (plan.refusal || copies.length === 0) return [];
	// What earlier runs could not finish stays noted.
	const broken = run.lock ? await notedCopies(run.storage, run.signal) : [];
	const free = run.lock ? await freePlaces(run, copies) : [];
	if (run.lock) await noteCopies(run.storage, [...broken, ...free], run.now);
	const reports: WeeklyCopyReport[] = [];
	for (const { entry, folder, copy } of copies) {
		const error = run.lock ? await tryCopy(run, run.lock, entry, folder) : null;
		reports.push({ id: entry.id, from: entry.key, to: copy.key, size: entry.size, error });
	}
	const missed = new Set(reports.filter(({ error }) => error).map(({ to }) => to));
	const taken = new Set(reports.filter(({ error }) => error?.code === 'STORAGE_EXISTS').map(({ to }) => to));
	const unfinished = free.filter((key) => missed.has(key) && !taken.has(key));
	if (run.lock) await noteCopies(run.storage, [...broken, ...unfinished], run.now);
	if (missed.size > 0) {
		found.entries = found.entries.filter(({ key }) => !missed.has(key));
		found.plan = planOf(found, surveyOptions);
	}
	return reports;
}

/**
 * Where nothing stands yet. What stands in the place of a copy is somebody else's unless `copyBackup` finds otherwise, and what
 * is noted is removed by the next run: so nothing else is.
 */
async function freePlaces({ storage, signal }: Run, copies: Survey['copies']): Promise<string[]> {
	const free: string[] = [];
	for (const { copy } of copies) {
		throwIfCancelled(signal);
		try {
			if (!(await storage.stat(copy.key))) free.push(copy.key);
		} catch (error) {
			if (!holdsUpOne(error)) throw error;
		}
	}
	return free;
}

async function tryCopy(
	{ storage, signal }: Run,
	lock: StorageLock,
	entry: RetentionEntry,
	folder: string,
): Promise<BackupError | null> {
	try {
		await lock.during((either) => copyBackup(storage, entry.key, folder, either), signal);
		return null;
	} catch (error) {
		if (!holdsUpOne(error)) throw error;
		return error;
	}
}

function totalsWith(
	{ plan }: Survey,
	gone: ReadonlySet<RetentionEntry>,
	orphans: ReadonlySet<StoredObject>,
	wal: readonly WalReport[],
): PruneReport['totals'] {
	const totals = totalsOf(plan, gone);
	for (const { size, sharedAs } of orphans) if (sharedAs === undefined) totals.freedBytes += size;
	for (const { deleted, freedBytes } of wal) {
		totals.walDeleted += deleted;
		totals.freedBytes += freedBytes;
	}
	return totals;
}
