import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import {
	DEFAULT_TARGETS,
	findProblems,
	metricsText,
	type RecentEvents,
	type RunningRun,
	type StorageState,
} from '../../../engine';
import { hoursAgo, series, stateOf, verified } from '../../unit/report/states';

/** The repository's folder monitoring/. */
export const MONITORING = join(__dirname, '..', '..', '..', 'monitoring');

/** Runs promtool to its end; what it wrote, and whether it was content. */
export function promtool(args: string[], input = ''): { isGood: boolean; output: string } {
	const { status, stdout, stderr, error } = spawnSync('promtool', args, { input, encoding: 'utf8' });
	if (error) throw error;
	return { isGood: status === 0, output: stdout + stderr };
}

/** Metrics in which each of ours has a value: two things on two servers, restored for a test, one of them off the trend. */
export async function allMetrics(knownNames: boolean): Promise<string> {
	const before = Array.from({ length: 10 }, (_, day) => ({ hours: 24 * (day + 1) }));
	const shop = (origin: string) =>
		series([{ hours: 2, stored: 100_000, more: verified(1) }, ...before], { origin, kind: 'postgres' });
	const articles = series([{ hours: 90, more: verified(80) }], { kind: 'qdrant', name: 'art"ic\\les\n<b>' });
	const state = stateOf([shop('a:5432'), shop('b:5432'), articles], { ...recoverable('ma"in\n') });
	const problems = findProblems(state, { expected: [{ name: 'crm' }] });
	const options = { targets: DEFAULT_TARGETS, knownNames, events: eventsOf('sh"op\n'), running: runsOf('sh"op\n') };
	return await metricsText(state, problems, options);
}

/** A server that can be recovered, and one of its name; a slot. */
function recoverable(name: string): Pick<StorageState, 'logs' | 'serverLogs'> {
	const at = hoursAgo(1);
	const window = {
		from: hoursAgo(72),
		to: at,
		lastTransaction: at,
		timeline: 1,
		fromPosition: '0/1',
		toPosition: '0/2',
	};
	const counts = { bases: 1, pieces: 1, storedBytes: 1, uselessBases: 0, since: hoursAgo(72), seenAt: at };
	const kinds = { kind: 'postgres-wal', baseKind: 'postgres-base' } as const;
	const windows = [{ ...window, bases: 1, baseTimes: [at] }];
	const logs = ['1', '2'].map((system) => ({ ...kinds, system, name, windows, gaps: [], ...counts }));
	const slot = { name: 'n8n_pitr', isActive: true, isPhysical: true, status: 'reserved', heldBytes: 1, roomBytes: 1 };
	const serverLogs = [{ address: 'db:5432', system: '1', sign: undefined, limitBytes: 2, slots: [slot] }];
	return { logs, serverLogs };
}

/** A run that failed, and one that was refused. */
function eventsOf(name: string): RecentEvents {
	const at = new Date().toISOString();
	const of = { id: '1', action: 'backUp', kind: 'files', name, startedAt: at, endedAt: at } as const;
	const failed = { ...of, outcome: 'failed' } as const;
	const events = [failed, { ...of, outcome: 'refused' } as const];
	return { since: at, hours: 24, events, left: 0, counts: [], failedBackUps: [failed], unreadable: 0 };
}

/** A run that is at work, and one that did not end. */
function runsOf(name: string): RunningRun[] {
	const at = new Date().toISOString();
	const run = { formatVersion: 1, id: '1', action: 'backUp', kind: 'files', name, startedAt: at, seenAt: at } as const;
	const rest = { bytes: 0, bytesPerSecond: 0, workflow: 'Nightly', execution: '17', host: 'worker-1', process: 7 };
	return [false, true].map((isDead) => ({ ...run, ...rest, isDead }));
}

/** The names of metrics that Get Metrics gives. */
export async function namesGiven(): Promise<Set<string>> {
	const text = await allMetrics(true);
	return new Set([...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name!));
}

/** The names of our and the known metrics in a query. */
export function namesIn(query: string): string[] {
	return query.match(/\b(?:stack|rag|postgres|qdrant)_backup_\w+/g) ?? [];
}

export function monitoringFile(name: string): string {
	return readFileSync(join(MONITORING, name), 'utf8');
}
