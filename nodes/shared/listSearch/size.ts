const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** Bytes as people read them: `3.4 MB`. */
export function readableSize(bytes: number): string {
	const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), UNITS.length - 1);
	return `${(bytes / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${UNITS[power]}`;
}

/** A moment as people read it: `2026-01-31 02:00:00 UTC`. */
export function readableTime(moment: Date): string {
	return `${moment.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** To the minute: `2026-01-31 02:00 UTC`. */
export function readableMinute(moment: Date): string {
	return `${moment.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
