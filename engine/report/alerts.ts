/**
 * When people are told: when a problem appears, when it grows worse, again after a while, and when it is over; not at every
 * run. What they were told stands in the storage, under the name of the check, so that runs on other machines go on from it.
 */
import { z } from 'zod';

import { HOUSEKEEPING, LIMITS, parseJson, readSmall, safeName } from '../archive';
import type { Storage } from '../storage/storage';
import type { Problem } from './problems';

const HOUR_MS = 3_600_000;
/** What is noted of more problems than these would be no small object; the worst come first. */
const MOST_OPEN = 10_000;

const openSchema = z.object({
	id: z.string(),
	severity: z.enum(['critical', 'warning']),
	subject: z.string(),
	message: z.string(),
	/** When it was found first, and when people were told last; ISO 8601, UTC. */
	since: z.string().datetime(),
	toldAt: z.string().datetime(),
});
const noteSchema = z.object({ formatVersion: z.literal(1), open: z.array(openSchema).max(MOST_OPEN) });

/** A problem that people know of. */
export type OpenProblem = z.infer<typeof openSchema>;

export interface ToldProblem {
	problem: Problem;
	/** ISO 8601, UTC. */
	since: string;
}

export interface AlertDecision {
	/** New, or graver than before. */
	fresh: ToldProblem[];
	/** Told before, and still there after the time for a reminder. */
	reminders: ToldProblem[];
	/** Over since the last check. */
	cleared: OpenProblem[];
	/** All that is there, told now or not. */
	open: ToldProblem[];
	/** Whether there is something to tell. */
	isToTell: boolean;
}

export interface AlertOptions {
	/** Which check it is; each has a memory of its own. */
	name: string;
	/** Hours after which what is still there is told again; 0 for never. */
	reminderHours: number;
	/** Default: now. */
	now?: Date;
	signal?: AbortSignal;
}

/**
 * Decides what is to be told, and notes that it was. A note that cannot be read counts as none: then all is told once more.
 * @throws BackupError CANCELLED, and what the storage throws
 */
export async function checkAlerts(
	storage: Storage,
	problems: readonly Problem[],
	{ name, reminderHours, now = new Date(), signal }: AlertOptions,
): Promise<AlertDecision> {
	const key = `${HOUSEKEEPING}alerts/${safeName(name)}.json`;
	const found = noteSchema.safeParse(parseJson(await readSmall(storage, key, LIMITS.notes, signal)));
	const known = found.success ? found.data.open : [];
	const { decision, open } = decide(problems, known, { reminderHours, now });
	if (decision.isToTell || open.length !== known.length) {
		const text = `${JSON.stringify({ formatVersion: 1, open: open.slice(0, MOST_OPEN) }, null, 2)}\n`;
		await storage.replace(key, Buffer.from(text), { isPassing: true, ...(signal && { signal }) });
	}
	return decision;
}

function decide(
	problems: readonly Problem[],
	known: readonly OpenProblem[],
	{ reminderHours, now }: { reminderHours: number; now: Date },
): { decision: AlertDecision; open: OpenProblem[] } {
	const before = new Map(known.map((one) => [one.id, one]));
	const at = now.toISOString();
	const decision: AlertDecision = { fresh: [], reminders: [], cleared: [], open: [], isToTell: false };
	const open: OpenProblem[] = [];
	for (const problem of problems) {
		const { id, severity, subject, message } = problem;
		const earlier = before.get(id);
		before.delete(id);
		const since = earlier?.since ?? at;
		const isWorse = earlier?.severity === 'warning' && severity === 'critical';
		// A note from a clock that was ahead must not silence a reminder for ever.
		const hours = earlier ? Math.abs(now.getTime() - Date.parse(earlier.toldAt)) / HOUR_MS : 0;
		const isDue = earlier !== undefined && reminderHours > 0 && hours >= reminderHours;
		const told = { problem, since };
		decision.open.push(told);
		if (!earlier || isWorse) decision.fresh.push(told);
		else if (isDue) decision.reminders.push(told);
		const isTold = !earlier || isWorse || isDue;
		open.push({ id, severity, subject, message, since, toldAt: isTold ? at : earlier.toldAt });
	}
	decision.cleared = [...before.values()];
	decision.isToTell = decision.fresh.length + decision.reminders.length + decision.cleared.length > 0;
	return { decision, open };
}
