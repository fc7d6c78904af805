import { BackupError } from '../../errors';

const DAY_MS = 24 * 60 * 60 * 1000;
const LOCALE = 'en-US-u-ca-iso8601-nu-latn';

/** A date of the calendar; months from 1. */
export interface CalendarDate {
	year: number;
	month: number;
	day: number;
}

/** The clocks and the calendar of one time zone, daylight saving included. */
export class Zone {
	readonly #clock: Intl.DateTimeFormat;
	readonly #calendar: Intl.DateTimeFormat;

	/** @throws BackupError INVALID_INPUT for a zone that does not exist */
	constructor(timeZone: string) {
		try {
			const date = { timeZone, year: 'numeric', month: 'numeric', day: 'numeric' } as const;
			const time = { hourCycle: 'h23', hour: 'numeric', minute: 'numeric', second: 'numeric' } as const;
			this.#calendar = new Intl.DateTimeFormat(LOCALE, date);
			this.#clock = new Intl.DateTimeFormat(LOCALE, { ...date, ...time });
		} catch (cause) {
			throw new BackupError('INVALID_INPUT', `"${timeZone}" is not a time zone.`, {
				cause,
				hint: 'Use a name of the IANA time zone database, such as UTC or Europe/Berlin.',
			});
		}
	}

	dateOf(moment: Date): CalendarDate {
		const { year = 0, month = 1, day = 1 } = numbersOf(this.#calendar.formatToParts(moment));
		return { year, month, day };
	}

	/**
	 * The moment at which the clocks showed the same time of day, so many days of the calendar ago. Where they showed it
	 * twice (or never), the earlier of the two moments that come into question: what lies behind it is kept.
	 */
	daysBefore(moment: Date, days: number): Date {
		return this.momentAt(this.#wallClock(moment.getTime()) - days * DAY_MS);
	}

	/**
	 * The moment at which the clocks showed something; the earlier of two.
	 * @param wanted what they showed, as if it were a time of UTC, in milliseconds
	 */
	momentAt(wanted: number): Date {
		// The offsets around the moment: at most one change of the clocks lies between.
		const around = [wanted - DAY_MS, wanted + DAY_MS].map((time) => wanted - (this.#wallClock(time) - time));
		const exact = around.filter((time) => this.#wallClock(time) === wanted);
		return new Date(Math.min(...(exact.length > 0 ? exact : around)));
	}

	/** What the clocks show, as if it were a time of UTC, in milliseconds. */
	#wallClock(time: number): number {
		const { year = 0, month = 1, day, hour, minute, second } = numbersOf(this.#clock.formatToParts(time));
		const milliseconds = ((time % 1000) + 1000) % 1000;
		return Date.UTC(year, month - 1, day, hour, minute, second) + milliseconds;
	}
}

function numbersOf(parts: Intl.DateTimeFormatPart[]): Partial<Record<Intl.DateTimeFormatPartTypes, number>> {
	const numbers: Partial<Record<Intl.DateTimeFormatPartTypes, number>> = {};
	for (const { type, value } of parts) if (type !== 'literal') numbers[type] = Number(value);
	return numbers;
}
