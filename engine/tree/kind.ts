/** That an archive is a backup of the kind that is restored. */
import type { ArchiveReader, BackupKind } from '../archive';
import { BackupError } from '../errors';

/**
 * A checkpoint is refused as well: its index is of some entries alone, and the restore of a part would be called that of all.
 * @param things what backups of the kind are of, for the message: `files`
 * @param node that makes them, for the hint
 * @throws BackupError INVALID_INPUT
 */
export function assertBackupOf(
	{ manifest: { kind, file, checkpoint } }: ArchiveReader,
	wanted: { kind: BackupKind; things: string; node: string },
): void {
	if (kind !== wanted.kind) {
		throw new BackupError('INVALID_INPUT', `${file} is a backup of the kind ${kind}, not of ${wanted.things}.`, {
			hint: `Choose a backup that ${wanted.node} has made.`,
		});
	}
	if (!checkpoint) return;
	throw new BackupError(
		'INVALID_INPUT',
		`${file} is a checkpoint: it holds a part of a backup, and is none by itself.`,
		{ hint: 'Choose one of the backups that List Backups shows.' },
	);
}
