/** What is wrong by what the journal tells: runs that failed and were not made good since, and attempts that were refused. */
import type { JournalEvent } from '../journal';
import type { RecentEvents } from './events';
import { ACTION_WORDS, whatOf } from './event-rows';
import type { Problem } from './problem';
import { subjectOf } from './subject';
import type { SeriesState } from './held';
import type { StorageState } from './state';
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

/** Of restores, mirrors, copies, prunes and the like, one problem for each sort whose newest run failed. */
export function failedRunProblems(
	{ lastPrunes: [lastPrune] = [] }: StorageState,
	{ events }: RecentEvents,
	isIgnored: (name: string) => boolean,
): Problem[] {
	// What verifications found and prunes have noted is a problem by itself.
	const isToldOtherwise = ({ action, startedAt }: JournalEvent) =>
		action === 'backUp' || action === 'verify' || (action === 'prune' && (lastPrune?.at ?? '') >= startedAt);
	const decided = new Set<string>();
	return events.flatMap((event): Problem[] => {
		const { outcome, name, endedAt, error } = event;
		if (isToldOtherwise(event) || (name !== undefined && isIgnored(name))) return [];
		const id = JSON.stringify(sortOf(event));
		if (outcome !== 'failed' && outcome !== 'succeeded') return [];
		const isNewest = !decided.has(id);
		decided.add(id);
		if (!isNewest || outcome === 'succeeded') return [];
		const what = whatOf(event);
		return [
			{
				id: `failed:${id}`,
				kind: 'failed',
				severity: 'warning',
				subject: subjectOfEvent(event),
				...aboutOf(event),
				message: `${what} failed at ${readableMinute(endedAt)}: ${error?.message ?? 'the reason is not known.'}`,
				hint: 'Mend what it says, then run it again.',
			},
		];
	});
}

/** What makes two runs those of one sort: a later one that succeeds makes an earlier one good. */
function sortOf({ action, kind, name, from, to, execution }: JournalEvent): unknown[] {
	// Copies and mirrors are about two places; whether the backups in them are the same is what they are for.
	const places = action === 'copy' || action === 'mirror' ? [from, to] : [];
	return [action, kind, name, ...places, execution?.workflowId];
}

function subjectOfEvent({ kind, name }: JournalEvent): string {
	return [kind, name].filter((part) => part !== undefined).join(' ') || 'all';
}

function aboutOf({ kind, name }: JournalEvent): Pick<Problem, 'about'> {
	return kind === undefined || name === undefined ? {} : { about: { kind, name } };
}

/**
 * Attempts that were refused, those of one sort of one workflow together. One that only found another run at work is over once the
 * same has succeeded; what was not allowed is told whatever came after it.
 */
export function refusalProblems(state: StorageState, { events, hours }: RecentEvents): Problem[] {
	const groups = new Map<string, JournalEvent[]>();
	const succeeded = new Set<string>();
	for (const event of events) {
		const { action, kind, name, outcome, error, execution } = event;
		const id = JSON.stringify([action, kind, name, execution?.workflowId]);
		if (outcome === 'succeeded') succeeded.add(id);
		if (outcome !== 'refused') continue;
		const isMadeGood =
			action === 'backUp' ? seriesFor(state, event).some((one) => isNewer(one, event)) : succeeded.has(id);
		if (error?.code === 'STORAGE_LOCKED' && isMadeGood) continue;
		const group = groups.get(id);
		if (group) group.push(event);
		else groups.set(id, [event]);
	}
	return [...groups].map(([id, [last, ...others]]) => {
		const { action, endedAt, error, requestedBy, execution } = last!;
		const subject = subjectOfEvent(last!);
		const times = others.length === 0 ? 'was refused' : `was refused ${others.length + 1} times`;
		const by = requestedBy === undefined ? '' : ` Requested by ${requestedBy}.`;
		const where = execution?.workflowName === undefined ? '' : ` by the workflow "${execution.workflowName}"`;
		return {
			id: `refused:${id}`,
			kind: 'refused',
			severity: 'warning',
			subject,
			...aboutOf(last!),
			message: `${ACTION_WORDS[action]} of ${subject}${where} ${times} in ${hours} h, the last time at ${readableMinute(endedAt)}: ${error?.message ?? ''}${by}`,
			hint: 'See whether somebody tried what he should not, or a workflow lacks a setting.',
		};
	});
}

/** What the storage holds of what a run was about; of a run that had not come to a name, all of its kind. */
function seriesFor({ series }: StorageState, { kind, name, server }: JournalEvent): SeriesState[] {
	const alike = series.filter((one) => one.kind === kind && (name === undefined || one.name === name));
	const ofServer = alike.filter(({ origin }) => origin === server);
	// Two servers may have a database of one name; one server may have two addresses.
	return ofServer.length > 0 ? ofServer : alike;
}

/** What was archived since may have been nothing: then it is seen that all is stored. */
function isNewer(
	{ newest: [last], isLog = false, reachesTo }: SeriesState,
	{ startedAt, endedAt }: JournalEvent,
): boolean {
	if (isLog && reachesTo !== undefined && Date.parse(reachesTo) >= Date.parse(endedAt)) return true;
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
		...(isKnown ? { seriesId: one.id } : aboutOf(event)),
		message: `The last back up of ${subject} failed at ${readableMinute(endedAt)}: ${error?.message ?? 'the reason is not known.'}`,
		hint: 'Mend what it says, then run the back up again. What does not exist any more is left out by its name.',
	};
}
