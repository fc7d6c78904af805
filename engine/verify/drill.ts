/**
 * A drill: the newest whole backup of everything is restored for a test. The manifests of the storage are listed once;
 * drillSet.ts chooses one backup of each series. These are verified one after the other (verifyBackup.ts), to the level
 * `restore` where there is a way and a place to restore them, otherwise to the level `content`, and the report says which.
 * Each result goes to `onVerified` at once, so a drill that is cancelled keeps what it has found out.
 */
import {
	type BackupKind,
	type DecryptionKeys,
	type KnownBackup,
	listManifests,
	type ManifestSummary,
} from '../archive';
import { throwIfCancelled } from '../errors';
import type { Storage } from '../storage';
import { chooseSet, type DrillGap } from './drillSet';
import { type BackupSystem, findKind, hindranceOf, type RestoreHindrance, type ScratchTargets } from './system';
import type { Finding, Verdict, VerificationLevel, VerificationReport } from './types';
import { verifyBackup } from './verifyBackup';

export interface DrillOptions {
	storage: Storage;
	/** The prefixes of the backups' keys: `['postgres/', 'qdrant/']`. By default, all backups of the storage. */
	prefixes?: readonly string[];
	/** Where the backups are restored for a test. It may depend on the backup, as assertions do. */
	scratch: ScratchTargets | ((manifest: ManifestSummary) => ScratchTargets);
	keys?: DecryptionKeys;
	/** Only these kinds, each of which must have a backup; by default, all kinds that have one. */
	kinds?: readonly BackupKind[];
	/** The drill fails where the newest whole backup of something is older than this; by default, any age will do. */
	maxAgeHours?: number;
	/** Called for each backup as soon as it was tried: to record the result, or to show how far the drill is. */
	onVerified?: (report: VerificationReport) => Promise<void> | void;
	signal?: AbortSignal;
	log?: (line: string) => void;
}

/**
 * A verdict, or `passedInPart`: data was restored and nothing bad was found, but for some backups there is no way or no place
 * to restore them (`notRestored`), so only their content was verified; or of something there are only backups of a part, which were not
 * tried (the gap `part`).
 */
export type DrillVerdict = Verdict | 'passedInPart';

/** What the drill found out about one backup. */
export interface DrilledBackup {
	kind: BackupKind;
	name: string;
	key: string;
	id: string;
	/** When the backup was begun; ISO 8601, UTC. */
	startedAt: string;
	/** Bytes before compression. */
	rawBytes: number;
	verdict: Verdict;
	/** Why only its content was verified; null where it was to be restored. */
	notRestored: RestoreHindrance | null;
	/** The assertions that were not run because it was not to be restored. */
	assertionsNotRun: string[];
	requested: VerificationLevel;
	reached: VerificationLevel | null;
	/** Milliseconds that the restore took; null where it was not restored. */
	restoreTime: number | null;
	/** Milliseconds from the beginning of the backup to the drill: whatever was written since would be lost. */
	age: number;
	/** The worst findings. */
	findings: Finding[];
}

/** All backups of a kind. */
export interface DrilledSystem {
	kind: BackupKind;
	backups: number;
	verdict: DrillVerdict;
	/** Milliseconds for all of them, one after the other; null where not all were restored. */
	recoveryTime: number | null;
	/** Milliseconds; the age of the oldest. */
	recoveryPoint: number;
}

/** Plain JSON; all durations are milliseconds. */
export interface DrillReport {
	/**
	 * `passed`: everything was restored and compared, and is young enough. `failed`: a backup is bad, or something has none.
	 * `incomplete`: something could not be tried, there was no room to restore it, an assertion was not run, or no data was
	 * restored at all.
	 */
	verdict: DrillVerdict;
	/** ISO 8601, UTC. */
	startedAt: string;
	/** The whole drill, including the comparing. */
	duration: number;
	/** The run that made all the backups; null where they come from several. */
	runId: string | null;
	backups: DrilledBackup[];
	systems: DrilledSystem[];
	/**
	 * Measured for the backups that were to be restored; null where one of them was not, or where there is none. `sequential`: one
	 * after the other. `parallel`: all kinds at once.
	 */
	recoveryTime: { sequential: number | null; parallel: number | null };
	/** The age of the oldest backup; null where there is none. */
	recoveryPoint: number | null;
	/** The time between the beginnings of the first and the last backup: within it, systems may disagree. */
	spread: number | null;
	gaps: DrillGap[];
}

