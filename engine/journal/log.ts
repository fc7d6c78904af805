/**
 * `backup.log`, a line for each event, for people who follow it. In a folder each line is appended when its event is noted, and a
 * file of 1 MiB is put aside. A bucket has no way to append: there the log is made of the journal by whoever reports, checks or
 * prunes, and holds the newest 1 MiB. Two who do so at once need no lock: each writes what the journal says, and what one of
 * them did not see yet the next one adds, for it looks an hour further back than the last line.
 */
import { LIMITS, readSmallObject, TooLarge } from '../archive';
import type { Storage } from '../storage/storage';
import { CLOCK_SKEW_MS, readJournal } from './read';
import { logLine, parseLine } from './line';

export const LOG_KEY = 'backup.log';
export const ROTATION = { maxBytes: 1024 * 1024, files: 5 };

/** Whether a key is that of the log, or of one that was put aside. */
export function isLogKey(key: string): boolean {
	return key === LOG_KEY || /^backup\.log\.\d+$/.test(key);
}

/** A log that is begun anew goes so far back. */
const FIRST_MS = 30 * 24 * 60 * 60 * 1000;
/** Events that are added at once; of more, the oldest are in the journal alone. */
const MOST_ADDED = 2000;

/**
 * Adds what the journal holds to the log of a storage that cannot append; elsewhere nothing is to be done.
 * @returns how many lines were added
 * @throws BackupError CANCELLED, and what the storage throws
 */
export async function refreshLog(
	storage: Storage,
	{ now = new Date(), signal }: { now?: Date; signal?: AbortSignal } = {},
): Promise<number> {
	if (storage.appendLine || storage.isOneRuns) return 0;
	const lines = await currentLines(storage, now, signal);
	const last = lines.reduce((latest, { at }) => (at > latest ? at : latest), '');
	const since = new Date(last === '' ? now.getTime() - FIRST_MS : Date.parse(last) - CLOCK_SKEW_MS);
	const known = new Set(lines.map(({ id }) => id));
	const { events } = await readJournal(storage, {
		since,
		now,
		groupOf: ({ id }) => (known.has(id) ? undefined : ''),
		limit: MOST_ADDED,
		signal,
	});
	if (events.length === 0) return 0;
	const all = [...lines, ...events.map((event) => ({ at: event.endedAt, id: event.id, line: logLine(event) }))];
	all.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
	await storage.replace(LOG_KEY, newestOf(all.map(({ line }) => line)), { isPassing: true, ...(signal && { signal }) });
	return events.length;
}

/** The lines that are there; none of a log that is no log of ours, or comes from the future. */
async function currentLines(storage: Storage, now: Date, signal: AbortSignal | undefined) {
	const content = await readSmallObject(storage, LOG_KEY, LIMITS.log, signal).catch((error: unknown) => {
		if (error instanceof TooLarge) return undefined;
		throw error;
	});
	const latest = new Date(now.getTime() + CLOCK_SKEW_MS).toISOString();
	return (content?.toString('utf8') ?? '').split('\n').flatMap((line) => {
		const parsed = parseLine(line);
		return parsed && !Number.isNaN(Date.parse(parsed.at)) && parsed.at <= latest ? [{ ...parsed, line }] : [];
	});
}

/** As many of the last lines as there is room for. */
function newestOf(lines: readonly string[]): Buffer {
	let bytes = 0;
	let first = lines.length;
	while (first > 0) {
		bytes += Buffer.byteLength(lines[first - 1]!) + 1;
		if (bytes > ROTATION.maxBytes) break;
		first--;
	}
	return Buffer.from(
		lines
			.slice(first)
			.map((line) => `${line}\n`)
			.join(''),
	);
}
