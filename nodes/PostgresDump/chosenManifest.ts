import type { ILoadOptionsFunctions, INodeParameterResourceLocator } from 'n8n-workflow';

import { findBackup, type Manifest } from '../../engine';
import { folderPrefix } from '../shared/folder';
import { openStorageForList } from '../shared/storage';

import { OWN_FOLDER } from './backupContent';

/**
 * The manifest of the backup that is chosen in the editor; undefined where none is, or an expression will choose it.
 * @throws BackupError where it cannot be found or read
 */
export async function chosenManifest(context: ILoadOptionsFunctions): Promise<Manifest | undefined> {
	const locator = context.getCurrentNodeParameter('backup') as INodeParameterResourceLocator | undefined;
	const value = String(locator?.value ?? '');
	if (!locator || value === '' || value.startsWith('=')) return undefined;
	const storage = await openStorageForList(context);
	const prefix = folderPrefix(context, OWN_FOLDER);
	if (locator.mode === 'file') return (await findBackup(storage, { file: value }, prefix)).manifest;
	const reference = locator.mode === 'latest' ? { latest: value, kind: 'postgres' as const } : { id: value };
	return (await findBackup(storage, reference, prefix)).manifest;
}
