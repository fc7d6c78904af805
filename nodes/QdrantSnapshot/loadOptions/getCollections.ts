import type { ILoadOptionsFunctions, INodePropertyOptions } from 'n8n-workflow';

import { listCollections } from '../../../engine';
import { toNodeError } from '../../shared/errors';
import { qdrantConnection } from '../../shared/qdrantConnection';

/** The collections of the server. */
export async function getCollections(this: ILoadOptionsFunctions): Promise<INodePropertyOptions[]> {
	try {
		const names = await listCollections(await qdrantConnection(this, 0, { connectTimeout: 10 }));
		return names.map((name) => ({ name, value: name }));
	} catch (error) {
		throw toNodeError(this.getNode(), error);
	}
}
