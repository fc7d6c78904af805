import type { ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';

import { entriesOffered } from '../../shared/tree/offers';
import { OFFERED_OBJECTS } from '../backupContent';

/** The objects of the chosen backup, in the order of keys, and after them their older versions. */
export async function searchEntries(
	this: ILoadOptionsFunctions,
	filter = '',
	page?: string,
): Promise<INodeListSearchResult> {
	return await entriesOffered(this, OFFERED_OBJECTS, filter, page);
}
