import type { Client } from 'pg';

import { BackupError } from '../../errors';
import { quoteIdentifier } from '../connection';

import { type RestoreSelection, SelectionFilter } from './selection';
import type { SourceFacts } from './source';

/** Those of the chosen tables that the database has. */
async function present(client: Client, keys: string[]): Promise<string[]> {
	const { rows } = await client.query<{ schema: string; name: string }>(
		`SELECT n.nspname::text AS schema, c.relname::text AS name FROM pg_catalog.pg_class c
		JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'f')
			AND (n.nspname::text || '|' || c.relname::text) = ANY ($1)`,
		[keys.map((key) => key.replace('\0', '|'))],
	);
	return rows.map(({ schema, name }) => `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`);
}

/**
 * Makes room in an existing database: drops or empties the chosen tables, all in one statement and without CASCADE, so
 * that nothing outside of the choice goes with them.
 * @throws BackupError INVALID_INPUT when all of a database would be dropped; the server's error where something else
 * depends on a table.
 */
export async function emptyTables(client: Client, facts: SourceFacts, selection: RestoreSelection, how: 'truncate' | 'drop'): Promise<void> {
	const filter = new SelectionFilter(selection);
	if (how === 'drop' && filter.all) {
		throw new BackupError('INVALID_INPUT', 'Dropping tables first needs a choice of tables or schemas; nothing was changed.', {
			hint: 'To replace a whole database, restore with Safe Swap.',
		});
	}
	const tables = await present(client, [...(facts.expectedRows?.keys() ?? [])].filter((key) => filter.wantsTable(key)));
	if (tables.length > 0) await client.query(`${how === 'drop' ? 'DROP TABLE' : 'TRUNCATE TABLE'} ${tables.join(', ')}`);
}
