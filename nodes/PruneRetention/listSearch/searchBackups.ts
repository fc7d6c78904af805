import type { ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';

import { backupsFound } from '../../shared/listSearch/searchBackups';

/** The backups of all kinds in the storage, newest first. A pin is written into a manifest: damaged ones take none. */
export async function searchBackups(
	this: ILoadOptionsFunctions,
	filter = '',
	page?: string,
): Promise<INodeListSearchResult> {
	return await backupsFound(this, filter, page, { ownFolder: '' });
}