/** Findings of one backup in the report; the report of its verification has more. */
const MAX_FINDINGS = 20;

/**
 * Restores the newest complete set of backups into scratch targets, one after the other, and measures how long that takes
 * and how old the data is. Whatever is wrong with the backups is in the report.
 * @param systems what each system brings; engine/systems.ts has the list
 * @throws BackupError CANCELLED, INVALID_INPUT (keys), and what listing the storage throws
 */
export async function drill(systems: readonly BackupSystem[], options: DrillOptions): Promise<DrillReport> {
	const { kinds, maxAgeHours, signal } = options;
	const now = new Date();
	const begun = performance.now();
	const { backups, damaged } = await listAll(options);
	const set = chooseSet(backups, damaged, {
		isKnown: (kind) => findKind(systems, kind) !== undefined,
		now,
		...(kinds && { kinds }),
		...(maxAgeHours !== undefined && { maxAgeHours }),
	});
	const drilled: DrilledBackup[] = [];
	for (const [index, entry] of set.backups.entries()) {
		throwIfCancelled(signal);
		options.log?.(`Trying ${entry.key}, ${index + 1} of ${set.backups.length}`);
		const { scratch } = options;
		const targets = typeof scratch === 'function' ? scratch(entry.manifest) : scratch;
		const hindrance = hindranceOf(systems, entry.manifest, targets);
		const report = await tryOut(
			systems,
			entry,
			{ level: hindrance ? 'content' : 'restore', scratch: targets },
			options,
		);
		await options.onVerified?.(report);
		const assertionsNotRun = hindrance ? assertionsOf(systems, entry.manifest.kind, targets) : [];
		const leftOut = { notRestored: hindrance ?? null, assertionsNotRun };
		drilled.push(drilledBackup(entry, report, leftOut, now));
	}
	return {
		...summary(systems, drilled, set.gaps),
		startedAt: now.toISOString(),
		duration: Math.round(performance.now() - begun),
		runId: set.runId,
		backups: drilled,
		gaps: set.gaps,
	};
}

async function tryOut(
	systems: readonly BackupSystem[],
	{ key }: KnownBackup,
	{ level, scratch }: { level: VerificationLevel; scratch: ScratchTargets },
	{ storage, keys, signal, log }: DrillOptions,
): Promise<VerificationReport> {
	return await verifyBackup(systems, {
		storage,
		key,
		level,
		scratch,
		...(keys && { keys }),
		...(signal && { signal }),
		...(log && { log }),
	});
}

/** Lists the backups under all prefixes, each once, although one prefix may hold another. */
async function listAll({ storage, prefixes = [''], keys, signal }: DrillOptions) {
	const lists = [];
	for (const prefix of prefixes) lists.push(await listManifests(storage, prefix, {}, signal, keys));
	const backups = new Map(lists.flatMap((list) => list.backups.map((entry) => [entry.key, entry] as const)));
	const damaged = new Map(lists.flatMap((list) => list.damaged.map((entry) => [entry.manifestKey, entry] as const)));
	const newestFirst = [...backups.values()].sort((a, b) => (a.manifest.startedAt < b.manifest.startedAt ? 1 : -1));
	return { backups: newestFirst, damaged: [...damaged.values()] };
}

function assertionsOf(systems: readonly BackupSystem[], kind: BackupKind, targets: ScratchTargets): string[] {
	const found = findKind(systems, kind);
	const scratch = found && targets[found.system.name];
	return scratch === undefined ? [] : [...(found?.ofKind.assertions?.(scratch) ?? [])];
}

