import type { ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';

import { backupsFound } from '../../shared/listSearch/searchBackups';

/** The backups of all kinds in the storage, newest first, and what is damaged so that nobody knows of what it is. */
export async function searchBackups(
	this: ILoadOptionsFunctions,
	filter = '',
	page?: string,
): Promise<INodeListSearchResult> {
	return await backupsFound(this, filter, page, { ownFolder: '', withDamaged: true });
}
