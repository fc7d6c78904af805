import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { isoWeek, planRetention, weekOfKey, weeklyFolder, Zone } from '../../../../engine/retention';
import { backup, DAY_MS, keptDays, NOW, policyOf, zones } from '../entries';

const anyMoment = fc.date({ min: new Date('2000-01-01'), max: new Date('2040-01-01'), noInvalidDate: true });

describe('isoWeek', () => {
	it.each([
		['2020-12-31', 2020, 53],
		['2021-01-03', 2020, 53],
		['2021-01-04', 2021, 1],
		['2018-12-31', 2019, 1],
		['2016-01-03', 2015, 53],
		['2026-07-15', 2026, 29],
		['2024-12-30', 2025, 1],
		['2023-01-01', 2022, 52],
	])('puts %s into week %i-W%i', (day, year, week) => {
		const [y, month, date] = day.split('-').map(Number) as [number, number, number];
		expect(isoWeek({ year: y, month, day: date })).toEqual({ year, week });
	});

	it('changes on Mondays only, and always then', () => {
		fc.assert(
			fc.property(anyMoment, (moment) => {
				const zone = new Zone('UTC');
				const today = isoWeek(zone.dateOf(moment));
				const tomorrow = isoWeek(zone.dateOf(new Date(moment.getTime() + DAY_MS)));
				const isSunday = moment.getUTCDay() === 0;
				expect(today.week !== tomorrow.week).toBe(isSunday);
			}),
		);
	});
});

describe('a time zone', () => {
	it('decides which day, week and year a backup belongs to', () => {
		const moment = new Date('2021-01-03T23:30:00Z');
		expect(weeklyFolder(moment, new Zone('UTC'))).toBe('weekly/2020_W53');
		expect(weeklyFolder(moment, new Zone('Europe/Berlin'))).toBe('weekly/2021_W01');
		expect(weekOfKey(`${weeklyFolder(moment, new Zone('UTC'))}/shop_1.sql`)).toBe('2020_W53');
		expect(weekOfKey('postgres/weekly/2020_W53/x')).toBeUndefined();
		const entries = ['2026-07-14T21:00:00Z', '2026-07-14T23:00:00Z'].map((at) => backup(at));
		expect(planRetention(entries, NOW, policyOf({ daily: 9 }), 'UTC').deletable).toEqual([]);
		const newest = (zone: string) => planRetention(entries, NOW, policyOf({ daily: 1 }), zone).decisions[0]?.reasons[0];
		expect(newest('UTC')?.text).toContain('2026-07-14');
		expect(newest('Europe/Berlin')?.text).toContain('2026-07-15');
	});

	it('must be one that exists', () => {
		expect(() => planRetention([], NOW, policyOf({}), 'Europe/Atlantis')).toThrow(
			expect.objectContaining({ code: 'INVALID_INPUT' }),
		);
	});

	it.each([
		// The clocks go forward on 2026-03-29 at 02:00 and back on 2026-10-25 at 03:00.
		['across a day of 23 hours', '2026-03-29T10:00:00Z', 1, '2026-03-28T11:00:00Z'],
		['across a day of 25 hours', '2026-10-25T11:00:00Z', 1, '2026-10-24T10:00:00Z'],
		['to an hour that was skipped, the moment before', '2026-03-30T00:30:00Z', 1, '2026-03-29T00:30:00Z'],
		['to an hour that came twice, its first time', '2026-10-26T01:30:00Z', 1, '2026-10-25T00:30:00Z'],
		['over no day at all', '2026-07-15T12:34:56.789Z', 0, '2026-07-15T12:34:56.789Z'],
	])('goes back a day of the calendar %s', (_, from, count, to) => {
		expect(new Zone('Europe/Berlin').daysBefore(new Date(from), count)).toEqual(new Date(to));
	});

	it('goes back as many days of the calendar as it is asked to, give or take an hour that the clocks changed', () => {
		fc.assert(
			fc.property(anyMoment, fc.integer({ min: 0, max: 800 }), zones, (moment, count, zone) => {
				const before = new Zone(zone).daysBefore(moment, count).getTime();
				const hours = (moment.getTime() - count * DAY_MS - before) / 3_600_000;
				// Apia left out a whole day in 2011.
				expect(Math.abs(hours)).toBeLessThanOrEqual(zone === 'Pacific/Apia' ? 25 : 1);
			}),
		);
	});

	it('sorts the hours of a day of 25 hours into one day', () => {
		const hours = Array.from({ length: 25 }, (_, hour) =>
			backup(new Date(Date.parse('2026-10-24T22:00:00Z') + hour * 3_600_000)),
		);
		const now = new Date('2026-10-26T12:00:00Z');
		const plan = planRetention(hours, now, policyOf({ daily: 1 }), 'Europe/Berlin');
		expect(keptDays(plan)).toEqual(['2026-10-25']);
		expect(plan.decisions[0]?.action).toBe('keep');
	});
});
