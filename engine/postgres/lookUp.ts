import { connect, disconnect, type PostgresConnection, withClient } from './connection';
import { readShared } from './sharedText';

async function names(connection: PostgresConnection, sql: string, shared = false): Promise<string[]> {
	const client = await connect(connection, 'source');
	try {
		const read = async () => (await client.query<{ name: string }>(sql)).rows.map(({ name }) => name);
		return shared ? await readShared(client, read) : await read();
	} finally {
		await disconnect(client);
	}
}

/** As restores name databases until they are complete: see restoreIntoStaging. */
const UNFINISHED = '_restoring_[0-9]{8}_[0-9]{6}_[0-9a-f]{6}$';

/** The databases one can connect to. Templates are left out, and what a restore has not completed. */
export async function listDatabases(connection: PostgresConnection): Promise<string[]> {
	return await names(
		connection,
		`SELECT datname::text AS name FROM pg_catalog.pg_database WHERE datallowconn AND NOT datistemplate
			AND datname !~ '${UNFINISHED}' AND pg_catalog.has_database_privilege(oid, 'CONNECT') ORDER BY datname`,
		true,
	);
}

/** The schemas of the connection's database, the system's left out. */
export async function listSchemas(connection: PostgresConnection): Promise<string[]> {
	return await names(
		connection,
		`SELECT nspname::text AS name FROM pg_catalog.pg_namespace
		WHERE nspname <> 'information_schema' AND nspname NOT LIKE 'pg\\_%' ORDER BY nspname`,
	);
}

/** The tables of the connection's database, in SQL's spelling: `public.users`, `public."Order Lines"`. */
export async function listTables(connection: PostgresConnection): Promise<string[]> {
	return await names(
		connection,
		`SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name FROM pg_catalog.pg_class c
		JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r', 'p') AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
		ORDER BY 1`,
	);
}

/**
 * The rows of one query to a database of the server. For small questions: the answer is read whole.
 * @throws BackupError TARGET_UNREACHABLE, ACCESS_DENIED, CANCELLED; what the server says
 */
export async function queryDatabase(
	connection: PostgresConnection,
	database: string,
	sql: string,
	values: unknown[],
	signal?: AbortSignal,
): Promise<Array<Record<string, unknown>>> {
	return await withClient(connection, 'target', { database, signal }, async (client) => {
		return (await client.query<Record<string, unknown>>(sql, values)).rows;
	});
}
