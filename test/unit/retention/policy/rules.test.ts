import { describe, expect, it } from 'vitest';

import { parsePolicy, planRetention, PRESETS, type KeepRules } from '../../../../engine/retention';
import { backup, daily, DAY_MS, keptDays, NOW, policyOf } from '../entries';

const days = (rules: KeepRules, count = 1000, zone = 'UTC') =>
	keptDays(planRetention(daily(count), NOW, policyOf(rules), zone));

describe('rules', () => {
	it('keep the last N', () => {
		expect(days({ last: 2 })).toEqual(['2026-07-15', '2026-07-14']);
		expect(days({ last: 'all' }, 9)).toHaveLength(9);
	});

	it('keep what began within D days, to the minute', () => {
		const ages = [1, 7, 7 + 1 / 1440].map((age) => new Date(NOW.getTime() - age * DAY_MS));
		const plan = planRetention(
			ages.map((moment) => backup(moment)),
			NOW,
			policyOf({ withinDays: 7 }),
		);
		expect(keptDays(plan)).toEqual(['2026-07-14', '2026-07-08']);
	});

	it('keep D days before the newest where that is asked for, so that a backup that no longer runs loses nothing', () => {
		const entries = daily(30).map((entry) => {
			const moment = new Date(Date.parse(entry.startedAt) - 365 * DAY_MS);
			return backup(moment);
		});
		expect(keptDays(planRetention(entries, NOW, policyOf({ withinDays: 7 })))).toHaveLength(1);
		const fromNewest = policyOf({ withinDays: 7, withinFrom: 'newest' });
		expect(keptDays(planRetention(entries, NOW, fromNewest))).toHaveLength(8);
	});

	it('keep the newest of each day', () => {
		const hours = [
			'2026-07-15T01:00Z',
			'2026-07-15T11:00Z',
			'2026-07-14T23:59Z',
			'2026-07-14T00:00Z',
			'2026-07-10T05:00Z',
		];
		const plan = planRetention(
			hours.map((hour) => backup(hour)),
			NOW,
			policyOf({ daily: 2 }),
		);
		expect(plan.decisions.filter(({ action }) => action === 'keep').map(({ entry }) => entry.startedAt)).toEqual([
			'2026-07-15T11:00:00.000Z',
			'2026-07-14T23:59:00.000Z',
		]);
	});

	it('count days that have a backup, not days that have none', () => {
		const entries = ['2026-07-15', '2026-06-01', '2025-01-01'].map((day) => backup(`${day}T00:00Z`));
		expect(keptDays(planRetention(entries, NOW, policyOf({ daily: 2 })))).toEqual(['2026-07-15', '2026-06-01']);
	});

	it('keep the newest of each ISO week, month and year', () => {
		// 2026-07-15 is a Wednesday; weeks end on Sundays.
		expect(days({ weekly: 3 })).toEqual(['2026-07-15', '2026-07-12', '2026-07-05']);
		expect(days({ monthly: 3 })).toEqual(['2026-07-15', '2026-06-30', '2026-05-31']);
		expect(days({ yearly: 2 })).toEqual(['2026-07-15', '2025-12-31']);
	});

	it('keep the oldest too while a count is not used up, as restic does', () => {
		expect(days({ yearly: 5 }, 400)).toEqual(['2026-07-15', '2025-12-31', '2025-06-11']);
		expect(days({ yearly: 2 }, 400)).toEqual(['2026-07-15', '2025-12-31']);
	});

	it('count each for itself: a backup may be the newest of its day and of its month', () => {
		expect(days({ daily: 3, weekly: 2, monthly: 2 })).toEqual([
			'2026-07-15',
			'2026-07-14',
			'2026-07-13',
			'2026-07-12',
			'2026-06-30',
		]);
	});

	it('say why, in words', () => {
		const [newest] = planRetention(daily(3), NOW, policyOf({ daily: 2, yearly: 'all' })).decisions;
		expect(newest?.reasons.map(({ text }) => text)).toEqual([
			'the newest of 2026-07-15 (daily 1 of 2)',
			'the newest of 2026 (yearly 1)',
			'the last good backup of shop',
		]);
	});
});

describe('presets', () => {
	it.each([
		['7-days', 8],
		['30-days', 31],
		// Seven days, two Sundays before them, eleven ends of months.
		['7-4-12', 20],
		// Four ends of years more, and the oldest of all.
		['7-4-12-yearly', 25],
		// Thirty days, eight Sundays, nine ends of months, four of years, and the oldest.
		['30-90-365-days-7-years', 52],
	] as const)('%s keeps %i of five years of daily backups', (name, count) => {
		const left = days(PRESETS[name], 5 * 365);
		expect(left).toHaveLength(count);
	});

	it('hold what they promise, day after day', () => {
		// Four years of nightly backups, pruned every night.
		let entries = [] as ReturnType<typeof daily>;
		const policy = policyOf(PRESETS['7-4-12-yearly']);
		const start = Date.parse('2022-07-16T02:00:00Z');
		for (let night = 0; night < 4 * 365; night++) {
			const now = new Date(start + night * DAY_MS);
			entries.push(backup(now));
			const gone = new Set(planRetention(entries, now, policy).deletable);
			entries = entries.filter((entry) => !gone.has(entry));
		}
		const left = entries.map(({ startedAt }) => startedAt.slice(0, 10));
		for (const year of [2022, 2023, 2024, 2025]) expect(left).toContain(`${year}-12-31`);
		expect(left.filter((day) => day >= '2025-07-01' && /-(30|31|28)$/.test(day)).length).toBeGreaterThanOrEqual(11);
		expect(entries.length).toBeLessThan(30);
	});
});

describe('parsePolicy', () => {
	it('takes a policy as the presets and examples have it', () => {
		const policy = { rules: { ...PRESETS['7-4-12-yearly'] }, overrides: [{ name: 'crm', rules: { last: 3 } }] };
		expect(parsePolicy(policy)).toEqual(policy);
	});

	it.each([
		[{}, /rules/],
		[{ rules: { last: -1 } }, /rules\.last/],
		[{ rules: { daily: 1.5 } }, /rules\.daily/],
		[{ rules: { dayly: 7 } }, /dayly/],
		[{ rules: {}, maxDeletedShare: 50 }, /maxDeletedShare/],
		[{ rules: {}, overrides: [{ kind: 'mysql', rules: {} }] }, /overrides\.0\.kind/],
		[{ rules: {}, overrides: [{ name: undefined, rules: { last: 1 } }] }, /overrides\.0: names no kind, name or tag/],
		[{ rules: {}, overrides: [{ name: '', rules: { last: 1 } }] }, /overrides\.0\.name/],
	])('refuses %j', (policy, message) => {
		expect(() => parsePolicy(policy)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
		expect(() => parsePolicy(policy)).toThrow(message);
	});
});
