/** What point in time can be recovered, and replication slots, in `backup_report.json`. */
import type { LoggedSystem, LogGap, ServerLog } from '../verify';
import type { StorageState } from './state';
import { hoursBehind, isJudged, openGaps } from './windows';

export interface ReportedWindow {
	name: string;
	system_identifier: string;
	/** `gap`: log is missing before the present; `nothing`: there is no base backup with its log. */
	status: 'recoverable' | 'gap' | 'nothing';
	/** Of the window that people go on with. */
	from: string | null;
	to: string | null;
	/** Since its end; null where nobody knows whether the server has written since. */
	behind_seconds: number | null;
	/** When all of the log was last seen stored. */
	archived_at: string | null;
	base_backups: number;
	newest_base_at: string | null;
	wal_archives: number;
	wal_bytes: number;
	gaps: ReportedGap[];
}

export interface ReportedGap {
	state: LogGap['state'];
	from_lsn: string;
	to_lsn: string;
	timeline: number;
	after: string | null;
	before: string | null;
}

export interface ReportedSlot {
	server: string;
	name: string;
	active: boolean;
	status: string | null;
	held_bytes: number | null;
	room_bytes: number | null;
}

export function reportedWindows({ logs = [], at }: StorageState): ReportedWindow[] {
	return logs.map((logged) => reportedWindow(logged, Date.parse(at)));
}

function reportedWindow(logged: LoggedSystem, now: number): ReportedWindow {
	const { name, system, windows, gaps, pieces, storedBytes, seenAt } = logged;
	const last = windows.at(-1);
	const isKnown = last !== undefined && isJudged(logged);
	return {
		name,
		system_identifier: system,
		status: openGaps(logged).length > 0 ? 'gap' : last ? 'recoverable' : 'nothing',
		from: last?.from ?? null,
		to: last?.to ?? null,
		behind_seconds: isKnown ? Math.round(hoursBehind(logged, now) * 3600) : null,
		archived_at: seenAt ?? null,
		base_backups: last?.bases ?? 0,
		newest_base_at: last?.baseTimes.at(-1) ?? null,
		wal_archives: pieces,
		wal_bytes: storedBytes,
		gaps: gaps.map(({ state, fromPosition, toPosition, timeline, after, before }) => ({
			state,
			from_lsn: fromPosition,
			to_lsn: toPosition,
			timeline,
			after: after ?? null,
			before: before ?? null,
		})),
	};
}

export function reportedSlots(servers: readonly ServerLog[]): ReportedSlot[] {
	return servers.flatMap(({ address, slots }) =>
		slots.map(({ name, isActive, status, heldBytes, roomBytes }) => ({
			server: address,
			name,
			active: isActive,
			status: status ?? null,
			held_bytes: heldBytes ?? null,
			room_bytes: roomBytes ?? null,
		})),
	);
}
