/** What reports tell of the journal: what was done to the backups and refused in the last hours, and which back ups failed. */
import { readJournal, type EventAction, type EventOutcome, type JournalEvent } from '../journal';
import type { Storage } from '../storage/storage';

const HOUR_MS = 3_600_000;
/** Of each group so many are read, the newest: the others are counted. */
const MOST_READ = 500;
/** Shown one by one. */
export const MOST_EVENTS = 200;

export interface RecentEvents {
	/** ISO 8601, UTC. */
	since: string;
	hours: number;
	/** All but back ups and verifications that went well, newest first; of too many, those that did not succeed before others. */
	events: JournalEvent[];
	/** How many more there are. */
	left: number;
	/** Of that time, everything included. */
	counts: { action: EventAction; outcome: EventOutcome; count: number }[];
	/** Back ups that failed, newest first; they are looked for further back. */
	failedBackUps: JournalEvent[];
	/** Entries that cannot be understood, or do not say what their names say. */
	unreadable: number;
}

export interface EventOptions {
	hours: number;
	/** How far back a back up that failed is told where none has succeeded since. */
	failuresHours: number;
	/** Default: now. */
	now?: Date;
	signal?: AbortSignal;
}

/** @throws BackupError CANCELLED, and what listing and reading throw */
export async function readRecentEvents(
	storage: Storage,
	{ hours, failuresHours, now = new Date(), signal }: EventOptions,
): Promise<RecentEvents> {
	const since = new Date(now.getTime() - hours * HOUR_MS);
	const counts = new Map<string, RecentEvents['counts'][number]>();
	const journal = await readJournal(storage, {
		since: new Date(now.getTime() - Math.max(hours, failuresHours) * HOUR_MS),
		now,
		limit: MOST_READ,
		signal,
		groupOf: ({ action, outcome, at }) => {
			const isRecent = at >= since;
			if (isRecent) {
				const sort = `${action} ${outcome}`;
				const counted = counts.get(sort) ?? { action, outcome, count: 0 };
				counted.count++;
				counts.set(sort, counted);
			}
			if (action === 'backUp' && outcome === 'failed') return 'failures';
			return isRecent && isTold(action, outcome) ? 'told' : undefined;
		},
	});
	const isRecent = ({ endedAt }: JournalEvent) => Date.parse(endedAt) >= since.getTime();
	const recent = journal.events.filter(isRecent);
	const all = [...counts.values()];
	const told = all.reduce((sum, { action, outcome, count }) => sum + (isTold(action, outcome) ? count : 0), 0);
	const events = worthMost(recent, MOST_EVENTS);
	return {
		since: since.toISOString(),
		hours,
		events,
		left: Math.max(0, told - events.length - journal.unreadable),
		counts: all,
		failedBackUps: journal.events.filter(({ action, outcome }) => action === 'backUp' && outcome === 'failed'),
		unreadable: journal.unreadable,
	};
}

/** Of some events, newest first, so many: what did not succeed is no less told because much did. */
export function worthMost(events: JournalEvent[], most: number): JournalEvent[] {
	if (events.length <= most) return events;
	const hasSucceeded = ({ outcome }: JournalEvent) => outcome === 'succeeded';
	const first = [...events.filter((event) => !hasSucceeded(event)), ...events.filter(hasSucceeded)];
	const kept = new Set(first.slice(0, most));
	return events.filter((event) => kept.has(event));
}

/** What the storage does not tell by itself. */
function isTold(action: EventAction, outcome: EventOutcome): boolean {
	return outcome !== 'succeeded' || (action !== 'backUp' && action !== 'verify');
}
