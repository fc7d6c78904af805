import { finder, type SetupFinding } from './finding';

/** Times that are coarse, or on their way for a while, differ by less. */
const TOLERANCE_MS = 60_000;

const REMEDY = 'Set the clock of both by NTP, such as by `timedatectl set-ntp true` on their hosts.';

/**
 * Compares the clock of another machine with ours. S3 refuses requests that are a quarter of an hour off, names and ages of backups
 * go by n8n's clock, and what is removed after a day by both.
 * @param asked when it was asked, and when it had answered
 */
export function clockFindings(about: string, theirs: Date, asked: { from: Date; to: Date }): SetupFinding[] {
	const { ok, warning } = finder('Clock', about, 'backup');
	const ahead = asked.from.getTime() - theirs.getTime();
	const behind = theirs.getTime() - asked.to.getTime();
	const off = Math.max(ahead, behind);
	if (off <= TOLERANCE_MS) return [ok('Its clock shows the same time as that of n8n.')];
	const minutes = Math.max(1, Math.round(off / 60_000));
	return [
		warning(
			`The clock of n8n is ${minutes} minute${minutes === 1 ? '' : 's'} ${ahead > 0 ? 'ahead of' : 'behind'} its clock.`,
			REMEDY,
		),
	];
}
