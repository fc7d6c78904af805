/**
 * The names of what test restores make and remove again: collections, folders, prefixes and buckets. Nothing else is ever removed.
 * They hold 64 random bits, and the time of the start, by which what a killed run has left is told from what is in use.
 */
import { randomBytes } from 'node:crypto';

/** What all such names begin with. */
export const SCRATCH_PREFIX = 'stack_backup_verify_';
const NAME = /^stack_backup_verify_(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)_[0-9a-f]{16}$/;
/** Another machine may have made it. Its clock may be wrong, and its test restore may take hours for hundreds of gigabytes. */
export const ABANDONED_AFTER_MS = 24 * 60 * 60 * 1000;

/** Makes a name: `stack_backup_verify_20260131020000_0123456789abcdef`, with the time in UTC. */
export function scratchName(now: Date): string {
	const time = now
		.toISOString()
		.slice(0, 19)
		.replace(/[^0-9]/g, '');
	return `${SCRATCH_PREFIX}${time}_${randomBytes(8).toString('hex')}`;
}

/** When the test restore began that made such a name; undefined where no test restore makes such names. */
export function scratchTime(name: string): Date | undefined {
	const [, year, month, day, hours, minutes, seconds] = NAME.exec(name) ?? [];
	if (year === undefined) return undefined;
	const time = new Date(`${year}-${month}-${day}T${hours}:${minutes}:${seconds}Z`);
	return Number.isNaN(time.getTime()) ? undefined : time;
}

/** Picks the names that killed test restores have left. */
export function abandoned(names: readonly string[], now: Date): string[] {
	return names.filter((name) => {
		const begunAt = scratchTime(name);
		return begunAt !== undefined && now.getTime() - begunAt.getTime() > ABANDONED_AFTER_MS;
	});
}
