import type { ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';

import { prefixesOffered } from '../../shared/tree/offers';
import { OFFERED } from '../backupContent';

/** What the keys of the chosen backup begin with, up to a slash. */
export async function searchPrefixes(
	this: ILoadOptionsFunctions,
	filter = '',
	page?: string,
): Promise<INodeListSearchResult> {
	return await prefixesOffered(this, OFFERED, filter, page);
}
