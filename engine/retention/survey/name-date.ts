import type { Zone } from '../policy/zone';

/** `20260131_020000`, `2026-01-31T02:00:00`, `2026-01-31_02-00`, `20260131`; no digit right before or after. */
const DATE =
	/(?<!\d)(20\d\d)([-._]?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])(?:[-_T ]?([01]\d|2[0-3])([-:._h]?)([0-5]\d)(?:\6([0-5]\d))?)?(?!\d)/;

export interface NameDate {
	moment: Date;
	/** The name with a star for the date, `shop_*.sql.gz`: what backups of one thing have in common. */
	stem: string;
}

/** The moment in a file's name, on the clocks of a zone; undefined where there is none. */
export function dateInName(name: string, zone: Zone): NameDate | undefined {
	const match = DATE.exec(name);
	if (!match) return undefined;
	const [whole, year, , month, day, hour = '0', , minute = '0', second = '0'] = match;
	const time = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
	// The 31st of a month that has none.
	if (new Date(time).getUTCDate() !== Number(day)) return undefined;
	const stem = `${name.slice(0, match.index)}*${name.slice(match.index + whole.length)}`;
	return { moment: zone.momentAt(time), stem };
}

/** Times as computers count them, and random ids. */
const CHANGING = /\d{10,}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi;

/** What undated backups of one thing have in common, `shop-*.sql`: any other difference may tell two things apart. */
export function stemOf(name: string): string {
	return name.replace(CHANGING, '*');
}
