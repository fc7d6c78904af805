import type { ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';

import { listAliases, listCollections, type QdrantConnection } from '../../../engine';
import { toListError } from '../../shared/errors';
import { matching } from '../../shared/listSearch/matching';
import { qdrantConnection } from '../../shared/qdrantConnection';

async function aliasesOf(connection: QdrantConnection) {
	const aliases = await listAliases(connection);
	return aliases.map(({ alias, collection }) => ({ name: `${alias}, alias of ${collection}`, value: alias }));
}

/** What may be restored over: collections, and for a safe swap, which moves an alias, aliases before them. */
export async function searchTargets(this: ILoadOptionsFunctions, filter = ''): Promise<INodeListSearchResult> {
	try {
		const connection = await qdrantConnection(this, 0, { connectTimeout: 10 });
		const aliases = this.getCurrentNodeParameter('target') === 'safeSwap' ? await aliasesOf(connection) : [];
		const names = await listCollections(connection);
		return matching([...aliases, ...names.map((name) => ({ name, value: name }))], filter);
	} catch (error) {
		throw toListError(this.getNode(), error);
	}
}
