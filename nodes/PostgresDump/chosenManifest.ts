import type { ILoadOptionsFunctions } from 'n8n-workflow';

import type { Manifest } from '../../engine';
import { backupInEditor } from '../shared/listSearch/backupInEditor';

import { OWN_FOLDER } from './backupContent';

/**
 * The manifest of the backup that is chosen in the editor; undefined where none is, or an expression will choose it.
 * @throws BackupError where it cannot be found or read
 */
export async function chosenManifest(context: ILoadOptionsFunctions): Promise<Manifest | undefined> {
	const chosen = await backupInEditor(context, { kind: 'postgres', ownFolder: OWN_FOLDER });
	return chosen?.entry.manifest;
}
