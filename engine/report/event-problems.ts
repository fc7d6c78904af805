/** What is wrong by what the journal tells: back ups that failed and were not made since, and attempts that were refused. */
import type { JournalEvent } from '../journal';
import type { RecentEvents } from './events';
import { subjectOf, type Problem } from './problems';
import type { SeriesState, StorageState } from './state';
import { readableMinute } from './words';

/**
 * One problem for each thing whose newest back up failed: nothing of it was stored after that run had begun.
 * @param isIgnored names that are not looked at
 */
export function failureProblems(
	state: StorageState,
	{ failedBackUps }: RecentEvents,
	isIgnored: (name: string) => boolean,
): Problem[] {
	const newest = new Map<string, JournalEvent>();
	for (const event of failedBackUps) {
		const { kind, name, server } = event;
		if (name !== undefined && isIgnored(name)) continue;
		const id = JSON.stringify([kind, name, server]);
		if (!newest.has(id)) newest.set(id, event);
	}
	return [...newest].flatMap(([id, event]) => {
		const series = seriesFor(state, event);
		return series.some((one) => isNewer(one, event)) ? [] : [failure(state, series, event, id)];
	});
}

/** Attempts that were refused, those of one sort of one workflow together. */
export function refusalProblems({ events, hours }: RecentEvents): Problem[] {
	const groups = new Map<string, JournalEvent[]>();
	for (const event of events) {
		if (event.outcome !== 'refused') continue;
		const { action, kind, name, execution } = event;
		const id = JSON.stringify([action, kind, name, execution?.workflowId]);
		const group = groups.get(id);
		if (group) group.push(event);
		else groups.set(id, [event]);
	}
	return [...groups].map(([id, [last, ...others]]) => {
		const { action, kind, name, endedAt, error, requestedBy, execution } = last!;
		const subject = [kind, name].filter((part) => part !== undefined).join(' ') || 'all';
		const times = others.length === 0 ? 'was refused' : `was refused ${others.length + 1} times`;
		const by = requestedBy === undefined ? '' : ` Requested by ${requestedBy}.`;
		const where = execution?.workflowName === undefined ? '' : ` by the workflow "${execution.workflowName}"`;
		return {
			id: `refused:${id}`,
			kind: 'refused',
			severity: 'warning',
			subject,
			message: `${ACTION_WORDS[action]} of ${subject}${where} ${times} in ${hours} h, the last time at ${readableMinute(endedAt)}: ${error?.message ?? ''}${by}`,
			hint: 'See whether somebody tried what he should not, or a workflow lacks a setting.',
		};
	});
}

/** An action as the beginning of a sentence: `Restore of postgres shop`. */
export const ACTION_WORDS: Record<JournalEvent['action'], string> = {
	backUp: 'Back up',
	restore: 'Restore',
	import: 'Import',
	prune: 'Prune',
	copy: 'Copy',
	mirror: 'Mirror',
	delete: 'Deletion',
	pin: 'Pinning',
	unpin: 'Unpinning',
	verify: 'Verification',
	drill: 'Drill',
};

/** What the storage holds of what a run was about; of a run that had not come to a name, all of its kind. */
function seriesFor({ series }: StorageState, { kind, name, server }: JournalEvent): SeriesState[] {
	const alike = series.filter((one) => one.kind === kind && (name === undefined || one.name === name));
	const ofServer = alike.filter(({ origin }) => origin === server);
	// Two servers may have a database of one name; one server may have two addresses.
	return ofServer.length > 0 ? ofServer : alike;
}

function isNewer({ newest: [last] }: SeriesState, { startedAt }: JournalEvent): boolean {
	return last !== undefined && Date.parse(last.facts.startedAt) >= Date.parse(startedAt);
}

function failure(state: StorageState, series: readonly SeriesState[], event: JournalEvent, id: string): Problem {
	const { kind, name, server, endedAt, error } = event;
	const [one] = series;
	const isKnown = name !== undefined && series.length === 1 && one !== undefined;
	const subject = isKnown
		? subjectOf(one, state.series)
		: [kind, name, ...(server === undefined || name !== undefined ? [] : [`at ${server}`])]
				.filter((part) => part !== undefined)
				.join(' ') || 'something';
	return {
		id: `failed:${isKnown ? one.id : id}`,
		kind: 'failed',
		severity: 'critical',
		subject,
		...(isKnown && { seriesId: one.id }),
		message: `The last back up of ${subject} failed at ${readableMinute(endedAt)}: ${error?.message ?? 'the reason is not known.'}`,
		hint: 'Mend what it says, then run the back up again. What does not exist any more is left out by its name.',
	};
}
