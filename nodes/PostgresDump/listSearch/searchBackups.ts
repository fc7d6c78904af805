import type { ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';

import { backupsFound } from '../../shared/listSearch/searchBackups';
import { OWN_FOLDER } from '../backupContent';

/** The backups in the storage that the node may restore, newest first. */
export async function searchBackups(
	this: ILoadOptionsFunctions,
	filter = '',
	page?: string,
): Promise<INodeListSearchResult> {
	const globals = this.getCurrentNodeParameter('restoreKind') === 'globals';
	const kind = globals ? 'postgres-globals' : 'postgres';
	return await backupsFound(this, filter, page, { kind, ownFolder: OWN_FOLDER });
}
