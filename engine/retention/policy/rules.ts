import type { Decisions } from './decisions';
import { PERIODS, periodOf, weekOfKey } from './periods';
import type { Count, KeepRules } from './policy';
import type { CalendarDate, Zone } from './zone';

/** Some of the backups that are decided on, by their places, newest first. */
export interface Members {
	decisions: Decisions;
	places: readonly number[];
}

/**
 * Applies rules to the backups of one series, newest first, as restic does
 * (https://restic.readthedocs.io/en/stable/060_forget.html): of every period that has backups the newest is kept, until
 * the count is used up; where it is not used up, the oldest backup is kept too, so that long periods have one to grow from.
 */
export function applyRules(members: Members, rules: KeepRules, { now, zone }: { now: Date; zone: Zone }): void {
	const { entries } = members.decisions;
	const limit = (count: Count | undefined) => (count === 'all' ? Infinity : (count ?? 0));
	keepPeriods(members, 'last', limit(rules.last), (place) => entries[place]!.key);
	keepWithin(members, rules, { now, zone });
	const dates = new Map<number, CalendarDate>();
	const dateOf = (place: number) => {
		const date = dates.get(place) ?? zone.dateOf(new Date(entries[place]!.startedAt));
		dates.set(place, date);
		return date;
	};
	for (const period of PERIODS) {
		keepPeriods(members, period, limit(rules[period]), (place) => periodOf(dateOf(place), period));
	}
}

/** Keeps the copies in the folders of the newest weeks, all that such a folder holds. */
export function applyWeeklySnapshots({ decisions, places }: Members, count: Count): void {
	const weekAt = (place: number) => weekOfKey(decisions.entries[place]!.key)!;
	const weeks = new Set(places.map(weekAt));
	const kept = [...weeks]
		.sort()
		.reverse()
		.slice(0, count === 'all' ? Infinity : count);
	for (const place of places) {
		const week = weekAt(place);
		const which = kept.indexOf(week) + 1;
		if (which === 0) continue;
		decisions.keep(place, { rule: 'weeklySnapshots', text: `weekly copy of ${week} (${which} of ${count})` });
	}
}

/** True where the rules say nothing, which keeps everything; weeklySnapshots speaks of copies alone. */
export function areEmpty({ last, withinDays, daily, weekly, monthly, yearly }: KeepRules): boolean {
	return [last, withinDays, daily, weekly, monthly, yearly].every((rule) => !rule);
}

function keepPeriods(
	{ decisions, places }: Members,
	rule: 'last' | (typeof PERIODS)[number],
	count: number,
	nameAt: (place: number) => string,
): void {
	const of = count === Infinity ? '' : ` of ${count}`;
	let used = 0;
	let current: string | undefined;
	for (const [index, place] of places.entries()) {
		if (used >= count) return;
		const name = nameAt(place);
		const isOldest = index === places.length - 1;
		if (name === current && !isOldest) continue;
		const what = rule === 'last' ? 'one of the last' : name === current ? 'the oldest' : `the newest of ${name}`;
		if (name !== current) used++;
		current = name;
		decisions.keep(place, { rule, text: `${what} (${rule} ${used}${of})` });
	}
}

function keepWithin(
	{ decisions, places }: Members,
	{ withinDays: days, withinFrom }: KeepRules,
	{ now, zone }: { now: Date; zone: Zone },
): void {
	const { entries } = decisions;
	const [newest] = places;
	if (!days || newest === undefined) return;
	const isFromNewest = withinFrom === 'newest';
	const from = isFromNewest ? new Date(Math.min(now.getTime(), Date.parse(entries[newest]!.startedAt))) : now;
	const oldest = zone.daysBefore(from, days).getTime();
	const text = `within ${days} days${isFromNewest ? ' of the newest' : ''}`;
	for (const place of places) {
		if (Date.parse(entries[place]!.startedAt) < oldest) return;
		decisions.keep(place, { rule: 'withinDays', text });
	}
}
