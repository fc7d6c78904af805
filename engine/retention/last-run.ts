/**
 * What the last run of retention went by and did, noted in the storage: reports tell by it what will go next. Nothing is ever
 * deleted because of it.
 */
import { z } from 'zod';

import { HOUSEKEEPING, LIMITS, parseJson, readSmall } from '../archive';
import { BackupError } from '../errors';
import type { Storage } from '../storage/storage';
import { scopeOf } from './policy/key-filters';
import { parsePolicy, type RetentionPolicy } from './policy/policy';
import { Zone } from './policy/zone';

const KEY = `${HOUSEKEEPING}last-prune.json`;
const MOST_PREFIXES = 1000;
/** More wildcards in one pattern than anybody writes take a time that grows with each of them. */
const MOST_WILDCARDS = 8;

export interface LastRun {
	/** When it began; ISO 8601, UTC. */
	at: string;
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

const schema = z.object({
	at: z.string().datetime(),
	policy: z.unknown(),
	timeZone: z.string(),
	prefixes: z.array(z.string()).max(MOST_PREFIXES),
	refusal: z.string().nullable(),
	deleted: z.number().int().nonnegative(),
	kept: z.number().int().nonnegative(),
	failed: z.number().int().nonnegative().optional(),
});

/** @throws BackupError what the storage throws */
export async function noteLastRun(storage: Storage, run: LastRun, signal?: AbortSignal): Promise<void> {
	const text = `${JSON.stringify(run, null, 2)}\n`;
	await storage.replace(KEY, Buffer.from(text), signal ? { signal } : {});
}

/**
 * Undefined where retention has not run yet, or what is there cannot be read.
 * @throws BackupError CANCELLED, STORAGE_UNREACHABLE, and what else the storage throws
 */
export async function readLastRun(storage: Storage, signal?: AbortSignal): Promise<LastRun | undefined> {
	const found = schema.safeParse(parseJson(await readSmall(storage, KEY, LIMITS.notes, signal)));
	if (!found.success) return undefined;
	try {
		// Whoever can write to the storage can write this note: what no run could have noted counts as none.
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
