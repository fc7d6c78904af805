/** Events in words: what the texts and the page show of the journal. */
import type { JournalEvent } from '../journal';
import { ACTION_WORDS } from './event-problems';
import type { RecentEvents } from './events';
import type { Tone } from './overview';
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

export function eventRows({ events }: RecentEvents): EventRow[] {
	return events.map((event) => ({
		at: readableMinute(event.endedAt),
		tone: toneOf(event),
		what: whatOf(event),
		result: resultOf(event),
		by: byOf(event),
	}));
}

function toneOf({ outcome }: JournalEvent): Tone {
	return outcome === 'succeeded' ? 'good' : outcome === 'failed' ? 'bad' : 'doubtful';
}

function whatOf({ action, kind, name, file, from, to }: JournalEvent): string {
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
