import { folderOf, weekOfFolder } from '../../archive/naming';

import type { CalendarDate, Zone } from './zone';

/** The periods by which restic and borg sort backups; of each, the newest backup is kept. */
export const PERIODS = ['daily', 'weekly', 'monthly', 'yearly'] as const;
export type Period = (typeof PERIODS)[number];

const DAY_MS = 24 * 60 * 60 * 1000;
const THURSDAY = 4;

/** Keeps the copies of a week, one folder for each: `weekly/2020_W53/`. */
export const WEEKLY_FOLDER = 'weekly';

/** The name of the period that a date falls into: `2020-12-31`, `2020-W53`, `2020-12`, `2020`. */
export function periodOf(date: CalendarDate, period: Period): string {
	const year = pad(date.year, 4);
	switch (period) {
		case 'daily':
			return `${year}-${pad(date.month, 2)}-${pad(date.day, 2)}`;
		case 'weekly': {
			const week = isoWeek(date);
			return `${pad(week.year, 4)}-W${pad(week.week, 2)}`;
		}
		case 'monthly':
			return `${year}-${pad(date.month, 2)}`;
		case 'yearly':
			return year;
	}
}

/** Week and year of ISO 8601: weeks begin on Monday and belong to the year that has their Thursday. */
export function isoWeek({ year, month, day }: CalendarDate): { year: number; week: number } {
	const date = new Date(Date.UTC(year, month - 1, day));
	const weekday = date.getUTCDay() || 7;
	const thursday = new Date(date.getTime() + (THURSDAY - weekday) * DAY_MS);
	const newYear = Date.UTC(thursday.getUTCFullYear(), 0, 1);
	return { year: thursday.getUTCFullYear(), week: Math.floor((thursday.getTime() - newYear) / DAY_MS / 7) + 1 };
}

/** The folder of the weekly copies made at a moment: `weekly/2020_W53`. */
export function weeklyFolder(moment: Date, zone: Zone): string {
	const { year, week } = isoWeek(zone.dateOf(moment));
	return `${WEEKLY_FOLDER}/${pad(year, 4)}_W${pad(week, 2)}`;
}

/** The week of a key in the folders of weekly copies, `2020_W53`; undefined for every other key. */
export function weekOfKey(key: string): string | undefined {
	return weekOfFolder(folderOf(key))?.week;
}

function pad(number: number, digits: number): string {
	return String(number).padStart(digits, '0');
}
