/** Events in words: what the texts and the page show of the journal. */
import type { JournalEvent } from '../journal';
import { worthMost, type RecentEvents } from './events';
import type { Tone } from './tone';
import { readableMinute } from './words';

/** An event in words. */
export interface EventRow {
	/** To the minute. */
	at: string;
	tone: Tone;
	/** `Restore of postgres shop into database shop at db:5432`. */
	what: string;
	/** `refused: No database name was typed.` */
	result: string;
	/** Who asked for it, and which workflow did it; empty where nobody says so. */
	by: string;
}

/** What stands above them. */
export function eventsTitle({ hours }: RecentEvents): string {
	return hours === 24 ? 'Events of the last day' : `Events of the last ${hours} h`;
}

/**
 * The events, newest first. Of more than `most`, what did not succeed is shown before what did.
 * @returns `left`: how many are not among the rows
 */
export function eventRows({ events, left }: RecentEvents, most: number): { rows: EventRow[]; left: number } {
	const shown = worthMost(events, most);
	const rows = shown.map((event) => ({
		at: readableMinute(event.endedAt),
		tone: toneOf(event),
		what: whatOf(event),
		result: resultOf(event),
		by: byOf(event),
	}));
	return { rows, left: left + events.length - shown.length };
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

function toneOf({ outcome }: JournalEvent): Tone {
	return outcome === 'succeeded' ? 'good' : outcome === 'failed' ? 'bad' : 'doubtful';
}

/** What was done, as the beginning of a sentence: `Restore of postgres shop into database shop at db:5432`. */
export function whatOf({ action, kind, name, file, from, to }: JournalEvent): string {
	const subject = [kind, name].filter((part) => part !== undefined).join(' ');
	const of = subject === '' ? (file === undefined ? '' : ` of ${file}`) : ` of ${subject}`;
	const words = `${ACTION_WORDS[action]}${of}`;
	if (action === 'restore' || action === 'import') return to === undefined ? words : `${words} into ${to}`;
	if (action === 'mirror' || action === 'copy') return `${ACTION_WORDS[action]} from ${from ?? '?'} to ${to ?? '?'}`;
	return words;
}

function resultOf({ outcome, error, summary }: JournalEvent): string {
	const reason = outcome === 'succeeded' ? summary : (error?.message ?? summary);
	return reason === undefined ? outcome : `${outcome}: ${reason}`;
}

function byOf({ requestedBy, execution }: JournalEvent): string {
	const workflow = execution?.workflowName;
	return [
		...(requestedBy === undefined ? [] : [requestedBy]),
		...(workflow === undefined ? [] : [`workflow ${workflow}`]),
	].join(', ');
}
