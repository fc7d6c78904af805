/**
 * The report as a document, `backup_report.json`: the fields that people's scripts and dashboards read already (snake case, a
 * component for each system), and what this package knows beyond them. It tells of the newest backup of each series, or of
 * those that a run says it made; in both cases what counts is what the storage holds of them.
 */
import type { RunningRun } from '../archive';
import { systemOf, type BackupSystem } from '../verify';
import { auditOf, type ReportedAudit } from './audit';
import type { RecentEvents } from './events';
import type { Problem } from './problems';
import { reportedSlots, reportedWindows, type ReportedSlot, type ReportedWindow } from './reported-windows';
import { isReliable, type HeldBackup, type SeriesState } from './held';
import type { StorageState } from './state';
import { resultsOf, type TargetResult, type Targets } from './targets';

export type ReportStatus = 'success' | 'warning' | 'failed';

/** One backup in the report. */
export interface ReportedBackup {
	kind: string;
	name: string;
	status: ReportStatus;
	file: string;
	key: string;
	id: string;
	size_bytes: number;
	duration_seconds: number;
	started_at: string;
	/** `passed`, `failed`, or `never` where no verification came to a verdict. */
	verification: 'passed' | 'failed' | 'never';
	verified_level: string | null;
	verified_at: string | null;
}

export interface ReportedComponent {
	status: ReportStatus;
	/** Of the newest backup. */
	file: string;
	/** Of all its backups in the report. */
	size_bytes: number;
	duration_seconds: number;
	backups: ReportedBackup[];
}

/** What stands in `backup_report.json`. */
export interface ReportDocument {
	/** ISO 8601, UTC. */
	timestamp: string;
	backup_type: 'full' | 'incremental';
	status: ReportStatus;
	duration_seconds: number;
	/** By system: `postgres`, `qdrant`. */
	components: Record<string, ReportedComponent>;
	/** `total_size_bytes`, `<system>_backups`, `weekly_snapshots`, `retention_days`, `retention_weekly`. */
	statistics: Record<string, number | null>;
	errors: string[];
	warnings: string[];
	storage: string;
	verification: { verified: number; failed: number; never: number };
	/** Hours; null where nothing is known. */
	rpo: { target_hours: number; actual_hours: number | null; met: boolean | null };
	rto: { target_hours: number; actual_hours: number | null; met: boolean | null };
	success_rate: { target: number; actual: number | null; met: boolean | null };
	verified_share: { target: number; actual: number | null; met: boolean | null };
	/** The RPO of point-in-time recovery; missing where nobody archives a log. */
	recovery_window?: { target_minutes: number; actual_minutes: number | null; met: boolean | null };
	/** What point in time can be recovered, by server. */
	recovery_windows: ReportedWindow[];
	/** Of the servers that were asked. */
	replication_slots: ReportedSlot[];
	/** What runs now, and what did not end within the last day. */
	running: ReportedRun[];
	/** What the journal tells of the last hours. */
	audit?: ReportedAudit;
}

/** A run in the report. */
export interface ReportedRun {
	/** `backUp`, `restore`, `verify`, `copy` */
	action: string;
	kind: string;
	name: string;
	status: 'running' | 'dead';
	started_at: string;
	last_seen_at: string;
	bytes: number;
	bytes_per_second: number;
	total_bytes: number | null;
	workflow: string;
	execution: string;
	host: string;
}

/** A backup that a run says it has made, or has failed to make. */
export interface ClaimedBackup {
	/** The id in its manifest; undefined where it failed. */
	id?: string | undefined;
	/** For messages. */
	name: string;
	/** What it failed with. */
	error?: string | undefined;
}

export interface ReportOptions {
	targets: Targets;
	/** The backups of a run; without them, the newest of each series. */
	claimed?: readonly ClaimedBackup[];
	/** What the last prune went by, as far as it counts in days and weeks. */
	retention?: { days: number | null; weekly: number | null };
	/** What runs now, and what did not end. */
	running?: readonly RunningRun[];
	/** What the journal tells. */
	events?: RecentEvents;
}

