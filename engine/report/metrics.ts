/**
 * What the storage holds as metrics of Prometheus (its text format), by prom-client. Names follow Prometheus' conventions:
 * base units, `_seconds`, `_bytes`, gauges without `_total`. What has no value is left out: a gap, not a zero, is the truth.
 */
import { Gauge, Registry } from 'prom-client';

import type { RunningRun } from '../archive';
import type { BackupSystem } from '../verify';
import { addEventMetrics, addRunMetrics, failureId, lastFailures } from './event-metrics';
import type { RecentEvents } from './events';
import { daysLeft } from './growth';
import { namesakesOf } from './namesakes';
import type { Problem } from './problems';
import { secondsOf } from './report';
import { isReliable, type HeldBackup, type SeriesState } from './held';
import type { StorageState } from './state';
import { lostRuns } from './running';
import { goodUntil, resultsOf, type TargetResult, type Targets } from './targets';
import { addWindowMetrics } from './window-metrics';
import { shortName } from './words';

export interface MetricsOptions {
	targets: Targets;
	/** Adds the names that dashboards of shell scripts use: `rag_backup_*`, `postgres_backup_*`, `qdrant_backup_*`. */
	knownNames?: boolean;
	/** What the journal tells. */
	events?: RecentEvents;
	/** What runs now, and what did not end. */
	running?: readonly RunningRun[];
	/** Names of events that are not looked at. */
	isIgnored?: (name: string) => boolean;
}

/** What Prometheus scrapes, with this content type. */
export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** A metric of each series. */
interface SeriesMetric {
	name: string;
	help: string;
	valueOf: (series: SeriesState) => number | undefined;
}

const SERIES_METRICS: readonly SeriesMetric[] = [
	{
		name: 'stack_backup_last_success_timestamp_seconds',
		help: 'When the newest good backup began; of base backups and WAL, the moment up to which they bring everything back.',
		valueOf: ({ lastGood, reachesTo }) => lastGood && goodUntil(lastGood, reachesTo) / 1000,
	},
	{
		name: 'stack_backup_last_timestamp_seconds',
		help: 'When the newest backup began, good or not.',
		valueOf: ({ newest: [last] }) => last && secondsAt(last.facts.startedAt),
	},
	{
		name: 'stack_backup_success',
		help: 'Whether the newest backup can be relied on.',
		valueOf: ({ newest: [last] }) => last && Number(isReliable(last)),
	},
	{
		name: 'stack_backup_duration_seconds',
		help: 'How long the newest backup took.',
		valueOf: ({ newest: [last] }) => last && secondsOf(last),
	},
	{
		name: 'stack_backup_size_bytes',
		help: 'Size of the newest backup as it is stored.',
		valueOf: ({ newest: [last] }) => last?.facts.size.stored,
	},
	{
		name: 'stack_backup_raw_size_bytes',
		help: 'Size of the newest backup before compression.',
		valueOf: ({ newest: [last] }) => last?.facts.size.raw,
	},
	{
		name: 'stack_backup_verified',
		help: 'Whether the newest backup has passed a verification (1), has failed it (0); absent before one.',
		valueOf: ({ newest: [last] }) => last?.verification && Number(last.verification.verdict === 'passed'),
	},
	{
		name: 'stack_backup_last_verified_timestamp_seconds',
		help: 'When the newest verification that passed ended.',
		valueOf: ({ lastVerified, readAt }) => {
			const times = [lastVerified?.verification?.at, readAt].flatMap((at) => (at === undefined ? [] : [secondsAt(at)]));
			return times.length === 0 ? undefined : Math.max(...times);
		},
	},
	{
		name: 'stack_backup_last_restore_test_timestamp_seconds',
		help: 'When the newest test restore ended.',
		valueOf: ({ lastRestored }) => lastRestored?.restored && secondsAt(lastRestored.restored.at),
	},
	{
		name: 'stack_backup_restore_test_duration_seconds',
		help: 'How long the newest test restore took.',
		valueOf: ({ lastRestored }) => lastRestored?.restored && lastRestored.restored.duration / 1000,
	},
	{
		name: 'stack_backup_backups',
		help: 'How many backups there are, without weekly copies.',
		valueOf: ({ backups }) => backups,
	},
	{
		name: 'stack_backup_stored_bytes',
		help: 'Bytes of all backups, weekly copies included.',
		valueOf: ({ storedBytes }) => storedBytes,
	},
];

/**
 * The metrics as text, and what they are called when they are sent.
 * @param systems what each system brings; engine/systems.ts has the list
 */
