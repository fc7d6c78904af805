import { z } from 'zod';

import { BACKUP_KINDS } from '../../archive';
import { BackupError } from '../../errors';
import type { RetentionEntry } from '../entry';
import { compileGlob } from './key-filters';

/** More than a century; calendars end somewhere. */
const MAX_DAYS = 40_000;

const count = z.union([z.number().int().nonnegative(), z.literal('all')]);

/**
 * What to keep of the backups of one name. Each rule is counted by itself, and what any of them keeps is kept (as restic
 * counts: a backup may be the newest of its day and of its year). A rule of 0 is none; without any rule all is kept.
 */
const rulesSchema = z
	.object({
		/** The newest so many. */
		last: count.optional(),
		/** All of the last so many days of the calendar, by the time of day. */
		withinDays: z.number().int().nonnegative().max(MAX_DAYS).optional(),
		/** What the days are counted from: `newest` keeps them all when no new backups come. Default `now`. */
		withinFrom: z.enum(['now', 'newest']).optional(),
		/** The newest of each of so many days, ISO weeks, months, years that have a backup. */
		daily: count.optional(),
		weekly: count.optional(),
		monthly: count.optional(),
		yearly: count.optional(),
		/** The copies in `weekly/YYYY_Wnn/` of so many weeks that have one. */
		weeklySnapshots: count.optional(),
	})
	.strict();
export type KeepRules = z.infer<typeof rulesSchema>;
export type Count = z.infer<typeof count>;

const policySchema = z
	.object({
		rules: rulesSchema,
		/** Other rules for some backups: the first entry of which all that is given matches. */
		overrides: z
			.array(
				z
					.object({
						kind: z.enum([...BACKUP_KINDS, 'foreign']).optional(),
						name: z.string().min(1).optional(),
						tag: z.string().min(1).optional(),
						rules: rulesSchema,
					})
					.strict()
					// An expression that gave nothing would make it rules for all.
					.refine(({ kind, name, tag }) => kind ?? name ?? tag, 'names no kind, name or tag'),
			)
			.optional(),
		/**
		 * Brings files that others made under the policy: those in the folders of our backups (and in folders that the run
		 * names) whose names match, `shop_*.sql.gz`; with a slash, `dumps/*.sql.gz`, those in that folder.
		 */
		foreign: z.array(z.object({ pattern: z.string().min(1), rules: rulesSchema.optional() }).strict()).optional(),
		/**
		 * The recovery window of PostgreSQL: of the last so many days every moment that can be recovered stays one. WAL that others have archived
		 * is kept for these days, and as long as a base backup needs it; without this all of it stays. For our own the window is then
		 * DEFAULT_RECOVERY_DAYS.
		 */
		wal: z
			.object({
				days: z.number().int().nonnegative().max(MAX_DAYS),
				/** Names of base backups that nobody would take for one: `cluster_*.tar.gz`. */
				baseBackups: z.string().min(1).optional(),
			})
			.strict()
			.optional(),
		/** Nothing is deleted where more than this share of all backups would go. Default 0.5. */
		maxDeletedShare: z.number().min(0).max(1).optional(),
		/** Nothing is deleted where a backup is from a time further ahead than this. Default 60 minutes. */
		futureToleranceMinutes: z.number().nonnegative().finite().optional(),
	})
	.strict();
export type RetentionPolicy = z.infer<typeof policySchema>;

export const DEFAULT_MAX_DELETED_SHARE = 0.5;
/** The recovery window of our own physical backups where the policy names none. */
export const DEFAULT_RECOVERY_DAYS = 7;
export const DEFAULT_FUTURE_TOLERANCE_MINUTES = 60;

/** A share as people read it: 0.5 is `50%`. */
export function percentOf(share: number): string {
	return `${Number((share * 100).toFixed(2))}%`;
}

const WEEKLY_SNAPSHOTS = 12;

/** Common policies, by the name that the node offers them under. */
export const PRESETS = {
	'7-days': { withinDays: 7, weeklySnapshots: WEEKLY_SNAPSHOTS },
	'30-days': { withinDays: 30, weeklySnapshots: WEEKLY_SNAPSHOTS },
	/** Grandfather-father-son. */
	'7-4-12': { daily: 7, weekly: 4, monthly: 12, weeklySnapshots: WEEKLY_SNAPSHOTS },
	'7-4-12-yearly': { daily: 7, weekly: 4, monthly: 12, yearly: 'all', weeklySnapshots: WEEKLY_SNAPSHOTS },
	/** A day's for 30 days, a week's for 90 days, a month's for 365 days, a year's for 7 years. */
	'30-90-365-days-7-years': { daily: 30, weekly: 13, monthly: 12, yearly: 7, weeklySnapshots: WEEKLY_SNAPSHOTS },
} as const satisfies Record<string, KeepRules>;
export type PresetName = keyof typeof PRESETS;

/** The rules for a backup, and which of the policy's they are: the place of the override, -1 for the general ones. */
export function rulesFor(entry: RetentionEntry, policy: RetentionPolicy): { rules: KeepRules; which: number } {
	const foreign = policy.foreign?.find(({ pattern }) => entry.kind === 'foreign' && compileGlob(pattern)(entry.key));
	if (foreign?.rules) return { rules: foreign.rules, which: -1 };
	const overrides = policy.overrides ?? [];
	const which = overrides.findIndex(
		({ kind, name, tag }) =>
			(kind === undefined || kind === entry.kind) &&
			(name === undefined || name === entry.name) &&
			(tag === undefined || entry.tags.includes(tag)),
	);
	return { rules: overrides[which]?.rules ?? policy.rules, which };
}

/** What a policy names and no backup is: names of separate rules, and patterns of files. */
export function unusedIn(
	{ overrides = [], foreign = [] }: RetentionPolicy,
	entries: readonly RetentionEntry[],
): { names: string[]; patterns: string[] } {
	const names = new Set(entries.map(({ name }) => name));
	const files = entries.filter(({ kind }) => kind === 'foreign').map(({ key }) => key);
	return {
		names: overrides.flatMap(({ name }) => (name === undefined || names.has(name) ? [] : [name])),
		patterns: foreign.flatMap(({ pattern }) => (files.some(compileGlob(pattern)) ? [] : [pattern])),
	};
}

/** Validates a policy that came from outside. @throws BackupError INVALID_INPUT that names what is wrong */
export function parsePolicy(value: unknown): RetentionPolicy {
	const result = policySchema.safeParse(value);
	if (result.success) return result.data;
	const issue = result.error.issues[0];
	const where = issue?.path.join('.') || 'policy';
	throw new BackupError(
		'INVALID_INPUT',
		`The retention policy is not valid: ${where}: ${issue?.message ?? 'unknown'}.`,
		{
			hint: 'Counts are whole numbers, or "all"; shares lie between 0 and 1.',
		},
	);
}
