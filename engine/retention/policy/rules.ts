import type { RetentionEntry } from '../entry';
import { PERIODS, periodOf, weekOfKey } from './periods';
import type { Count, KeepRules } from './policy';
import type { CalendarDate, Zone } from './zone';

/** Why a backup is kept, or goes. */
export interface Reason {
	rule:
		| 'last'
		| 'withinDays'
		| 'daily'
		| 'weekly'
		| 'monthly'
		| 'yearly'
		| 'weeklySnapshots'
		| 'noRules'
		| 'lastGood'
		| 'lastVerified'
		| 'lastLeft'
		| 'pinned'
		| 'needed'
		| 'resumable'
		| 'locked'
		| 'legalHold'
		| 'expired';
	/** For people: `the newest of 2020-W53 (weekly 2 of 4)`. */
	text: string;
}

/** What becomes of one backup. */
export interface Decision {
	entry: RetentionEntry;
	action: 'keep' | 'delete';
	/** All that apply, at least one. Decisions for the same reasons share them. */
	reasons: readonly Reason[];
}

/** Keeps a backup for a reason. */
export type AddReason = (decision: Decision, reason: Reason) => void;

/**
 * Applies rules to the backups of one series, newest first, as restic does
 * (https://restic.readthedocs.io/en/stable/060_forget.html): of every period that has backups the newest is kept, until
 * the count is used up; where it is not used up, the oldest backup is kept too, so that long periods have one to grow from.
 */
export function applyRules(
	sorted: readonly Decision[],
	rules: KeepRules,
	{ now, zone }: { now: Date; zone: Zone },
	add: AddReason,
): void {
	const limit = (count: Count | undefined) => (count === 'all' ? Infinity : (count ?? 0));
	keepPeriods(sorted, 'last', limit(rules.last), ({ entry }) => entry.key, add);
	keepWithin(sorted, rules, { now, zone }, add);
	const dates = new Map<Decision, CalendarDate>();
	const dateOf = (decision: Decision) => {
		const date = dates.get(decision) ?? zone.dateOf(new Date(decision.entry.startedAt));
		dates.set(decision, date);
		return date;
	};
	for (const period of PERIODS) {
		keepPeriods(sorted, period, limit(rules[period]), (decision) => periodOf(dateOf(decision), period), add);
	}
}

/** Keeps the copies in the folders of the newest weeks, all that such a folder holds. */
export function applyWeeklySnapshots(sorted: readonly Decision[], count: Count, add: AddReason): void {
	const weeks = new Set(sorted.map(({ entry }) => weekOfKey(entry.key)!));
	const kept = [...weeks]
		.sort()
		.reverse()
		.slice(0, count === 'all' ? Infinity : count);
	for (const decision of sorted) {
		const week = weekOfKey(decision.entry.key)!;
		const place = kept.indexOf(week) + 1;
		if (place > 0) add(decision, { rule: 'weeklySnapshots', text: `weekly copy of ${week} (${place} of ${count})` });
	}
}

/** True where the rules say nothing, which keeps everything; weeklySnapshots speaks of copies alone. */
export function areEmpty({ last, withinDays, daily, weekly, monthly, yearly }: KeepRules): boolean {
	return [last, withinDays, daily, weekly, monthly, yearly].every((rule) => !rule);
}

function keepPeriods(
	sorted: readonly Decision[],
	rule: 'last' | (typeof PERIODS)[number],
	count: number,
	nameOf: (decision: Decision) => string,
	add: AddReason,
): void {
	const of = count === Infinity ? '' : ` of ${count}`;
	let used = 0;
	let current: string | undefined;
	for (const [index, decision] of sorted.entries()) {
		if (used >= count) return;
		const name = nameOf(decision);
		const isOldest = index === sorted.length - 1;
		if (name === current && !isOldest) continue;
		const what = rule === 'last' ? 'one of the last' : name === current ? 'the oldest' : `the newest of ${name}`;
		if (name !== current) used++;
		current = name;
		add(decision, { rule, text: `${what} (${rule} ${used}${of})` });
	}
}

function keepWithin(
	sorted: readonly Decision[],
	{ withinDays: days, withinFrom }: KeepRules,
	{ now, zone }: { now: Date; zone: Zone },
	add: AddReason,
): void {
	const newest = sorted[0];
	if (!days || !newest) return;
	const isFromNewest = withinFrom === 'newest';
	const from = isFromNewest ? new Date(Math.min(now.getTime(), Date.parse(newest.entry.startedAt))) : now;
	const oldest = zone.daysBefore(from, days).getTime();
	const text = `within ${days} days${isFromNewest ? ' of the newest' : ''}`;
	for (const decision of sorted) {
		if (Date.parse(decision.entry.startedAt) < oldest) return;
		add(decision, { rule: 'withinDays', text });
	}
}
