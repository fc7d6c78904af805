import type { ILoadOptionsFunctions, INodePropertyOptions } from 'n8n-workflow';

import { toNodeError } from '../../shared/errors';
import { chosenManifest } from '../chosenManifest';

/** The schemas of the tables that the chosen backup holds. */
export async function getBackupSchemas(this: ILoadOptionsFunctions): Promise<INodePropertyOptions[]> {
	try {
		const { tables = [] } = (await chosenManifest(this)) ?? {};
		const schemas = new Set(tables.map(({ schema }) => schema));
		return [...schemas].sort().map((schema) => ({ name: schema, value: schema }));
	} catch (error) {
		throw toNodeError(this.getNode(), error);
	}
}
