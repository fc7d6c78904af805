import type { Client } from 'pg';

import { BackupError } from '../../errors';
import { quoteIdentifier, translateError } from '../connection';

import { type RestoreSelection, SelectionFilter } from './selection';
import type { SourceFacts } from './source';

/** SQLSTATE of DROP and of TRUNCATE where something else needs the table. */
const NEEDED = new Set(['2BP01', '0A000']);

/** Those of the chosen tables that the database has. */
async function present(client: Client, keys: string[]): Promise<string[]> {
	const names = keys.map((key) => key.split('\0'));
	const { rows } = await client.query<{ schema: string; name: string }>(
		`SELECT n.nspname::text AS schema, c.relname::text AS name FROM pg_catalog.pg_class c
		JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		JOIN unnest($1::text[], $2::text[]) AS wanted (schema, name) ON wanted.schema = n.nspname::text AND wanted.name = c.relname::text
		WHERE c.relkind IN ('r', 'p', 'f')`,
		[names.map(([schema]) => schema), names.map(([, name]) => name)],
	);
	return rows.map(({ schema, name }) => `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`);
}

/**
 * Makes room in an existing database: drops or empties the chosen tables, all in one statement and without CASCADE, so
 * that nothing outside of the choice goes with them.
 * @throws BackupError INVALID_INPUT when all of a database would be dropped; TARGET_FAILED where something else depends
 * on a table.
 */
export async function emptyTables(
	client: Client,
	facts: SourceFacts,
	filter: SelectionFilter,
	how: 'truncate' | 'drop',
): Promise<void> {
	const wanted = [...new Set([...facts.relations, ...(facts.expectedRows?.keys() ?? [])])].filter((key) =>
		filter.wantsTable(key),
	);
	const tables = await present(client, wanted);
	if (tables.length === 0) return;
	try {
		await client.query(`${how === 'drop' ? 'DROP TABLE' : 'TRUNCATE TABLE'} ${tables.join(', ')}`);
	} catch (error) {
		const failure = translateError(
			error,
			'target',
			`Could not ${how === 'drop' ? 'drop' : 'empty'} the tables; nothing was changed`,
		);
		if (!NEEDED.has((error as { code?: string }).code ?? '')) throw failure;
		throw new BackupError(failure.code, failure.message, {
			hint: 'Something outside of the selection needs one of them: select that as well, or drop it first.',
			cause: error,
		});
	}
}

/** @throws BackupError INVALID_INPUT when all of a database would be dropped. */
export function checkDrop(selection: RestoreSelection): void {
	if (!new SelectionFilter(selection).all) return;
	throw new BackupError(
		'INVALID_INPUT',
		'Dropping tables first needs a choice of tables or schemas; nothing was changed.',
		{
			hint: 'To replace a whole database, restore with Safe Swap.',
		},
	);
}
