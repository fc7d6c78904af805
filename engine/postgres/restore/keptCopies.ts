import type { Client } from 'pg';

import { KEPT_SUFFIX } from '../../keptCopies';

import { suffixedName } from './databases/databases';

/** The databases that safe swaps of this one have kept, newest first. */
export async function keptCopies(client: Client, database: string): Promise<string[]> {
	const { rows } = await client.query<{ name: string }>(
		String.raw`SELECT datname::text AS name FROM pg_catalog.pg_database WHERE datname LIKE '%\_before\_%'`,
	);
	const suffixes = new Map(rows.map(({ name }) => [name, KEPT_SUFFIX.exec(name)?.[0]]));
	return [...suffixes]
		.filter(([name, suffix]) => suffix !== undefined && name === suffixedName(database, suffix))
		.sort(([, a = ''], [, b = '']) => (a < b ? 1 : -1))
		.map(([name]) => name);
}
