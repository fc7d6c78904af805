import type { ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';

import { listBuckets } from '../../../engine';
import { toListError } from '../../shared/errors';
import type { Fields } from '../../shared/fields';
import { matching } from '../../shared/listSearch/matching';
import { s3Connection } from '../../shared/s3Connection';

/** The buckets of the server. */
export async function searchBuckets(this: ILoadOptionsFunctions, filter = ''): Promise<INodeListSearchResult> {
	try {
		const options = (this.getCurrentNodeParameter('options') ?? {}) as Fields;
		const names = await listBuckets(await s3Connection(this, 0, options, true));
		return matching(
			names.map((name) => ({ name, value: name })),
			filter,
		);
	} catch (error) {
		throw toListError(this.getNode(), error);
	}
}
