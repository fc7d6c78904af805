/** Restores a backup of a folder, or a part of one, into a folder. */
import type { ArchiveReader, DecryptionKeys } from '../archive';
import { BackupError } from '../errors';
import type { Storage } from '../storage/storage';
import {
	openNeeded,
	restoreTree,
	Selection,
	type Existing,
	type RestoredTree,
	type RestoreTreeOptions,
	type SelectionChoices,
} from '../tree';
import { FilesTarget, type ForbiddenPaths } from '../tree/folder';

export interface RestoreFilesOptions extends Pick<RestoreTreeOptions, 'signal' | 'onProgress'> {
	reader: ArchiveReader;
	/** Where the other archives lie that the backup needs. */
	storage: Storage;
	keys: DecryptionKeys | undefined;
	/** Absolute. Made where it does not exist. */
	root: string;
	choices?: SelectionChoices;
	existing: Existing;
	/** For `overwrite`: the path of the folder once more, for what is there goes. */
	confirmation?: string;
	/** Whether owners and the bits that run a program as its owner are restored; only root can. */
	owners?: boolean;
	forbidden?: ForbiddenPaths | undefined;
}

/** @throws BackupError NOT_CONFIRMED, INVALID_INPUT (a backup of something else), and as restoreTree, openNeeded and FilesTarget do */
export async function restoreFiles(options: RestoreFilesOptions): Promise<RestoredTree> {
	const { reader, storage, keys, root, choices, existing, confirmation, owners = false, forbidden } = options;
	const { signal, onProgress } = options;
	assertFiles(reader);
	if (existing === 'overwrite' && confirmation !== root) {
		throw new BackupError(
			'NOT_CONFIRMED',
			`Files in ${root} may be overwritten, and that was not confirmed; nothing was changed.`,
			{
				hint: 'Type the path of the folder once more to confirm it, or choose to skip what is there.',
			},
		);
	}
	const archives = await openNeeded(reader, { storage, keys, signal });
	return await restoreTree({
		reader,
		archives,
		target: new FilesTarget({ root, existing, owners, forbidden }),
		selection: new Selection(choices),
		existing,
		...(signal && { signal }),
		...(onProgress && { onProgress }),
	});
}

/** @throws BackupError INVALID_INPUT */
function assertFiles({ manifest: { kind, file, checkpoint } }: ArchiveReader): void {
	if (kind !== 'files') {
		throw new BackupError('INVALID_INPUT', `${file} is a backup of the kind ${kind}, not of files.`, {
			hint: 'Choose a backup that Files Archive has made.',
		});
	}
	// Its index is of some entries alone: the restore of a part would be called that of all.
	if (checkpoint) {
		throw new BackupError(
			'INVALID_INPUT',
			`${file} is a checkpoint: it holds a part of a backup, and is none by itself.`,
			{
				hint: 'Choose one of the backups that are listed.',
			},
		);
	}
}
