import { type PostgresConnection, withClient } from '../connection';

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
