import { BackupError } from '../../../errors';
import { type PostgresConnection, withClient } from '../../connection';
import type { RestoredTable } from '../report';
import type { SourceFacts } from '../source';

/** Sets what was loaded against what was promised. Keys are table keys. */
export function compareRows(
	loaded: ReadonlyMap<string, number>,
	expected: ReadonlyMap<string, number> | undefined,
): RestoredTable[] {
	const keys = new Set([...(expected?.keys() ?? []), ...loaded.keys()]);
	return [...keys].map((key) => {
		const [schema = '', name = ''] = key.split('\0');
		return { schema, name, rows: loaded.get(key) ?? 0, expected: expected?.get(key) };
	});
}

/** Tables that took another number of rows than the source promised, as `schema.name: 2 of 3 rows`. */
export function shortTables(tables: RestoredTable[]): string[] {
	return tables
		.filter(({ rows, expected }) => expected !== undefined && rows !== expected)
		.map(({ schema, name, rows, expected }) => `${schema}.${name}: ${rows} of ${expected} rows`);
}

/**
 * Makes sure that every table has all rows that the source promised.
 * @throws BackupError TARGET_FAILED, with `details.shortTables`
 */
export function checkComplete(
	loaded: ReadonlyMap<string, number>,
	{ expectedRows }: SourceFacts,
	isWanted: (table: string) => boolean,
): void {
	const expected = new Map([...(expectedRows ?? [])].filter(([table]) => isWanted(table)));
	const short = shortTables(compareRows(loaded, expected));
	if (short.length === 0) return;
	throw new BackupError(
		'TARGET_FAILED',
		`The tables did not take what the backup promised: ${short.slice(0, 5).join(', ')}; nothing was changed.`,
		{
			hint: 'Something in the target takes rows away, or the manifest does not belong to the archive: verify the backup.',
			details: { shortTables: short },
		},
	);
}

/** What holds rows of its own; temporary tables belong to sessions. */
const TABLES = `SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name
	FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
	ORDER BY 1`;

async function tablesOf(connection: PostgresConnection, database: string): Promise<string[]> {
	return await withClient(connection, 'target', { database }, async (client) => {
		const { rows } = await client.query<{ name: string }>(TABLES);
		return rows.map(({ name }) => name);
	});
}

/**
 * Tables of one database that another does not have, in SQL's spelling. Some dumps made by others do not show that they
 * are part of a database; their tables do.
 */
export async function lostTables(connection: PostgresConnection, before: string, after: string): Promise<string[]> {
	const there = new Set(await tablesOf(connection, after));
	return (await tablesOf(connection, before)).filter((name) => !there.has(name));
}
