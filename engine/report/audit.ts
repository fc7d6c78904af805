import type { JournalEvent } from '../journal';
import type { RecentEvents } from './events';

/** An event in `backup_report.json`. */
export interface ReportedEvent {
	at: string;
	action: string;
	outcome: string;
	kind: string | null;
	name: string | null;
	server: string | null;
	backup_id: string | null;
	file: string | null;
	from: string | null;
	to: string | null;
	summary: string | null;
	duration_seconds: number;
	error_code: string | null;
	error: string | null;
	requested_by: string | null;
	execution_id: string | null;
	execution_mode: string | null;
	workflow_id: string | null;
	workflow_name: string | null;
	node_name: string | null;
}

/** What the report tells of the journal. */
export interface ReportedAudit {
	since: string;
	window_hours: number;
	/** Newest first. */
	events: ReportedEvent[];
	/** Events that are not among them, for there are too many. */
	more: number;
	/** How many there were by action and outcome: `{ backUp: { succeeded: 7 } }`. */
	counts: Record<string, Record<string, number>>;
	unreadable: number;
}

/** The journal in the names that the report has. */
export function auditOf({ since, hours, events, left, counts, unreadable }: RecentEvents): ReportedAudit {
	const byAction: ReportedAudit['counts'] = {};
	for (const { action, outcome, count } of counts) (byAction[action] ??= {})[outcome] = count;
	return { since, window_hours: hours, events: events.map(reported), more: left, counts: byAction, unreadable };
}

function reported(event: JournalEvent): ReportedEvent {
	const { startedAt, endedAt, action, outcome, error, execution } = event;
	return {
		at: endedAt,
		action,
		outcome,
		kind: event.kind ?? null,
		name: event.name ?? null,
		server: event.server ?? null,
		backup_id: event.backupId ?? null,
		file: event.file ?? null,
		from: event.from ?? null,
		to: event.to ?? null,
		summary: event.summary ?? null,
		duration_seconds: Math.max(0, Date.parse(endedAt) - Date.parse(startedAt)) / 1000,
		error_code: error?.code ?? null,
		error: error?.message ?? null,
		requested_by: event.requestedBy ?? null,
		execution_id: execution?.id ?? null,
		execution_mode: execution?.mode ?? null,
		workflow_id: execution?.workflowId ?? null,
		workflow_name: execution?.workflowName ?? null,
		node_name: execution?.nodeName ?? null,
	};
}
