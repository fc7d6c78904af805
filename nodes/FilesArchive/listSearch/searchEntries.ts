import type { ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';

import { entriesOffered } from '../../shared/tree/offers';
import { OFFERED } from '../backupContent';
import { TYPE_NAMES } from '../entryItem';

/** The files, folders and links of the chosen backup, in the order of paths. */
export async function searchEntries(
	this: ILoadOptionsFunctions,
	filter = '',
	page?: string,
): Promise<INodeListSearchResult> {
	return await entriesOffered(this, { ...OFFERED, typeName: ({ type }) => TYPE_NAMES[type] }, filter, page);
}