function drilledBackup(
	{ manifest, key }: KnownBackup,
	report: VerificationReport,
	leftOut: Pick<DrilledBackup, 'notRestored' | 'assertionsNotRun'>,
	now: Date,
): DrilledBackup {
	const { kind, name, id, startedAt, size } = manifest;
	const restore = report.levels.find(({ level }) => level === 'restore');
	return {
		kind,
		name,
		key,
		id,
		startedAt,
		rawBytes: size.raw,
		verdict: report.verdict,
		...leftOut,
		requested: report.requested,
		reached: report.reached ?? null,
		restoreTime: report.reached === 'restore' ? (restore?.restoreDuration ?? restore?.duration ?? null) : null,
		age: Math.max(0, now.getTime() - new Date(startedAt).getTime()),
		findings: report.findings.slice(0, MAX_FINDINGS),
	};
}

function summary(
	systems: readonly BackupSystem[],
	backups: DrilledBackup[],
	gaps: DrillGap[],
): Pick<DrillReport, 'verdict' | 'systems' | 'recoveryTime' | 'recoveryPoint' | 'spread'> {
	const kinds = [...new Set(backups.map(({ kind }) => kind))];
	const ofKinds = kinds.map((kind) =>
		systemOfKind(
			kind,
			backups.filter((backup) => backup.kind === kind),
		),
	);
	const measured = backups.filter(({ notRestored }) => notRestored === null);
	const times = kinds
		.map((kind) => measured.filter((backup) => backup.kind === kind))
		.filter(({ length }) => length > 0)
		.map((ofKind) => sum(ofKind.map(({ restoreTime }) => restoreTime)));
	const ages = backups.map(({ age }) => age);
	const isEmpty = backups.length === 0;
	return {
		verdict: verdictOfAll(systems, backups, gaps),
		systems: ofKinds,
		recoveryTime: { sequential: sum(times), parallel: most(times) },
		recoveryPoint: isEmpty ? null : Math.max(...ages),
		spread: isEmpty ? null : Math.max(...ages) - Math.min(...ages),
	};
}

function systemOfKind(kind: BackupKind, backups: DrilledBackup[]): DrilledSystem {
	return {
		kind,
		backups: backups.length,
		verdict: verdictOf(backups, []),
		recoveryTime: sum(backups.map(({ restoreTime }) => restoreTime)),
		recoveryPoint: Math.max(...backups.map(({ age }) => age)),
	};
}

/**
 * Whether a backup should have been restored and was not: it has outgrown the limit or the memory, or it has assertions, which
 * its content alone cannot answer. A backup with no place or no way was never expected to be restored.
 */
function isLacking({ notRestored, assertionsNotRun }: DrilledBackup): boolean {
	return notRestored === 'tooLarge' || notRestored === 'noMemory' || assertionsNotRun.length > 0;
}

/** A backup that was never tried has not passed. */
function verdictOf(backups: DrilledBackup[], gaps: DrillGap[]): DrillVerdict {
	// Whoever backs up a part of something by choice wants no more of it.
	const open = gaps.filter(({ reason }) => reason !== 'part');
	const isBad = ({ reason }: DrillGap) => reason !== 'unknown' && reason !== 'newer';
	if (open.some(isBad) || backups.some(({ verdict }) => verdict === 'failed')) return 'failed';
	if (open.length > 0 || backups.some(({ verdict }) => verdict !== 'passed')) return 'incomplete';
	if (backups.some(isLacking)) return 'incomplete';
	return gaps.length > 0 || backups.some(({ notRestored }) => notRestored !== null) ? 'passedInPart' : 'passed';
}

/** A drill that has restored no data proves nothing about a recovery: roles alone bring nothing back. */
function verdictOfAll(systems: readonly BackupSystem[], backups: DrilledBackup[], gaps: DrillGap[]): DrillVerdict {
	const verdict = verdictOf(backups, gaps);
	const hasRestoredData = backups.some(
		({ kind, notRestored }) => notRestored === null && findKind(systems, kind)?.ofKind.holdsData,
	);
	return verdict === 'passedInPart' && !hasRestoredData ? 'incomplete' : verdict;
}

/** Null where one of the times is unknown, or where there is none. */
function sum(times: (number | null)[]): number | null {
	return times.length === 0 || times.includes(null) ? null : (times as number[]).reduce((a, b) => a + b);
}

function most(times: (number | null)[]): number | null {
	return times.length === 0 || times.includes(null) ? null : Math.max(...(times as number[]));
}
