/** What point in time can be recovered, and replication slots, as metrics. */
import { Gauge, type Registry } from 'prom-client';

import type { LoggedSystem } from '../verify';
import type { StorageState } from './state';
import { isJudged, openGaps } from './windows';
import { shortName } from './words';

type Labels = Record<string, string>;

interface WindowMetric {
	name: string;
	help: string;
	valueOf: (logged: LoggedSystem) => number | undefined;
}

const secondsAt = (iso: string | undefined) => (iso === undefined ? undefined : Date.parse(iso) / 1000);

const METRICS: readonly WindowMetric[] = [
	{
		name: 'stack_backup_recovery_window_start_timestamp_seconds',
		help: 'The first moment that can be recovered without a gap up to the last one.',
		valueOf: ({ windows }) => secondsAt(windows.at(-1)?.from),
	},
	{
		name: 'stack_backup_recovery_window_end_timestamp_seconds',
		help: 'The last moment that can be recovered.',
		valueOf: ({ windows }) => secondsAt(windows.at(-1)?.to),
	},
	{
		name: 'stack_backup_recovery_window_watched',
		help: 'Whether archiving tells when all was stored (1): then an end that stands still is no idle server.',
		valueOf: (logged) => Number(isJudged(logged)),
	},
	{
		name: 'stack_backup_recovery_window_base_backups',
		help: 'Base backups in the recovery window.',
		valueOf: ({ windows }) => windows.at(-1)?.bases ?? 0,
	},
	{
		name: 'stack_backup_recovery_window_last_base_timestamp_seconds',
		help: 'When the newest base backup in the recovery window was finished.',
		valueOf: ({ windows }) => secondsAt(windows.at(-1)?.baseTimes.at(-1)),
	},
	{
		name: 'stack_backup_recovery_gaps',
		help: 'Gaps in the log behind which nothing can be recovered until there is a new base backup.',
		valueOf: (logged) => openGaps(logged).length,
	},
	{
		name: 'stack_backup_recovery_healed_gaps',
		help: 'Gaps in the log behind which a base backup lets recovery begin anew.',
		valueOf: ({ gaps }) => gaps.filter(({ state }) => state === 'healed').length,
	},
];

/** Adds the recovery windows, by server, and the slots of servers that were asked. */
export function addWindowMetrics(registry: Registry, { logs = [], serverLogs = [] }: StorageState): void {
	const gauge = (name: string, help: string, labelNames: string[]) =>
		new Gauge({ name, help, labelNames, registers: [registry] });
	if (logs.length > 0) {
		for (const { name, help, valueOf } of METRICS) {
			const own = gauge(name, help, ['name', 'server']);
			for (const logged of logs) set(own, labelsOf(logged, logs), valueOf(logged));
		}
	}
	if (serverLogs.every(({ slots }) => slots.length === 0)) return;
	const labels = ['slot', 'server'];
	const active = gauge('stack_backup_replication_slot_active', 'Whether somebody streams from the slot.', labels);
	const held = gauge('stack_backup_replication_slot_held_bytes', 'WAL that the server keeps for the slot.', labels);
	const room = gauge(
		'stack_backup_replication_slot_room_bytes',
		'WAL that may still be written before the slot is given up; absent where there is no limit.',
		labels,
	);
	const lost = gauge('stack_backup_replication_slot_lost', 'Whether the server has removed WAL that it needs.', labels);
	for (const { address, slots } of serverLogs) {
		for (const { name, isActive, heldBytes, roomBytes, status } of slots) {
			const of = { slot: name, server: address };
			set(active, of, Number(isActive));
			set(held, of, heldBytes);
			set(room, of, roomBytes);
			set(lost, of, Number(status === 'lost'));
		}
	}
}

/** The server is named only where two of them have one name. */
function labelsOf({ name, system }: LoggedSystem, all: readonly LoggedSystem[]): Labels {
	const alike = all.filter((one) => one.name === name);
	return { name: shortName(name), ...(alike.length > 1 && { server: system }) };
}

function set(gauge: Gauge, labels: Labels, value: number | undefined): void {
	if (value !== undefined && Number.isFinite(value)) gauge.set(labels, value);
}
