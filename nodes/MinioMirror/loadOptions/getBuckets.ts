import type { ILoadOptionsFunctions, INodePropertyOptions } from 'n8n-workflow';

import { listBuckets } from '../../../engine';
import { toNodeError } from '../../shared/errors';
import type { Fields } from '../../shared/fields';
import { s3Connection } from '../../shared/s3Connection';

/** The buckets of the server. */
export async function getBuckets(this: ILoadOptionsFunctions): Promise<INodePropertyOptions[]> {
	try {
		const options = (this.getCurrentNodeParameter('options') ?? {}) as Fields;
		const names = await listBuckets(await s3Connection(this, 0, options, true));
		return names.map((name) => ({ name, value: name }));
	} catch (error) {
		throw toNodeError(this.getNode(), error);
	}
}
