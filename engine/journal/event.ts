/**
 * An event of the journal: what somebody or a schedule did to backups, or was kept from doing. Each is an object of its own
 * that is written once: `.stack-backup/journal/2026/01/31/020512345-failed-backUp-0123456789abcdef.json`. The key says when it
 * ended (UTC, to the millisecond), how, and what it was: so a listing, which goes by time, tells which of them to read.
 */
import { randomBytes } from 'node:crypto';

import { z } from 'zod';

import { HOUSEKEEPING, parseJson } from '../archive';

/** The folder of all events, and of nothing else. */
export const JOURNAL = `${HOUSEKEEPING}journal/`;

export const EVENT_ACTIONS = [
	'backUp',
	'restore',
	'import',
	'prune',
	'copy',
	'mirror',
	'delete',
	'pin',
	'unpin',
	'verify',
	'drill',
] as const;
export const EVENT_OUTCOMES = ['succeeded', 'failed', 'refused', 'cancelled'] as const;

export type EventAction = (typeof EVENT_ACTIONS)[number];
/** `refused`: nothing was begun, for something was not allowed, not confirmed, or taken. */
export type EventOutcome = (typeof EVENT_OUTCOMES)[number];

/** Characters that a text may have; a message of an error may have more. */
const MOST_CHARACTERS = 500;
const MOST_OF_MESSAGE = 2000;

const short = z.string().max(MOST_CHARACTERS).optional();

const eventSchema = z.object({
	formatVersion: z.literal(1),
	action: z.enum(EVENT_ACTIONS),
	outcome: z.enum(EVENT_OUTCOMES),
	/** ISO 8601, UTC. */
	startedAt: z.string().datetime(),
	endedAt: z.string().datetime(),
	/** What it was about: a kind of backup, the name of a database, collection, bucket, ... */
	kind: short,
	name: short,
	/** The server that was read from or written to. */
	server: short,
	/** Id and key of the backup. */
	backupId: short,
	file: short,
	/** Where from and where to, in words. */
	from: short,
	to: short,
	/** Bytes of the archive as it is stored. */
	size: z.number().int().nonnegative().optional(),
	/** How it went, in a few words: `5 deleted, 12 kept`. */
	summary: short,
	error: z.object({ code: short, message: z.string().max(MOST_OF_MESSAGE) }).optional(),
	/** Who asked for it, as the run says. */
	requestedBy: short,
	execution: z.object({ id: short, mode: short, workflowId: short, workflowName: short, nodeName: short }).optional(),
});

/** What an event says. Texts may hold anything: they are shown as text, and decide nothing. */
export type EventContent = Omit<z.infer<typeof eventSchema>, 'formatVersion'>;

/** What the key of an event says. */
export interface EventKey {
	key: string;
	id: string;
	/** When it ended. */
	at: Date;
	action: EventAction;
	outcome: EventOutcome;
}

/** An event that was read. */
export type JournalEvent = EventContent & { id: string };

const KEY = new RegExp(
	`^${JOURNAL.replaceAll('.', '\\.')}(\\d{4})/(\\d\\d)/(\\d\\d)/(\\d\\d)(\\d\\d)(\\d\\d)(\\d{3})-(${EVENT_OUTCOMES.join('|')})-(${EVENT_ACTIONS.join('|')})-([0-9a-f]{16})\\.json$`,
);

/** The key of a new event; no other one ever has the same. */
export function newEventKey({ endedAt, outcome, action }: EventContent): string {
	return `${beginningAt(new Date(endedAt))}-${outcome}-${action}-${randomBytes(8).toString('hex')}.json`;
}

/** How the keys of events begin that ended at a moment: all that ended later come after it. */
export function beginningAt(moment: Date): string {
	const [date = '', time = ''] = moment.toISOString().split('T');
	return `${JOURNAL}${date.replaceAll('-', '/')}/${time.replace(/\D/g, '')}`;
}

/** What a key says; undefined for what is no event's. */
export function parseEventKey(key: string): EventKey | undefined {
	const [, year, month, day, hour, minute, second, milliseconds, outcome, action, id] = KEY.exec(key) ?? [];
	const at = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}.${milliseconds}Z`);
	if (id === undefined || Number.isNaN(at.getTime())) return undefined;
	return { key, id, at, action: action as EventAction, outcome: outcome as EventOutcome };
}

/** The text of an event; what is too long in it is cut. */
export function formatEvent(event: EventContent): string {
	const cut = (text: string, most: number) => (text.length <= most ? text : `${text.slice(0, most - 1)}…`);
	const cutAll = (value: unknown, most: number): unknown => {
		if (typeof value === 'string') return cut(value, most);
		if (typeof value !== 'object' || value === null) return value;
		return Object.fromEntries(
			Object.entries(value).map(([name, one]) => [name, cutAll(one, name === 'message' ? MOST_OF_MESSAGE : most)]),
		);
	};
	const cutEvent = cutAll(event, MOST_CHARACTERS) as EventContent;
	return `${JSON.stringify({ formatVersion: 1, ...cutEvent }, null, 2)}\n`;
}

/** The event that a text says; undefined where it is none, or another one than its key says. */
export function parseEvent(text: string | undefined, { id, at, action, outcome }: EventKey): JournalEvent | undefined {
	const { success, data } = eventSchema.safeParse(parseJson(text));
	if (!success || data.action !== action || data.outcome !== outcome) return undefined;
	if (Date.parse(data.endedAt) !== at.getTime()) return undefined;
	const { formatVersion: _version, ...content } = data;
	return { ...content, id };
}
