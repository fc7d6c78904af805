import type { ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';

import { backupsFound } from '../../shared/listSearch/searchBackups';
import { sidesOf } from '../sides';

/** The backups of all kinds in the storage that is copied from, newest first. */
export async function searchBackups(
	this: ILoadOptionsFunctions,
	filter = '',
	page?: string,
): Promise<INodeListSearchResult> {
	const { from } = sidesOf(this.getCurrentNodeParameter('direction'));
	return await backupsFound(this, filter, page, { ownFolder: '', storage: from });
}
