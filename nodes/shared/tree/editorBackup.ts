import type { ILoadOptionsFunctions } from 'n8n-workflow';

import { type ArchiveReader, BackupError, type BackupKind, openArchive } from '../../../engine';
import { decryptionKeysInEditor } from '../encryption';
import { backupInEditor } from '../listSearch/backupInEditor';

/** Whose backups a drop-down looks into. */
export interface OfferedTree {
	kind: BackupKind;
	/** The node's folder, where the Folder option names no other. */
	ownFolder: string;
	/** What is no choice: older versions of objects, which have no prefix that a restore could name. */
	isHidden?: (name: string) => boolean;
}

/** The backup that the fields of descriptions/held.ts name in the editor. @throws BackupError INVALID_INPUT where none is chosen, and as openArchive does */
export async function heldBackupInEditor(
	context: ILoadOptionsFunctions,
	{ kind, ownFolder }: OfferedTree,
): Promise<ArchiveReader> {
	const source = context.getCurrentNodeParameter('source');
	if (source !== 'storage') {
		const what = source === 'binaryData' ? 'What comes in as binary data' : 'What a file of others holds';
		throw new BackupError('INVALID_INPUT', `${what} can be listed only when the workflow runs.`, {
			hint: 'Type what you mean instead of choosing From List.',
		});
	}
	const keys = await decryptionKeysInEditor(context);
	const chosen = await backupInEditor(context, { kind, ownFolder, keys });
	if (!chosen) {
		throw new BackupError('INVALID_INPUT', 'No backup is chosen yet, or an expression chooses it.', {
			hint: 'Choose one in Backup, or type what you mean instead of choosing From List.',
		});
	}
	const { entry, storage } = chosen;
	return await openArchive(storage, { manifest: entry.manifest, folder: entry.folder }, keys);
}
