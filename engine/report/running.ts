/** What runs now, in words, and what was killed on its way. What runs have written of themselves comes from the storage, and is only shown. */
import type { RunningRun } from '../archive';
import type { RecentEvents } from './events';
import type { Problem } from './problem';
import type { StorageState } from './state';
import { oneLine, readableHours, readableSize, shortName } from './words';

const HOUR_MS = 3_600_000;

const WORDS: Record<RunningRun['action'], string> = {
	backUp: 'Back up',
	restore: 'Restore',
	verify: 'Verification',
	copy: 'Copy',
};

/** A run in words. */
export interface RunRow {
	/** `Back up of postgres shop` */
	title: string;
	/** `for 25 min`; of a dead one `last seen 12 min ago`. */
	since: string;
	/** `1.2 GB of about 3.4 GB, 20.5 MB/s, 2 min left` */
	progress: string;
	/** From 0 to 1; undefined where nobody knows how much it will be. */
	share: number | undefined;
	/** `workflow "Nightly", execution 17, on worker-1` */
	by: string;
	isDead: boolean;
}

/** @param now ISO 8601 */
export function runRow(run: RunningRun, now: string): RunRow {
	const { action, kind, name, startedAt, seenAt, workflow, execution, host, isDead } = run;
	const hoursSince = (iso: string) => Math.max(0, (Date.parse(now) - Date.parse(iso)) / HOUR_MS);
	return {
		title: oneLine(`${WORDS[action]} of ${kind === '' ? shortName(name) : `${kind} ${shortName(name)}`}`),
		since: isDead
			? `last seen ${readableHours(hoursSince(seenAt))} ago`
			: `for ${readableHours(hoursSince(startedAt))}`,
		...progressOf(run),
		by: oneLine(`workflow "${shortName(workflow)}", execution ${execution}, on ${host}`),
		isDead,
	};
}

function progressOf({ bytes, bytesPerSecond, totalBytes, isDead }: RunningRun): Pick<RunRow, 'progress' | 'share'> {
	const rate = isDead ? '' : `, ${readableSize(bytesPerSecond)}/s`;
	// What the backup before was like says nothing any more once this one is larger.
	if (totalBytes === undefined || totalBytes < bytes)
		return { progress: `${readableSize(bytes)}${rate}`, share: undefined };
	const seconds = bytesPerSecond > 0 && !isDead ? (totalBytes - bytes) / bytesPerSecond : undefined;
	const left = seconds === undefined ? '' : `, ${readableHours(seconds / 3600)} left`;
	const progress = `${readableSize(bytes)} of about ${readableSize(totalBytes)}${rate}${left}`;
	return { progress, share: totalBytes > 0 ? bytes / totalBytes : undefined };
}

/**
 * A run as one line of text: `Back up of postgres shop for 25 min: 1.2 GB, 20.5 MB/s (workflow "Nightly", execution 17, on worker-1)`; of
 * a dead one `Back up of postgres shop did not end, last seen 12 min ago: 1.2 GB (...)`.
 */
export function runLine(run: RunningRun, now: string): string {
	const { title, since, progress, by, isDead } = runRow(run, now);
	return `${title} ${isDead ? 'did not end, ' : ''}${since}: ${progress} (${by})`;
}

/** What stands above runs: `Running now (2), did not end (1)`. */
export function runsTitle(runs: readonly RunningRun[]): string {
	const dead = runs.filter(({ isDead }) => isDead).length;
	if (dead === 0) return `Running now (${runs.length})`;
	if (dead === runs.length) return `Did not end (${dead})`;
	return `Running now (${runs.length - dead}), did not end (${dead})`;
}

/** Runs that were killed, and that no later one has made good. */
export function lostRuns(
	runs: readonly RunningRun[],
	{ series }: Pick<StorageState, 'series'>,
	events: Pick<RecentEvents, 'events'>,
): RunningRun[] {
	const isMadeGood = ({ action, kind, name, startedAt, workflow }: RunningRun) => {
		const own = series.filter((one) => one.kind === kind && one.name === name);
		if (action === 'backUp')
			return own.some(
				({ lastGood, isLog, reachesTo = '' }) =>
					(lastGood && lastGood.facts.startedAt > startedAt) || (isLog && reachesTo > startedAt),
			);
		if (own.some(({ lastVerified }) => action === 'verify' && (lastVerified?.verification?.at ?? '') > startedAt))
			return true;
		return events.events.some(
			(event) =>
				event.outcome === 'succeeded' &&
				event.startedAt > startedAt &&
				event.execution?.workflowName === workflow &&
				(event.action === action || (event.action === 'drill' && action === 'verify')) &&
				(kind === '' || (event.kind === kind && event.name === name)),
		);
	};
	return runs.filter((run) => run.isDead && !isMadeGood(run));
}

/** Lost runs as problems. */
export function deadRuns(
	runs: readonly RunningRun[],
	state: Pick<StorageState, 'at' | 'series'>,
	events: Pick<RecentEvents, 'events'>,
): Problem[] {
	return lostRuns(runs, state, events).map((run): Problem => {
		const { title, since, by } = runRow(run, state.at);
		return {
			id: `deadRun:${run.id}`,
			kind: 'deadRun',
			severity: 'warning',
			subject: oneLine(run.kind === '' ? shortName(run.name) : `${run.kind} ${shortName(run.name)}`),
			about: { kind: run.kind, name: run.name },
			message: `${title} (${by}) did not end: ${since}.`,
			hint: 'Its n8n or its machine was stopped, or cannot reach the storage any more. Look at its log, then run it again.',
		};
	});
}
