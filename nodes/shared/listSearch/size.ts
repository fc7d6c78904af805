export { readableSize } from '../../../engine';

/** A moment as people read it: `2026-01-31 02:00:00 UTC`. */
export function readableTime(moment: Date): string {
	return `${moment.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** To the minute: `2026-01-31 02:00 UTC`. */
export function readableMinute(moment: Date): string {
	return `${moment.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
