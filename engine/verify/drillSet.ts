import {
	mayBeOfKind,
	NewerManifest,
	seriesIn,
	sourceOf,
	type KnownBackup,
	type BackupKind,
	type DamagedManifest,
} from '../archive';

/**
 * Why something could not be brought back as it should. `none`: nothing of this kind, or nothing at all, was backed up.
 * `notWhole`: all its backups lack the definitions or the data. `part`: all its backups hold what somebody has chosen of it, by
 * patterns or names. `outdated`: its newest whole backup is too old. `damaged`: a newer manifest
 * cannot be read, or is not to be believed, so that nobody knows of what it is. `newer`: a newer version of this package has
 * made a newer backup, so that this one cannot try it. `unknown`: what backups of the kind hold cannot be checked yet.
 */
export type GapReason = 'none' | 'notWhole' | 'part' | 'outdated' | 'damaged' | 'newer' | 'unknown';

export interface DrillGap {
	reason: GapReason;
	kind: BackupKind | null;
	/** The name of the database, collection and so on at its source. */
	name: string | null;
	/** The newest backup of it, or the manifest that cannot be read. */
	key: string | null;
	/** When that backup was begun; ISO 8601, UTC. */
	startedAt: string | null;
	/** The server that was backed up, where the manifest names it: `db.example.com:5432`. */
	origin: string | null;
	/** Why a manifest cannot be read. */
	problem: string | null;
}

/** The backups that a drill restores, and what is missing. */
export interface DrillSet {
	/** The run that made all of them; null where they come from several runs. */
	runId: string | null;
	/** One backup for each series, in the order of kinds, then of names. */
	backups: KnownBackup[];
	gaps: DrillGap[];
}

export interface DrillSetOptions {
	/** Only these kinds, each of which must have a backup; by default, all kinds that have one. */
	kinds?: readonly BackupKind[];
	isKnown: (kind: BackupKind) => boolean;
	now: Date;
	/** A newest whole backup older than this is a gap; by default any age will do. */
	maxAgeHours?: number;
}

/** The series of every backup. */
type Series = ReadonlyMap<KnownBackup, string>;

const HOUR_MS = 60 * 60 * 1000;

/**
 * Chooses the newest complete set. That is what one run made of everything that was ever backed up whole, because such a set is
 * consistent. Where there is no such run, where part of it is too old, or where everything was backed up again since, it is the
 * newest whole backup of each series.
 * @param backups newest first, as listManifests returns them
 */
export function chooseSet(backups: KnownBackup[], damaged: DamagedManifest[], options: DrillSetOptions): DrillSet {
	const { kinds, isKnown } = options;
	const wanted = backups.filter(({ manifest: { kind } }) => !kinds || kinds.includes(kind));
	const known = wanted.filter(({ manifest: { kind } }) => isKnown(kind));
	const whole = known.filter(({ manifest: { partial } }) => !partial);
	const series = seriesIn(backups);
	const newest = newestOf(whole, series);
	const run = completeRun(whole, newest, series);
	const isTooOld = [...(run?.values() ?? [])].some((entry) => isOutdated(entry, options));
	const chosen = run && !isTooOld && !isOutrun(run, newest) ? run : newest;
	const set = [...chosen].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry);
	return { runId: sharedRun(set), backups: set, gaps: findGaps(wanted, newest, { damaged, series }, options) };
}

/** The first backup of each series in a list that is newest first. */
function newestOf(backups: KnownBackup[], series: Series): Map<string, KnownBackup> {
	const found = new Map<string, KnownBackup>();
	for (const entry of backups) {
		const name = series.get(entry)!;
		if (!found.has(name)) found.set(name, entry);
	}
	return found;
}

/** The newest run that has a whole backup of every series. */
function completeRun(
	whole: KnownBackup[],
	names: Map<string, KnownBackup>,
	series: Series,
): Map<string, KnownBackup> | undefined {
	const runs = new Map<string, KnownBackup[]>();
	for (const entry of whole) {
		const { runId } = entry.manifest;
		if (runId !== undefined) runs.set(runId, [...(runs.get(runId) ?? []), entry]);
	}
	for (const entries of runs.values()) {
		const found = newestOf(entries, series);
		if (found.size === names.size) return found;
	}
	return undefined;
}

function isOutrun(run: Map<string, KnownBackup>, newest: Map<string, KnownBackup>): boolean {
	return [...run].every(([name, entry]) => newest.get(name) !== entry);
}

function isOutdated({ manifest }: KnownBackup, { now, maxAgeHours = Infinity }: DrillSetOptions): boolean {
	return now.getTime() - new Date(manifest.startedAt).getTime() > maxAgeHours * HOUR_MS;
}

function sharedRun(set: KnownBackup[]): string | null {
	const [first] = set;
	const runId = first?.manifest.runId;
	return runId !== undefined && set.every(({ manifest }) => manifest.runId === runId) ? runId : null;
}

function findGaps(
	wanted: KnownBackup[],
	newest: Map<string, KnownBackup>,
	{ damaged, series }: { damaged: DamagedManifest[]; series: Series },
	options: DrillSetOptions,
): DrillGap[] {
	const { kinds, isKnown } = options;
	const missing = (kinds ?? [])
		.filter((kind) => !wanted.some(({ manifest }) => manifest.kind === kind))
		.map((kind) => gap('none', { kind }));
	if (wanted.length === 0 && missing.length === 0) missing.push(gap('none', {}));
	const known = [...newestOf(wanted, series)].flatMap(([name, entry]): DrillGap[] => {
		if (!isKnown(entry.manifest.kind)) return [gapOf('unknown', entry)];
		const whole = newest.get(name);
		if (!whole) return [gapOf(isPart(entry) ? 'part' : 'notWhole', entry)];
		return isOutdated(whole, options) ? [gapOf('outdated', whole)] : [];
	});
	const oldest = [...newest.values()].map(({ manifest }) => manifest.startedAt).sort()[0] ?? '';
	const unreadable = damaged
		.filter(({ modifiedAt }) => modifiedAt.toISOString() >= oldest)
		.filter(({ error }) => mayBeOfKind(error, kinds))
		.map(({ manifestKey, error }) =>
			gap(error instanceof NewerManifest ? 'newer' : 'damaged', { key: manifestKey, problem: error.message }),
		);
	return [...missing, ...known, ...unreadable];
}

/** Whether a backup holds all of what was chosen. */
function isPart({ manifest: { partial } }: KnownBackup): boolean {
	return partial?.content === 'all';
}

function gapOf(reason: GapReason, { manifest, key }: KnownBackup): DrillGap {
	const { kind, name, startedAt } = manifest;
	return gap(reason, { kind, name, key, startedAt, origin: sourceOf(manifest).origin ?? null });
}

function gap(reason: GapReason, facts: Partial<DrillGap>): DrillGap {
	return { kind: null, name: null, origin: null, key: null, startedAt: null, problem: null, ...facts, reason };
}
