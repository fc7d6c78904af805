/** Runs one by one: what runs now, how far it is, and how those of a time ended. For whoever waits for one. */
import { readRunning, type RunningRun } from '../archive';
import { EVENT_ACTIONS, readJournal, type EventAction, type EventOutcome, type JournalEvent } from '../journal';
import type { Storage } from '../storage/storage';

export interface RunsOptions {
	/** How far back runs are told that have ended. */
	hours: number;
	/** Only those of this execution; by default all. */
	execution?: string | undefined;
	/** Only those of this workflow, by its id: executions of several n8n may have the same id. */
	workflowId?: string | undefined;
	/** Which of those that have ended; by default all. */
	actions?: readonly EventAction[];
	/** Default: now. */
	now?: Date;
	signal?: AbortSignal | undefined;
}

/** `dead`: it has given no sign for five minutes, and did not end. */
export type RunState = 'running' | 'dead' | EventOutcome;

export interface ToldRun {
	state: RunState;
	action: EventAction;
	kind: string;
	name: string;
	startedAt: string;
	/** Undefined while it runs, and of a dead one. */
	endedAt?: string;
	/** Bytes that went to or came from the storage, and how many a second lately; of what runs or is dead. */
	bytes?: number;
	bytesPerSecond?: number;
	totalBytes?: number;
	/** From 0 to 100. */
	percent?: number;
	/** As it goes on now. */
	secondsLeft?: number;
	/** How it went, in a few words. */
	result?: string;
	problem?: string;
	code?: string;
	backupId?: string;
	file?: string;
	from?: string;
	to?: string;
	requestedBy?: string;
	execution: string;
	workflow: string;
	workflowId: string;
}

/** Of the events of a time, so many are read, the newest. */
const MOST_READ = 500;

/**
 * Those that run first, then those that have ended, the newest first.
 * @throws BackupError CANCELLED, and what listing and reading throw
 */
export async function listRuns(storage: Storage, options: RunsOptions): Promise<ToldRun[]> {
	const { hours, actions = EVENT_ACTIONS, now = new Date(), signal } = options;
	const asked = { now, ...(signal && { signal }) };
	// In this order: the entry of a run is written before its sign is removed, so one of the two is always found.
	const running = (await readRunning(storage, asked)).map(runningOf);
	const { events } = await readJournal(storage, {
		...asked,
		since: new Date(now.getTime() - hours * 3_600_000),
		limit: MOST_READ,
		groupOf: ({ action }) => (actions.includes(action) ? '' : undefined),
	});
	const ended = events.map(endedOf);
	return [...running.filter((run) => !isEnded(run, ended)), ...ended].filter(isAskedFor(options));
}

function isAskedFor({ execution, workflowId }: RunsOptions): (run: ToldRun) => boolean {
	return (run) =>
		(execution === undefined || run.execution === execution) &&
		(workflowId === undefined || run.workflowId === workflowId || run.workflowId === '');
}

/** A sign that is still there a moment after the entry was written. What an execution does, it does one after another. */
function isEnded({ execution, workflowId, startedAt }: ToldRun, ended: readonly ToldRun[]): boolean {
	return ended.some(
		(one) => one.execution === execution && one.workflowId === workflowId && one.startedAt >= startedAt,
	);
}

function runningOf(run: RunningRun): ToldRun {
	const { action, kind, name, startedAt, bytes, bytesPerSecond, totalBytes, isDead, execution, workflow } = run;
	// What was expected says nothing any more once there is more.
	const total = totalBytes !== undefined && totalBytes >= bytes ? totalBytes : undefined;
	const isTimed = total !== undefined && bytesPerSecond > 0 && !isDead;
	return {
		state: isDead ? 'dead' : 'running',
		action,
		kind,
		name,
		startedAt,
		bytes,
		bytesPerSecond: isDead ? 0 : bytesPerSecond,
		...(total !== undefined && { totalBytes: total, percent: total > 0 ? Math.floor((bytes / total) * 100) : 0 }),
		...(isTimed && { secondsLeft: Math.ceil((total - bytes) / bytesPerSecond) }),
		...(isDead && { problem: `It gave its last sign of life at ${run.seenAt}, and did not end.` }),
		execution,
		workflow,
		workflowId: run.workflowId ?? '',
	};
}

function endedOf(event: JournalEvent): ToldRun {
	const { outcome, action, kind = '', name = event.file ?? '', startedAt, endedAt, error, execution = {} } = event;
	const facts = {
		result: event.summary,
		problem: error?.message,
		code: error?.code,
		backupId: event.backupId,
		file: event.file,
		from: event.from,
		to: event.to,
		requestedBy: event.requestedBy,
	};
	return {
		state: outcome,
		action,
		kind,
		name,
		startedAt,
		endedAt,
		...(outcome === 'succeeded' && { percent: 100 }),
		...(Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)) as Partial<ToldRun>),
		execution: execution.id ?? '',
		workflow: execution.workflowName ?? '',
		workflowId: execution.workflowId ?? '',
	};
}
