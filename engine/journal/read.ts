import { LIMITS, readSmallObject, TooLarge } from '../archive';
import { throwIfCancelled } from '../errors';
import { inParallel } from '../parallel';
import type { Storage } from '../storage/storage';
import { beginningAt, JOURNAL, parseEvent, parseEventKey, type EventKey, type JournalEvent } from './event';

const READERS = 16;
/** Clocks of several machines differ; what claims to come from later than this is not shown. */
export const CLOCK_SKEW_MS = 60 * 60 * 1000;

export interface JournalOptions {
	/** What ended before is neither listed nor read. */
	since: Date;
	/** Default: now. */
	now?: Date;
	/**
	 * Which events are read, by what their keys say, in groups that do not crowd each other out; undefined for one that is only
	 * counted. Default: all, as one group.
	 */
	groupOf?: (event: EventKey) => string | undefined;
	/** Of each group the newest so many are read. */
	limit: number;
	signal?: AbortSignal | undefined;
}

/** What a journal tells of a time. */
export interface JournalPart {
	since: Date;
	/** Those that were read, newest first. */
	events: JournalEvent[];
	/** How many there are by action and outcome, read or not: `backUp failed`. */
	counts: Map<string, number>;
	/** How many were wanted and not read, for there are too many. */
	left: number;
	/** How many say something else than their keys, or nothing that can be understood. */
	unreadable: number;
}

/**
 * Reads the events of a time. It costs a listing of that time, and a request for each event that is read.
 * @throws BackupError CANCELLED, and what listing and reading throw
 */
export async function readJournal(storage: Storage, options: JournalOptions): Promise<JournalPart> {
	const { since, now = new Date(), groupOf = () => '', limit, signal } = options;
	const counts = new Map<string, number>();
	const groups = new Map<string, { keys: EventKey[]; count: number }>();
	const range = { after: beginningAt(since), before: beginningAt(new Date(now.getTime() + CLOCK_SKEW_MS)) };
	for await (const { key, size } of storage.list(JOURNAL, range)) {
		throwIfCancelled(signal);
		const found = size <= LIMITS.event ? parseEventKey(key) : undefined;
		if (!found) continue;
		const sort = `${found.action} ${found.outcome}`;
		counts.set(sort, (counts.get(sort) ?? 0) + 1);
		const name = groupOf(found);
		if (name === undefined) continue;
		const group = groups.get(name) ?? { keys: [], count: 0 };
		groups.set(name, group);
		group.count++;
		group.keys.push(found);
		if (group.keys.length >= 2 * limit + 100) group.keys = newest(group.keys, limit);
	}
	const all = [...groups.values()];
	const keys = all.flatMap((group) => newest(group.keys, limit));
	const events = await read(storage, newest(keys, keys.length), signal);
	const understood = events.filter((event) => event !== undefined);
	return {
		since,
		events: understood,
		counts,
		left: all.reduce((sum, { count }) => sum + Math.max(0, count - limit), 0),
		unreadable: events.length - understood.length,
	};
}

function newest(keys: readonly EventKey[], limit: number): EventKey[] {
	return keys.toSorted((a, b) => b.at.getTime() - a.at.getTime() || (a.key < b.key ? 1 : -1)).slice(0, limit);
}

async function read(
	storage: Storage,
	keys: readonly EventKey[],
	signal: AbortSignal | undefined,
): Promise<(JournalEvent | undefined)[]> {
	const events = new Array<JournalEvent | undefined>(keys.length);
	await inParallel(keys.entries(), READERS, async ([index, key]) => {
		throwIfCancelled(signal);
		try {
			const content = await readSmallObject(storage, key.key, LIMITS.event, signal);
			events[index] = parseEvent(content?.toString('utf8'), key);
		} catch (error) {
			if (!(error instanceof TooLarge)) throw error;
		}
	});
	return events;
}