export async function metricsText(
	systems: readonly BackupSystem[],
	state: StorageState,
	problems: readonly Problem[],
	{ targets, knownNames = false, events, running, isIgnored = () => false }: MetricsOptions,
): Promise<string> {
	const registry = new Registry();
	for (const { name, help, valueOf } of SERIES_METRICS) {
		const gauge = gaugeIn(registry, name, help, ['kind', 'name', 'server']);
		for (const series of state.series) set(gauge, labelsOf(series, state.series), valueOf(series));
	}
	addProblems(registry, state, problems);
	addOfStorage(registry, state, problems, resultsOf(systems, state, targets));
	addWindowMetrics(registry, state);
	if (events) addEventMetrics(registry, events, isIgnored);
	if (running) addRunMetrics(registry, running, lostRuns(running, state, events ?? { events: [] }));
	if (knownNames) addKnownNames(registry, state, lastFailures(events?.failedBackUps ?? []));
	return await registry.metrics();
}

/** Each problem as a line with the value 1, for rules that say what is wrong with what. */
function addProblems(registry: Registry, { series }: StorageState, problems: readonly Problem[]): void {
	const labels = ['problem', 'severity', 'kind', 'name', 'server', 'measure'];
	const gauge = gaugeIn(registry, 'stack_backup_problem', 'A problem that was found; absent when it is over.', labels);
	const byId = new Map(series.map((one) => [one.id, one]));
	for (const { kind: problem, severity, subject, seriesId, about: own, measure } of problems) {
		const about = seriesId === undefined ? undefined : byId.get(seriesId);
		const of = about ? labelsOf(about, series) : { name: shortName(subject), ...(own && labelsOfName(own)) };
		set(gauge, { problem: snakeCase(problem), severity, ...of, ...(measure !== undefined && { measure }) }, 1);
	}
}

