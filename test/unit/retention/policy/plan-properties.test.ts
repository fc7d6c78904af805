import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { isGood, planRetention, type RetentionEntry, type RetentionPlan } from '../../../../engine/retention';
import { kept, NOW, someEntries, somePolicy, zones } from '../entries';

const keysOf = (entries: RetentionEntry[]) => entries.map(({ key }) => key).sort();
const keptKeys = (plan: RetentionPlan) => keysOf(kept(plan));

/** Backups of one thing of one server, as much of it, in one folder, weekly copies apart. */
const seriesOf = ({ kind, name, origin, partial, key }: RetentionEntry) =>
	[kind, name, origin, partial, key.startsWith('weekly/'), key.includes('/eu/')].join(' ');

describe('every plan', () => {
	it('keeps the last good backup of each thing, and the last verified one', () => {
		fc.assert(
			fc.property(someEntries, somePolicy, zones, (entries, policy, zone) => {
				const keys = new Set(keptKeys(planRetention(entries, NOW, policy, zone)));
				const isVerified = (entry: RetentionEntry) => entry.complete && entry.verified === 'passed';
				for (const matters of [isGood, isVerified]) {
					const candidates = entries.filter(matters);
					for (const name of new Set(candidates.map(seriesOf))) {
						const series = candidates.filter((entry) => seriesOf(entry) === name);
						const newest = Math.max(...series.map(({ startedAt }) => Date.parse(startedAt)));
						const last = series.filter(({ startedAt }) => Date.parse(startedAt) === newest);
						expect(last.some(({ key }) => keys.has(key))).toBe(true);
					}
				}
			}),
		);
	});

	it('leaves no thing without any backup of which the archive is whole', () => {
		fc.assert(
			fc.property(someEntries, somePolicy, zones, (entries, policy, zone) => {
				const whole = (some: RetentionEntry[]) => new Set(some.filter(({ complete }) => complete).map(seriesOf));
				expect(whole(kept(planRetention(entries, NOW, policy, zone)))).toEqual(whole(entries));
			}),
		);
	});

	it('keeps what is pinned or locked, and every archive that something kept needs', () => {
		fc.assert(
			fc.property(someEntries, somePolicy, zones, (entries, policy, zone) => {
				const left = kept(planRetention(entries, NOW, policy, zone));
				const ids = new Set(left.map(({ id }) => id));
				for (const { id, pinned, lockedUntil } of entries) {
					if (pinned || (lockedUntil && new Date(lockedUntil) > NOW)) expect(ids.has(id)).toBe(true);
				}
				const there = new Set(entries.map(({ id }) => id));
				for (const id of left.flatMap(({ needs }) => needs)) if (there.has(id)) expect(ids.has(id)).toBe(true);
			}),
		);
	});

	it('is the same for every order of the backups', () => {
		const shuffled = someEntries.chain((entries) =>
			fc.tuple(fc.constant(entries), fc.shuffledSubarray(entries, { minLength: entries.length })),
		);
		fc.assert(
			fc.property(shuffled, somePolicy, zones, ([entries, others], policy, zone) => {
				expect(planRetention(others, NOW, policy, zone)).toEqual(planRetention(entries, NOW, policy, zone));
			}),
		);
	});

	it('deletes nothing when it is made again after its deletions', () => {
		fc.assert(
			fc.property(someEntries, somePolicy, zones, (entries, policy, zone) => {
				const left = kept(planRetention(entries, NOW, policy, zone));
				expect(planRetention(left, NOW, policy, zone).deletable).toEqual([]);
			}),
			{ numRuns: 300 },
		);
	});

	it('keeps no less when a number of the rules grows', () => {
		const rule = fc.constantFrom('last', 'withinDays', 'daily', 'weekly', 'monthly', 'yearly', 'weeklySnapshots');
		const growth = fc.integer({ min: 1, max: 5 });
		fc.assert(
			fc.property(someEntries, somePolicy, zones, rule, growth, (entries, policy, zone, grown, by) => {
				const value = policy.rules[grown as 'last'];
				// From no rule to one less is kept: without rules, all is.
				fc.pre(typeof value === 'number' && value > 0);
				const larger = { ...policy, rules: { ...policy.rules, [grown]: value + by } };
				const before = keptKeys(planRetention(entries, NOW, policy, zone));
				const after = new Set(keptKeys(planRetention(entries, NOW, larger, zone)));
				expect(before.filter((key) => !after.has(key))).toEqual([]);
			}),
			{ numRuns: 300 },
		);
	});

	it('keeps no less when rules are set to keep all, or are added to others', () => {
		const rule = fc.constantFrom('last', 'daily', 'weekly', 'monthly', 'yearly');
		fc.assert(
			fc.property(someEntries, somePolicy, zones, rule, (entries, policy, zone, grown) => {
				const { last, withinDays, daily, weekly, monthly, yearly } = policy.rules;
				// From no rule to one less is kept: without rules, all is.
				fc.pre([last, withinDays, daily, weekly, monthly, yearly].some(Boolean));
				const larger = { ...policy, rules: { ...policy.rules, [grown]: 'all' as const } };
				const before = keptKeys(planRetention(entries, NOW, policy, zone));
				const after = new Set(keptKeys(planRetention(entries, NOW, larger, zone)));
				expect(before.filter((key) => !after.has(key))).toEqual([]);
			}),
			{ numRuns: 300 },
		);
	});

	it('keeps no less because of a lock or a legal hold, and nothing that they hold goes', () => {
		const held = someEntries.chain((entries) => fc.tuple(fc.constant(entries), fc.subarray(entries)));
		fc.assert(
			fc.property(held, somePolicy, fc.boolean(), ([entries, some], policy, legalHold) => {
				const locked = new Set(some.map(({ key }) => key));
				const lock = legalHold ? { legalHold } : { lockedUntil: '2026-08-01T00:00:00Z' };
				const after = entries.map((entry) => (locked.has(entry.key) ? { ...entry, ...lock } : entry));
				const keys = new Set(keptKeys(planRetention(after, NOW, policy)));
				for (const key of keptKeys(planRetention(entries, NOW, policy))) expect(keys.has(key)).toBe(true);
				for (const key of locked) expect(keys.has(key)).toBe(true);
			}),
		);
	});

	it('keeps what backups need that it does not decide on, wherever the line between them is drawn', () => {
		const split = someEntries.chain((entries) => fc.tuple(fc.constant(entries), fc.subarray(entries)));
		fc.assert(
			fc.property(split, somePolicy, ([entries, outside], policy) => {
				const inside = entries.filter((entry) => !outside.includes(entry));
				const plan = planRetention(inside, NOW, policy, 'UTC', outside);
				const left = [...kept(plan), ...outside];
				const ids = new Set(left.map(({ id }) => id));
				const there = new Set(entries.map(({ id }) => id));
				for (const id of left.flatMap(({ needs }) => needs)) if (there.has(id)) expect(ids.has(id)).toBe(true);
				expect(keysOf(plan.decisions.map(({ entry }) => entry))).toEqual(keysOf(inside));
			}),
		);
	});

	it('keeps no less of the good backups because of damaged ones', () => {
		fc.assert(
			fc.property(someEntries, somePolicy, zones, (entries, policy, zone) => {
				const good = entries.filter(isGood);
				const alone = keptKeys(planRetention(good, NOW, policy, zone));
				const among = new Set(keptKeys(planRetention(entries, NOW, policy, zone)));
				expect(alone.filter((key) => !among.has(key))).toEqual([]);
			}),
		);
	});

	it('decides on every backup once, with a reason, and lets go of what needs others before these', () => {
		fc.assert(
			fc.property(someEntries, somePolicy, zones, (entries, policy, zone) => {
				const { decisions, deletable } = planRetention(entries, NOW, policy, zone);
				expect(keysOf(decisions.map(({ entry }) => entry))).toEqual(keysOf(entries));
				for (const { reasons } of decisions) expect(reasons.length).toBeGreaterThan(0);
				const deleted = decisions.filter(({ action }) => action === 'delete').map(({ entry }) => entry);
				expect(keysOf(deletable)).toEqual(keysOf(deleted));
				const order = new Map(deletable.map(({ id }, index) => [id, index]));
				const inCircle = new Set(deletable.map(({ id }) => id).filter((id) => neededIn(deletable, id).has(id)));
				for (const [index, { id, needs }] of deletable.entries()) {
					if (inCircle.has(id) || [...neededIn(deletable, id)].some((other) => inCircle.has(other))) continue;
					for (const other of needs) expect(order.get(other) ?? Infinity).toBeGreaterThan(index);
				}
			}),
		);
	});

	it('deletes nothing where it is refused', () => {
		const share = fc.double({ min: 0, max: 1, noNaN: true });
		fc.assert(
			fc.property(someEntries, somePolicy, share, (entries, policy, maxDeletedShare) => {
				const plan = planRetention(entries, NOW, { ...policy, maxDeletedShare });
				const deleted = plan.decisions.filter(({ action }) => action === 'delete').length;
				const tooMany = deleted > entries.length * maxDeletedShare;
				expect(plan.refusal?.reason).toBe(tooMany ? 'share' : undefined);
				expect(plan.deletable).toHaveLength(tooMany ? 0 : deleted);
			}),
		);
	});
});

/** All that a backup needs, and what that needs in turn. */
function neededIn(entries: RetentionEntry[], id: string): Set<string> {
	const byId = new Map(entries.map((entry) => [entry.id, entry]));
	const found = new Set<string>();
	const waiting = [...(byId.get(id)?.needs ?? [])];
	for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
		if (found.has(next)) continue;
		found.add(next);
		waiting.push(...(byId.get(next)?.needs ?? []));
	}
	return found;
}
