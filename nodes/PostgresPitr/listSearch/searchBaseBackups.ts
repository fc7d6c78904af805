import type { ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';

import { backupsFound } from '../../shared/listSearch/searchBackups';

/** The base backups in the storage, wherever they lie in it, newest first. */
export async function searchBaseBackups(
	this: ILoadOptionsFunctions,
	filter = '',
	page?: string,
): Promise<INodeListSearchResult> {
	return await backupsFound(this, filter, page, { kind: 'postgres-base', ownFolder: '' });
}
