import type { ILoadOptionsFunctions, INodePropertyOptions } from 'n8n-workflow';

import { listDatabases } from '../../../engine';
import { toNodeError } from '../../shared/errors';
import { withPostgres } from '../../shared/postgresConnection';

/** The databases that the credential's user may connect to. */
export async function getDatabases(this: ILoadOptionsFunctions): Promise<INodePropertyOptions[]> {
	try {
		const names = await withPostgres(this, 0, { connectTimeout: 10_000 }, listDatabases);
		return names.map((name) => ({ name, value: name }));
	} catch (error) {
		throw toNodeError(this.getNode(), error);
	}
}
