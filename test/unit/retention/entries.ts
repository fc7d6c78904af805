import { createHash } from 'node:crypto';

import fc from 'fast-check';

import type { KeepRules, RetentionEntry, RetentionPolicy, RetentionPlan } from '../../../engine/retention';

export const NOW = new Date('2026-07-15T12:00:00Z');
export const DAY_MS = 24 * 60 * 60 * 1000;

/** An entry that a test may still change. */
export type Draft = { -readonly [Field in keyof RetentionEntry]: RetentionEntry[Field] };

/** A good backup of `shop`, begun at a time. */
export function backup(startedAt: string | Date, more: Partial<RetentionEntry> = {}): Draft {
	const moment = new Date(startedAt);
	const name = more.name ?? 'shop';
	const key = more.key ?? `postgres/${name}_${moment.toISOString().replace(/\W/g, '')}.sql.zst`;
	return {
		id: uuidOf(key),
		kind: 'postgres',
		name,
		key,
		startedAt: moment.toISOString(),
		finishedAt: new Date(moment.getTime() + 60_000).toISOString(),
		size: 1000,
		tags: [],
		pinned: false,
		needs: [],
		complete: true,
		lacksNeeded: false,
		verified: undefined,
		lockedUntil: undefined,
		legalHold: false,
		sharedAs: undefined,
		...more,
	};
}

function uuidOf(text: string): string {
	const hex = createHash('sha256').update(text).digest('hex');
	return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
		'-',
	);
}

/** One a day at noon of UTC, the newest at `NOW`. */
export function daily(days: number, more: Partial<RetentionEntry> = {}): Draft[] {
	return Array.from({ length: days }, (_, index) => backup(new Date(NOW.getTime() - index * DAY_MS), more));
}

/** A policy of some rules that never refuses because of the share. */
export function policyOf(rules: KeepRules, more: Partial<RetentionPolicy> = {}): RetentionPolicy {
	return { rules, maxDeletedShare: 1, ...more };
}

/** The days, `2026-07-15`, that a plan keeps. */
export function keptDays(plan: RetentionPlan): string[] {
	return kept(plan).map(({ startedAt }) => startedAt.slice(0, 10));
}

export function kept(plan: RetentionPlan): RetentionEntry[] {
	return plan.decisions.filter(({ action }) => action === 'keep').map(({ entry }) => entry);
}

/** The rules that keep an entry, or let it go. */
export function rulesFor(plan: RetentionPlan, entry: RetentionEntry): string[] {
	return plan.decisions.find((decision) => decision.entry === entry)!.reasons.map(({ rule }) => rule);
}

const ZONES = ['UTC', 'Europe/Berlin', 'America/New_York', 'Pacific/Kiritimati', 'Pacific/Apia', 'Australia/Lord_Howe'];
export const zones = fc.constantFrom(...ZONES);

const someCount = fc.oneof(
	{ weight: 3, arbitrary: fc.constant(undefined) },
	{ weight: 6, arbitrary: fc.integer({ min: 0, max: 8 }) },
	{ weight: 1, arbitrary: fc.constant('all' as const) },
);

export const someRules: fc.Arbitrary<KeepRules> = fc
	.record({
		last: someCount,
		withinDays: fc.option(fc.integer({ min: 0, max: 400 }), { nil: undefined }),
		withinFrom: fc.constantFrom(undefined, 'now' as const, 'newest' as const),
		daily: someCount,
		weekly: someCount,
		monthly: someCount,
		yearly: someCount,
		weeklySnapshots: someCount,
	})
	.map((rules) => Object.fromEntries(Object.entries(rules).filter(([, value]) => value !== undefined)));

export const somePolicy: fc.Arbitrary<RetentionPolicy> = fc.record({
	rules: someRules,
	overrides: fc.array(
		fc.oneof(
			fc.record({ name: fc.constantFrom('shop', 'crm'), rules: someRules }),
			fc.record({ kind: fc.constantFrom('postgres' as const, 'qdrant' as const), rules: someRules }),
			fc.record({ tag: fc.constantFrom('hourly', 'release'), rules: someRules }),
		),
		{ maxLength: 2 },
	),
	maxDeletedShare: fc.constant(1),
});

/** Up to sixty backups of a few names over three years, many close together, some damaged, pinned, incremental or copied. */
export const someEntries: fc.Arbitrary<RetentionEntry[]> = fc
	.array(
		fc.record({
			minutesAgo: fc.oneof(fc.integer({ min: 0, max: 3 * 365 * 1440 }), fc.integer({ min: 0, max: 5000 })),
			name: fc.constantFrom('shop', 'shop', 'crm'),
			kind: fc.constantFrom('postgres' as const, 'postgres' as const, 'qdrant' as const),
			origin: fc.constantFrom(undefined, undefined, undefined, 'db2:5432'),
			partial: fc.constantFrom(undefined, undefined, undefined, 'schema'),
			folder: fc.constantFrom('', '', '', '/eu'),
			tags: fc.subarray(['hourly', 'release']),
			pinned: fc.integer({ min: 0, max: 9 }).map((number) => number === 0),
			complete: fc.integer({ min: 0, max: 5 }).map((number) => number > 0),
			verified: fc.constantFrom(undefined, undefined, 'passed' as const, 'failed' as const),
			lockedUntil: fc.constantFrom(undefined, undefined, undefined, '2026-07-01T00:00:00Z', '2026-08-01T00:00:00Z'),
			weekly: fc.option(fc.integer({ min: 10, max: 29 }), { nil: undefined, freq: 6 }),
			needs: fc.oneof(
				{ weight: 3, arbitrary: fc.constant<number[]>([]) },
				{ weight: 1, arbitrary: fc.uniqueArray(fc.nat(59), { maxLength: 4 }) },
			),
		}),
		{ maxLength: 60, size: 'max' },
	)
	.map((drafts) => {
		const entries = drafts.map(({ minutesAgo, weekly, folder: below, needs: _, ...more }, index) => {
			const folder = `${weekly === undefined ? more.kind : `weekly/2026_W${weekly}`}${below}`;
			const key = `${folder}/${more.name}_${index}.zst`;
			return backup(new Date(NOW.getTime() - minutesAgo * 60_000), { ...more, key });
		});
		// Any entry may be needed by any, so that there are chains, circles and archives that are not there.
		return entries.map((entry, index) => ({
			...entry,
			needs: drafts[index]!.needs.map((other) => entries[other]?.id ?? uuidOf(`missing ${other}`)),
		}));
	});
