import type { ILoadOptionsFunctions, INodePropertyOptions } from 'n8n-workflow';

import { toNodeError } from '../../shared/errors';
import { chosenManifest } from '../chosenManifest';

/** A name in SQL's spelling: quoted unless it is sure to be read as it stands. */
function spelled(name: string): string {
	return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

/** The tables that the chosen backup holds. */
export async function getBackupTables(this: ILoadOptionsFunctions): Promise<INodePropertyOptions[]> {
	try {
		const { tables = [] } = (await chosenManifest(this)) ?? {};
		return tables.map(({ schema, name, rows }) => {
			const table = `${spelled(schema)}.${spelled(name)}`;
			return { name: table, value: table, description: `${rows.toLocaleString('en-US')} rows` };
		});
	} catch (error) {
		throw toNodeError(this.getNode(), error);
	}
}
