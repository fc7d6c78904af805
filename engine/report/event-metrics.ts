/** The journal, and what runs now, as metrics. */
import { Gauge, type Registry } from 'prom-client';

import type { RunningRun } from '../archive';
import type { RecentEvents } from './events';
import { shortName } from './words';

const RUN_LABELS = ['action', 'kind', 'name'];

/** Adds what the journal tells. Gauges of a window, for a journal is pruned: a counter could fall. */
export function addEventMetrics(
	registry: Registry,
	{ counts, hours, failedBackUps, events }: RecentEvents,
	isIgnored: (name: string) => boolean,
): void {
	const gauge = (name: string, help: string, labelNames: string[]) =>
		new Gauge({ name, help, labelNames, registers: [registry] });
	const recent = gauge('stack_backup_recent_events', 'Events of the journal in its window.', ['action', 'outcome']);
	// What alerts go by is there from the beginning: a gap would be no zero to them.
	for (const action of ['backUp', 'restore', 'prune'] as const) recent.set({ action, outcome: 'failed' }, 0);
	for (const { action, outcome, count } of counts) recent.set({ action, outcome }, count);
	gauge('stack_backup_recent_events_window_seconds', 'How far back events are counted.', []).set(hours * 3600);
	const last = gauge('stack_backup_last_failure_timestamp_seconds', 'When the newest back up that failed ended.', [
		'kind',
		'name',
	]);
	for (const [id, seconds] of lastFailures(failedBackUps)) {
		const [kind = '', name = ''] = JSON.parse(id) as string[];
		last.set({ kind, name: shortName(name) }, seconds);
	}
	const failed = gauge('stack_backup_failed_runs', 'Runs that failed, in the window of recent events.', RUN_LABELS);
	const refused = gauge('stack_backup_refused_runs', 'Runs that were refused, in that window.', RUN_LABELS);
	const ofOutcome = (wanted: string) =>
		events.filter(({ outcome, name = '' }) => outcome === wanted && !isIgnored(name));
	count(failed, ofOutcome('failed'));
	count(refused, ofOutcome('refused'));
}

/** Adds what runs now, and which runs did not end. @param lost those that no later one has made good */
export function addRunMetrics(registry: Registry, running: readonly RunningRun[], lost: readonly RunningRun[]): void {
	const gauge = (name: string, help: string) =>
		new Gauge({ name, help, labelNames: RUN_LABELS, registers: [registry] });
	const alive = running.filter(({ isDead }) => !isDead);
	count(gauge('stack_backup_running_runs', 'Runs that are at work; short ones are not seen.'), alive);
	const help = 'Runs of the last day that were killed on their way, and that no later one has made good.';
	count(gauge('stack_backup_dead_runs', help), lost);
}

function count(gauge: Gauge, runs: readonly { action: string; kind?: string; name?: string }[]): void {
	for (const { action, kind = '', name = '' } of runs) gauge.inc({ action, kind, name: shortName(name) });
}

/** When the newest failure of each thing ended, in seconds; by kind and name. */
export function lastFailures(failedBackUps: RecentEvents['failedBackUps']): Map<string, number> {
	const last = new Map<string, number>();
	for (const { kind = '', name = '', endedAt } of failedBackUps) {
		const id = failureId(kind, name);
		last.set(id, Math.max(last.get(id) ?? 0, Date.parse(endedAt) / 1000));
	}
	return last;
}

export function failureId(kind: string, name: string): string {
	return JSON.stringify([kind, name]);
}
