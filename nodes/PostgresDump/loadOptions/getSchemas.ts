import type { ILoadOptionsFunctions, INodePropertyOptions } from 'n8n-workflow';

import { listSchemas } from '../../../engine';
import { toNodeError } from '../../shared/errors';
import { withPostgres } from '../../shared/postgresConnection';

/** The schemas of the credential's database. */
export async function getSchemas(this: ILoadOptionsFunctions): Promise<INodePropertyOptions[]> {
	try {
		const names = await withPostgres(this, 0, { connectTimeout: 10_000 }, listSchemas);
		return names.map((name) => ({ name, value: name }));
	} catch (error) {
		throw toNodeError(this.getNode(), error);
	}
}
