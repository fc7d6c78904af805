import type { ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';

import { backupsFound } from '../../shared/listSearch/searchBackups';
import { OFFERED } from '../backupContent';

/** The backups of files in the storage, newest first. */
export async function searchBackups(
	this: ILoadOptionsFunctions,
	filter = '',
	page?: string,
): Promise<INodeListSearchResult> {
	return await backupsFound(this, filter, page, OFFERED);
}