/** @param systems what each system brings; engine/systems.ts has the list */
export function reportOf(
	systems: readonly BackupSystem[],
	state: StorageState,
	problems: readonly Problem[],
	{ targets, claimed, retention, running = [], events }: ReportOptions,
): ReportDocument {
	// What a run has just backed up is reported, whether people want to hear of it later or not.
	const looked = claimed ? [...state.series, ...(state.ignored ?? [])] : state.series;
	const newest = looked.flatMap((series) => series.newest.map((backup) => ({ series, backup })));
	const wanted = claimed && new Set(claimed.map(({ id }) => id));
	const reported = newest.filter(({ series, backup }) =>
		wanted ? wanted.has(backup.facts.id) : backup === series.newest[0],
	);
	const failures = (claimed ?? []).flatMap(({ id, name, error }) => {
		if (error !== undefined) return [`${name}: ${error}`];
		const isThere = reported.some(({ backup }) => backup.facts.id === id);
		return isThere ? [] : [`${name}: the run says that it was backed up, and the storage holds no such backup.`];
	});
	// What the run says of itself is in the journal as well, and is told once.
	const isClaimed = ({ kind, message }: Problem) =>
		kind === 'failed' && (claimed ?? []).some(({ error }) => error !== undefined && message.includes(error));
	const pieces = new Set(reported.flatMap(({ series, backup }) => (series.isLog ? [backup.key] : [])));
	const backups = reported.map(({ series, backup }) => reportedBackup(series, backup));
	const errors = [
		...failures,
		...problems
			.filter((problem) => problem.severity === 'critical' && !isClaimed(problem))
			.map(({ message }) => message),
		...backups.filter(({ status }) => status === 'failed').map(({ key }) => `${key} cannot be relied on.`),
	];
	const warnings = problems.filter(({ severity }) => severity === 'warning').map(({ message }) => message);
	const results = resultsOf(systems, state, targets);
	return {
		timestamp: state.at,
		backup_type:
			reported.every(({ backup }) => (backup.facts.needs?.length ?? 0) > 0) && reported.length > 0
				? 'incremental'
				: 'full',
		status: errors.length > 0 ? 'failed' : warnings.length > 0 ? 'warning' : 'success',
		duration_seconds: spanOf(reported.map(({ backup }) => backup)),
		components: componentsOf(systems, backups, pieces),
		statistics: statisticsOf(systems, state, retention),
		errors,
		warnings,
		storage: state.storage,
		verification: {
			verified: backups.filter(({ verification }) => verification === 'passed').length,
			failed: backups.filter(({ verification }) => verification === 'failed').length,
			never: backups.filter(({ verification }) => verification === 'never').length,
		},
		rpo: hoursOf(results, 'rpoHours'),
		rto: hoursOf(results, 'rtoHours'),
		success_rate: shareOf(results, 'successRate'),
		verified_share: shareOf(results, 'verifiedShare'),
		...(results.some(({ target }) => target === 'windowMinutes') && { recovery_window: minutesOf(results) }),
		recovery_windows: reportedWindows(state),
		replication_slots: reportedSlots(state.serverLogs ?? []),
		running: running.map(reportedRun),
		...(events && { audit: auditOf(events) }),
	};
}

function reportedRun(run: RunningRun): ReportedRun {
	const {
		action,
		kind,
		name,
		isDead,
		startedAt,
		seenAt,
		bytes,
		bytesPerSecond,
		totalBytes,
		workflow,
		execution,
		host,
	} = run;
	return {
		action,
		kind,
		name,
		status: isDead ? 'dead' : 'running',
		started_at: startedAt,
		last_seen_at: seenAt,
		bytes,
		bytes_per_second: bytesPerSecond,
		total_bytes: totalBytes ?? null,
		workflow,
		execution,
		host,
	};
}