/** `storage_low`, as labels of Prometheus are written. */
function snakeCase(text: string): string {
	return text.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function addOfStorage(
	registry: Registry,
	state: StorageState,
	problems: readonly Problem[],
	results: readonly TargetResult[],
): void {
	const single = (name: string, help: string, value: number | undefined) => {
		// A gauge without labels is 0 from the beginning, and a disk of which nothing is known is not full.
		if (value !== undefined) set(gaugeIn(registry, name, help, []), {}, value);
	};
	single('stack_backup_report_timestamp_seconds', 'When the storage was looked at.', secondsAt(state.at));
	single('stack_backup_storage_used_bytes', 'Bytes of all archives.', state.storedBytes);
	single('stack_backup_storage_free_bytes', 'Bytes that are free in the storage.', state.freeBytes);
	single('stack_backup_storage_size_bytes', 'Bytes of the disk that the storage is on.', state.totalBytes);
	const days = daysLeft(state);
	const help = 'Seconds until the storage is full if nothing is deleted.';
	single('stack_backup_storage_left_seconds', help, days === undefined ? undefined : days * 86_400);
	single('stack_backup_unreadable_manifests', 'Manifests that cannot be read.', state.unreadCount);
	const found = gaugeIn(registry, 'stack_backup_problems', 'Problems that were found.', ['severity']);
	for (const severity of ['critical', 'warning'] as const) {
		set(found, { severity }, problems.filter((problem) => problem.severity === severity).length);
	}
	const met = gaugeIn(registry, 'stack_backup_target_met', 'Whether a target is met; absent where not known.', [
		'target',
	]);
	const actualOf = (target: keyof Targets) => results.find((result) => result.target === target)?.actual;
	const recovery = actualOf('rtoHours');
	const recoveryHelp = 'How long restoring everything took in the newest test restores; absent until all were made.';
	single('stack_backup_recovery_seconds', recoveryHelp, recovery === undefined ? undefined : recovery * 3600);
	single('stack_backup_success_ratio', 'Share of the backups of 30 days that are good.', actualOf('successRate'));
	for (const { target, isMet } of results) {
		set(met, { target: TARGET_LABELS[target] }, isMet === undefined ? undefined : Number(isMet));
	}
}

const TARGET_LABELS: Record<keyof Targets, string> = {
	rpoHours: 'rpo',
	rtoHours: 'rto',
	successRate: 'success_rate',
	verifiedShare: 'verified_share',
	windowMinutes: 'recovery_window',
};

/** The names that the dashboards of people's scripts have. */
function addKnownNames(registry: Registry, { series }: StorageState, failures: ReadonlyMap<string, number>): void {
	const labels = ['kind', 'name'];
	const gauges = {
		success: gaugeIn(registry, 'rag_backup_success', 'Whether the newest backup can be relied on.', labels),
		lastSuccess: gaugeIn(registry, 'rag_backup_last_success_timestamp', 'When the newest good backup began.', labels),
		lastFailure: gaugeIn(
			registry,
			'rag_backup_last_failure_timestamp',
			'When the newest back up failed, or a bad one began.',
			labels,
		),
		duration: gaugeIn(registry, 'rag_backup_duration_seconds', 'How long the newest backup took.', labels),
		size: gaugeIn(registry, 'rag_backup_size_bytes', 'Size of the newest backup.', labels),
		verified: gaugeIn(registry, 'rag_backup_verification_success', 'Whether the newest backup is verified.', labels),
		count: gaugeIn(registry, 'rag_backup_total_count', 'How many backups there are.', labels),
	};
	for (const one of distinct(series, ({ kind, name }) => `${kind} ${name}`)) {
		const { kind, name, lastGood, newest, backups } = one;
		const [last] = newest;
		const of = { kind, name: shortName(name) };
		const bad = newest.find((backup) => !isReliable(backup));
		set(gauges.success, of, last && Number(isReliable(last)));
		set(gauges.lastSuccess, of, lastGood && secondsAt(lastGood.facts.startedAt));
		const failedAt = Math.max(failures.get(failureId(kind, name)) ?? 0, bad ? secondsAt(bad.facts.startedAt) : 0);
		set(gauges.lastFailure, of, failedAt > 0 ? failedAt : undefined);
		set(gauges.duration, of, last && secondsOf(last));
		set(gauges.size, of, last?.facts.size.stored);
		set(gauges.verified, of, Number(last?.verification?.verdict === 'passed'));
		set(gauges.count, of, backups);
	}
	addOfSystem(registry, 'postgres', ['database', 'type'], series, ({ name }, last) => ({
		database: shortName(name),
		type: last.facts.partial ? 'partial' : 'full',
	}));
	addOfSystem(registry, 'qdrant', ['collection'], series, ({ name }) => ({ collection: shortName(name) }));
}

/** `postgres_backup_*` and `qdrant_backup_*`. */
function addOfSystem(
	registry: Registry,
	system: 'postgres' | 'qdrant',
	labels: readonly string[],
	series: readonly SeriesState[],
	labelsFor: (series: SeriesState, last: HeldBackup) => Record<string, string>,
): void {
	const gauge = (name: string, help: string) => gaugeIn(registry, `${system}_backup_${name}`, help, [...labels]);
	const lastSuccess = gauge('last_success_timestamp', 'When the newest good backup began.');
	const duration = gauge('duration_seconds', 'How long the newest backup took.');
	const size = gauge('size_bytes', 'Size of the newest backup.');
	const status = gauge('status', 'Whether the newest backup can be relied on.');
	const own = series.filter(({ kind }) => kind === system);
	for (const one of distinct(own, ({ name }) => name)) {
		const [last] = one.newest;
		if (!last) continue;
		const of = labelsFor(one, last);
		set(lastSuccess, of, one.lastGood && secondsAt(one.lastGood.facts.startedAt));
		set(duration, of, secondsOf(last));
		set(size, of, last.facts.size.stored);
		set(status, of, Number(isReliable(last)));
	}
}

/** Those names know no servers: of several series of one name, the one with the newest backup counts. */
function distinct(series: readonly SeriesState[], nameOf: (series: SeriesState) => string): Iterable<SeriesState> {
	const found = new Map<string, SeriesState>();
	for (const one of series) {
		const name = nameOf(one);
		const known = found.get(name);
		if (!known || newestOf(known) < newestOf(one)) found.set(name, one);
	}
	return found.values();
}

function newestOf({ newest: [last] }: SeriesState): string {
	return last?.facts.startedAt ?? '';
}

/** The server is named only where two of them have a series of one name. */
function labelsOf({ kind, name, origin, folder }: SeriesState, all: readonly SeriesState[]): Record<string, string> {
	const alike = namesakesOf(all, { kind, name });
	const labels = { kind, name: shortName(name) };
	if (alike.length < 2) return labels;
	const isTold = alike.filter((other) => other.origin === origin).length === 1;
	return { ...labels, server: isTold ? (origin ?? 'unknown') : `${origin ?? 'unknown'} ${folder}` };
}

function labelsOfName({ kind, name }: { kind: string; name: string }): Record<string, string> {
	return { kind, name: shortName(name) };
}

function gaugeIn(registry: Registry, name: string, help: string, labelNames: string[]): Gauge {
	return new Gauge({ name, help, labelNames, registers: [registry] });
}

function set(gauge: Gauge, labels: Record<string, string>, value: number | undefined): void {
	if (value !== undefined && Number.isFinite(value)) gauge.set(labels, value);
}

function secondsAt(iso: string): number {
	return Date.parse(iso) / 1000;
}
