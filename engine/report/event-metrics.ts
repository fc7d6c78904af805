/** The journal as metrics. */
import { Gauge, type Registry } from 'prom-client';

import type { RecentEvents } from './events';

/** Adds what the journal tells. Gauges of a window, for a journal is pruned: a counter could fall. */
export function addEventMetrics(registry: Registry, { counts, hours, failedBackUps }: RecentEvents): void {
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
		last.set({ kind, name }, seconds);
	}
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
