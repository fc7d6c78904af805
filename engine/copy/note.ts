/**
 * Which backups were copied to a storage before. Retention at the target removes some of them, which the source may still
 * have: without this note each run would bring them back, and each prune remove them again. It decides little: a backup that
 * is noted stays away only while the target has a newer one of its series, and each one that does is told.
 */
import { z } from 'zod';

import { HOUSEKEEPING, LIMITS, parseJson, readSmall } from '../archive';
import type { Storage } from '../storage/storage';

/** The key of the note. */
export const COPIED_KEY = `${HOUSEKEEPING}copied.json`;

const DAY_MS = 24 * 60 * 60 * 1000;
/** What no source has had for so long does not come back. */
const FORGOTTEN_AFTER_DAYS = 90;

const noteSchema = z.object({
	formatVersion: z.literal(1),
	/** The last day on which a source had it, by id; looked at one by one, for there are tens of thousands. */
	ids: z.object({}).passthrough(),
});

const DAY = /^\d{4}-\d{2}-\d{2}$/;

/** Ids of backups, each with the last day on which a source had it. */
export type CopiedBefore = Map<string, string>;

/** What was copied to a storage before. @throws BackupError what the storage throws */
export async function readCopied(storage: Storage, signal?: AbortSignal): Promise<CopiedBefore> {
	const note = noteSchema.safeParse(parseJson(await readSmall(storage, COPIED_KEY, LIMITS.notes, signal))).data;
	const copied: CopiedBefore = new Map();
	for (const [id, day] of Object.entries<unknown>(note?.ids ?? {})) {
		if (typeof day !== 'string' || !DAY.test(day)) return new Map();
		copied.set(id, day);
	}
	return copied;
}

/**
 * Notes what the target has of a source, besides what was noted before. Hold the lock of the storage.
 * @param atSource ids of all that the source has
 * @param atTarget those that the target has
 * @throws BackupError what the storage throws
 */
export async function noteCopied(
	storage: Storage,
	before: CopiedBefore,
	{ atSource, atTarget }: { atSource: Iterable<string>; atTarget: ReadonlySet<string> },
	now: Date,
	signal?: AbortSignal,
): Promise<void> {
	const today = dayOf(now);
	const oldest = dayOf(new Date(now.getTime() - FORGOTTEN_AFTER_DAYS * DAY_MS));
	const ids = new Map([...before].filter(([, day]) => day >= oldest));
	for (const id of atSource) if (atTarget.has(id) || ids.has(id)) ids.set(id, today);
	const isSame = ids.size === before.size && [...ids].every(([id, day]) => before.get(id) === day);
	if (isSame) return;
	const text = JSON.stringify({ formatVersion: 1, ids: Object.fromEntries(ids) });
	if (text.length > LIMITS.notes) return;
	await storage.replace(COPIED_KEY, Buffer.from(`${text}\n`), signal ? { signal } : {});
}

function dayOf(moment: Date): string {
	return moment.toISOString().slice(0, 10);
}
