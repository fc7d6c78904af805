import type { ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';

import { listDatabases } from '../../../engine';
import { toListError } from '../../shared/errors';
import { matching } from '../../shared/listSearch/matching';
import { withPostgres } from '../../shared/postgresConnection';

/** The databases that the credential's user may connect to. */
export async function searchDatabases(this: ILoadOptionsFunctions, filter = ''): Promise<INodeListSearchResult> {
	try {
		const names = await withPostgres(this, 0, { connectTimeout: 10_000 }, listDatabases);
		return matching(
			names.map((name) => ({ name, value: name })),
			filter,
		);
	} catch (error) {
		throw toListError(this.getNode(), error);
	}
}
