/** The question that is asked before files are overwritten. */
import { BackupError } from '../errors';
import type { Existing } from '../tree';

/** @throws BackupError NOT_CONFIRMED where files may be overwritten and the folder was not named once more */
export function assertConfirmed(root: string, existing: Existing, confirmation: string | undefined): void {
	if (existing !== 'overwrite' || confirmation === root) return;
	throw new BackupError(
		'NOT_CONFIRMED',
		`Files in ${root} may be overwritten, and that was not confirmed; nothing was changed.`,
		{
			hint: 'Type the path of the folder once more to confirm it, or choose to skip what is there.',
		},
	);
}
