/**
 * What the last runs of retention went by and did, noted in the storage: reports tell by it what will go next. Nothing is ever
 * deleted because of it. Several may work on one storage, each by a policy of its own: one thins out the backups every night,
 * another one keeps the copies of each week, a third one the files of old scripts. So each has a note of its own.
 */
import { z } from 'zod';

import { HOUSEKEEPING, LIMITS, parseJson, readSmall } from '../archive';
import { BackupError } from '../errors';
import type { Storage } from '../storage/storage';
import { foldersOf, scopeOf } from './policy/key-filters';
import { parsePolicy, type RetentionPolicy } from './policy/policy';
import { coversReach, reachOf } from './policy/reach';
import { Zone } from './policy/zone';

const KEY = `${HOUSEKEEPING}last-prune.json`;
const MOST_PREFIXES = 1000;
/** More wildcards in one pattern than anybody writes take a time that grows with each of them. */
const MOST_WILDCARDS = 8;
/** Each is planned for a forecast. */
const MOST_RUNS = 20;
const DAY_MS = 24 * 60 * 60 * 1000;
/** Whatever has not run for so long is not likely to run again; once a month is what people do. */
const FORGOTTEN_AFTER_DAYS = 45;

/** Who runs it: the same again, in a later execution, replaces what it noted before. */
export interface RanBy {
	/** What stays the same from run to run: a node of a workflow. */
	node: string;
	execution: string;
}

export interface LastRun {
	/** When it began; ISO 8601, UTC. */
	at: string;
	/** Missing where nobody said. */
	by?: RanBy | undefined;
	policy: RetentionPolicy;
	timeZone: string;
	/** Only what lies in these folders; none for all. */
	prefixes: string[];
	/** Why nothing was deleted; null where it was not refused. */
	refusal: string | null;
	/** How many backups. */
	deleted: number;
	kept: number;
	/** How many should have gone and could not be deleted; older notes do not say. */
	failed?: number | undefined;
}

const runSchema = z.object({
	at: z.string().datetime(),
	by: z.object({ node: z.string().max(1000), execution: z.string().max(200) }).optional(),
	policy: z.unknown(),
	timeZone: z.string(),
	prefixes: z.array(z.string()).max(MOST_PREFIXES),
	refusal: z.string().nullable(),
	deleted: z.number().int().nonnegative(),
	kept: z.number().int().nonnegative(),
	failed: z.number().int().nonnegative().optional(),
});

/** Earlier versions noted a single run, without a list. */
const noteSchema = z.union([
	z.object({ runs: z.array(z.unknown()).max(MOST_RUNS) }),
	z.unknown().transform((run) => ({ runs: [run] })),
]);

/**
 * Notes a run in the place of those that it replaces. Hold the lock of the storage.
 * @throws BackupError what the storage throws
 */
export async function noteLastRun(storage: Storage, run: LastRun, signal?: AbortSignal): Promise<void> {
	const before = await readLastRuns(storage, signal);
	const oldest = Date.parse(run.at) - FORGOTTEN_AFTER_DAYS * DAY_MS;
	const others = before.filter((other) => Date.parse(other.at) >= oldest && !isReplaced(other, run));
	const runs = [run, ...others].slice(0, MOST_RUNS);
	await storage.replace(KEY, Buffer.from(`${JSON.stringify({ runs }, null, 2)}\n`), {
		isPassing: true,
		...(signal && { signal }),
	});
}

/**
 * Whether a run that was noted will not come again as it was: the same node has run since, or another one that decides on all
 * that it decided on. In one execution, a node may run once for each of several folders or policies.
 */
function isReplaced(other: LastRun, run: LastRun): boolean {
	if (other.by && run.by && other.by.node === run.by.node && other.by.execution !== run.by.execution) return true;
	return isBelow(other.prefixes, run.prefixes) && coversReach(reachOf(run.policy), reachOf(other.policy));
}

function isBelow(prefixes: readonly string[], wider: readonly string[]): boolean {
	const [folders, all] = [foldersOf(prefixes), foldersOf(wider)];
	if (all.length === 0) return true;
	return folders.length > 0 && folders.every((folder) => all.some((one) => folder.startsWith(one)));
}

/**
 * The newest first; none where retention has not run yet. What cannot be read is passed over.
 * @throws BackupError CANCELLED, STORAGE_UNREACHABLE, and what else the storage throws
 */
export async function readLastRuns(storage: Storage, signal?: AbortSignal): Promise<LastRun[]> {
	const note = noteSchema.safeParse(parseJson(await readSmall(storage, KEY, LIMITS.notes, signal)));
	const runs = (note.data?.runs ?? []).map(believed).filter((run) => run !== undefined);
	return runs.sort((a, b) => (a.at < b.at ? 1 : -1));
}

/** Whoever can write to the storage can write this note: what no run could have noted counts as none. */
function believed(told: unknown): LastRun | undefined {
	const found = runSchema.safeParse(told);
	if (!found.success) return undefined;
	try {
		const { timeZone, prefixes } = found.data;
		void new Zone(timeZone);
		scopeOf(prefixes);
		const policy = parsePolicy(found.data.policy);
		const isWild = ({ pattern }: { pattern: string }) => pattern.split('*').length - 1 > MOST_WILDCARDS;
		return policy.foreign?.some(isWild) ? undefined : { ...found.data, policy };
	} catch (error) {
		if (error instanceof BackupError && error.code === 'INVALID_INPUT') return undefined;
		throw error;
	}
}
