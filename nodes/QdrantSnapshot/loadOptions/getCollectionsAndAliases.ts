import type { ILoadOptionsFunctions, INodePropertyOptions } from 'n8n-workflow';

import { listAliases, listCollections } from '../../../engine';
import { toNodeError } from '../../shared/errors';
import { qdrantConnection } from '../../shared/qdrantConnection';

/** Every name by which clients may use a collection. */
export async function getCollectionsAndAliases(this: ILoadOptionsFunctions): Promise<INodePropertyOptions[]> {
	try {
		const connection = await qdrantConnection(this, 0, { connectTimeout: 10 });
		const [aliases, names] = await Promise.all([listAliases(connection), listCollections(connection)]);
		return [
			...aliases.map(({ alias, collection }) => ({
				name: alias,
				value: alias,
				description: `Alias of the collection ${collection}`,
			})),
			...names.map((name) => ({ name, value: name, description: 'Collection' })),
		];
	} catch (error) {
		throw toNodeError(this.getNode(), error);
	}
}
