import type { ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';

import { listBuckets } from '../../../engine';
import { toListError } from '../errors';
import type { Fields } from '../fields';
import { matching } from './matching';
import { s3Connection } from '../s3Connection';

/** The buckets of the server that the S3 credential of a node describes. */
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
