/** Figures as people read them. */

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** Bytes: `3.4 MB`. */
export function readableSize(bytes: number): string {
	const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), UNITS.length - 1);
	return `${(bytes / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${UNITS[power]}`;
}

/** A time of so many hours: `12 s`, `35 min`, `5.5 h`, `3 days`. */
export function readableHours(hours: number): string {
	const seconds = hours * 3600;
	if (seconds < 10) return `${Number(seconds.toFixed(1))} s`;
	if (seconds < 120) return `${Math.round(seconds)} s`;
	if (hours < 1) return `${Math.round(seconds / 60)} min`;
	if (hours < 36) return `${Number(hours.toFixed(1))} h`;
	return `${Number((hours / 24).toFixed(hours < 240 ? 1 : 0))} days`;
}

/** A share: `99.2 %`. Never rounded up to all. */
export function readableShare(share: number): string {
	return `${Math.floor(share * 1000) / 10} %`;
}

/** To the minute: `2026-01-31 02:00 UTC`. */
export function readableMinute(iso: string): string {
	return `${iso.slice(0, 16).replace('T', ' ')} UTC`;
}

/**
 * One line without what could forge another, or turn the order of letters around: names and messages come from the storage.
 * Half a character (a lone surrogate) is none.
 */
export function oneLine(text: string): string {
	return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Bidi_Control}]+/gu, ' ');
}

/** No server has longer names, and a manifest that was made up may have one of megabytes. */
const LONGEST_NAME = 300;

/** A name as texts and labels have it. */
export function shortName(name: string): string {
	return name.length <= LONGEST_NAME ? name : `${name.slice(0, LONGEST_NAME)}…`;
}
