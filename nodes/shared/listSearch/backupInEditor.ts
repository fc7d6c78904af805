import type { ILoadOptionsFunctions, INodeParameterResourceLocator } from 'n8n-workflow';

import { type BackupEntry, type BackupKind, type DecryptionKeys, findBackup, type Storage } from '../../../engine';
import { folderPrefix } from '../folder';
import { openStorageForList } from '../storage';

/**
 * The backup that the Backup field names in the editor; undefined where none is chosen, or an expression will choose it.
 * @throws BackupError where it cannot be found or read
 */
export async function backupInEditor(
	context: ILoadOptionsFunctions,
	{ kind, ownFolder, keys }: { kind: BackupKind; ownFolder: string; keys?: DecryptionKeys | undefined },
): Promise<{ entry: BackupEntry; storage: Storage } | undefined> {
	const locator = context.getCurrentNodeParameter('backup') as INodeParameterResourceLocator | undefined;
	const value = String(locator?.value ?? '');
	if (!locator || value === '' || value.startsWith('=')) return undefined;
	const storage = await openStorageForList(context);
	const reference =
		locator.mode === 'file' ? { file: value } : locator.mode === 'latest' ? { latest: value, kind } : { id: value };
	const entry = await findBackup(storage, reference, folderPrefix(context, ownFolder), undefined, keys);
	return { entry, storage };
}