function reportedBackup({ kind, name }: SeriesState, backup: HeldBackup): ReportedBackup {
	const { facts, key, verification } = backup;
	return {
		kind,
		name,
		status: isReliable(backup) ? 'success' : 'failed',
		file: key.slice(key.lastIndexOf('/') + 1),
		key,
		id: facts.id,
		size_bytes: facts.size.stored,
		duration_seconds: secondsOf(backup),
		started_at: facts.startedAt,
		verification: verification?.verdict ?? 'never',
		verified_level: verification?.reached ?? null,
		verified_at: verification?.at ?? null,
	};
}

/** Seconds that the backup took. */
export function secondsOf({ facts }: HeldBackup): number {
	return Math.max(0, Date.parse(facts.finishedAt) - Date.parse(facts.startedAt)) / 1000;
}

/** Seconds from the first beginning to the last end. */
function spanOf(backups: readonly HeldBackup[]): number {
	if (backups.length === 0) return 0;
	const runs = new Set(backups.map(({ facts }) => facts.runId));
	// What was made on different days has no common span.
	if (runs.size > 1 || runs.has(undefined)) return round(backups.reduce((sum, backup) => sum + secondsOf(backup), 0));
	const begun = Math.min(...backups.map(({ facts }) => Date.parse(facts.startedAt)));
	const ended = Math.max(...backups.map(({ facts }) => Date.parse(facts.finishedAt)));
	return round(Math.max(0, ended - begun) / 1000);
}

function componentsOf(
	systems: readonly BackupSystem[],
	backups: readonly ReportedBackup[],
	pieces: ReadonlySet<string>,
): Record<string, ReportedComponent> {
	const components: Record<string, ReportedComponent> = {};
	for (const backup of backups) {
		const name = componentOf(systems, backup.kind);
		const component = (components[name] ??= {
			status: 'success',
			file: backup.file,
			size_bytes: 0,
			duration_seconds: 0,
			backups: [],
		});
		if (backup.status === 'failed') component.status = 'failed';
		component.size_bytes += backup.size_bytes;
		component.duration_seconds = round(component.duration_seconds + backup.duration_seconds);
		component.backups.push(backup);
		component.backups.sort((a, b) => (a.started_at < b.started_at ? 1 : -1));
		// A piece of a log is no backup by itself: it stands for its system only where nothing else does.
		component.file = (component.backups.find(({ key }) => !pieces.has(key)) ?? backup).file;
	}
	return components;
}

function statisticsOf(
	systems: readonly BackupSystem[],
	state: StorageState,
	retention: ReportOptions['retention'],
): Record<string, number | null> {
	const counts: Record<string, number> = {};
	let weekly = 0;
	for (const { kind, isLog, backups, weeklyCopies } of state.series) {
		const name = `${componentOf(systems, kind)}_backups`;
		counts[name] = (counts[name] ?? 0) + (isLog ? 0 : backups);
		weekly += weeklyCopies;
	}
	return {
		total_size_bytes: state.storedBytes,
		...counts,
		weekly_snapshots: weekly,
		retention_days: retention?.days ?? null,
		retention_weekly: retention?.weekly ?? null,
	};
}

function componentOf(systems: readonly BackupSystem[], kind: string): string {
	return systemOf(systems, kind as SeriesState['kind']) ?? kind;
}

function hoursOf(results: readonly TargetResult[], target: keyof Targets) {
	const { wanted, actual, isMet } = results.find((result) => result.target === target)!;
	return { target_hours: wanted, actual_hours: finite(actual), met: isMet ?? null };
}

function minutesOf(results: readonly TargetResult[]) {
	const { wanted, actual, isMet } = results.find(({ target }) => target === 'windowMinutes')!;
	return { target_minutes: wanted, actual_minutes: finite(actual), met: isMet ?? null };
}

function shareOf(results: readonly TargetResult[], target: keyof Targets) {
	const { wanted, actual, isMet } = results.find((result) => result.target === target)!;
	return { target: wanted, actual: finite(actual), met: isMet ?? null };
}

/** JSON knows no infinity: of something without any good backup there is no age. */
function finite(value: number | undefined): number | null {
	return value === undefined || !Number.isFinite(value) ? null : Math.round(value * 10_000) / 10_000;
}

function round(value: number): number {
	return Math.round(value * 1000) / 1000;
}
