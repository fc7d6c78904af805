/** Restores a backup of a folder, or a part of one, into a folder. */
import type { ArchiveReader, DecryptionKeys } from '../archive';
import type { Storage } from '../storage/storage';
import {
	assertBackupOf,
	openNeeded,
	restoreTree,
	Selection,
	type Existing,
	type RestoredTree,
	type RestoreTreeOptions,
	type SelectionChoices,
} from '../tree';
import { FilesTarget, type ForbiddenPaths } from '../tree/folder';
import { assertConfirmed } from './confirmed';

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

export interface RestoredFiles extends RestoredTree {
	/** What there is to say of the choice. */
	warnings: string[];
}

/** @throws BackupError NOT_CONFIRMED, INVALID_INPUT (a backup of something else), and as restoreTree, openNeeded and FilesTarget do */
export async function restoreFiles(options: RestoreFilesOptions): Promise<RestoredFiles> {
	const { reader, storage, keys, root, choices, existing, confirmation, owners = false, forbidden } = options;
	const { signal, onProgress } = options;
	assertBackupOf(reader, { kind: 'files', things: 'files', node: 'Files Archive' });
	assertConfirmed(root, existing, confirmation);
	const archives = await openNeeded(reader, { storage, keys, signal });
	const selection = new Selection(choices);
	const restored = await restoreTree({
		reader,
		archives,
		target: new FilesTarget({ root, existing, owners, forbidden, isDurable: true }),
		selection,
		existing,
		...(signal && { signal }),
		...(onProgress && { onProgress }),
	});
	return { ...restored, warnings: selection.warnings };
}
