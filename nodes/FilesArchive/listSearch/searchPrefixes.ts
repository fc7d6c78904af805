import type { ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';

import { prefixesOffered } from '../../shared/tree/offers';
import { OFFERED } from '../backupContent';

/** The folders of the chosen backup, in the order of paths. */
export async function searchPrefixes(
	this: ILoadOptionsFunctions,
	filter = '',
	page?: string,
): Promise<INodeListSearchResult> {
	return await prefixesOffered(this, OFFERED, filter, page);
}
