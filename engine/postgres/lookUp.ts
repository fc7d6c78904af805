import { connect, disconnect, type PostgresConnection, withClient } from './connection';

/** What a connection check tells. */
export interface ServerSummary {
	version: string;
	database: string;
	user: string;
	/** Bytes on the server's disk. */
	databaseSize: number | undefined;
}

/**
 * Logs in and asks the server who it is.
 * @throws BackupError SOURCE_UNREACHABLE, ACCESS_DENIED, INVALID_INPUT (no such database), with the server's message.
 */
export async function checkConnection(connection: PostgresConnection, signal?: AbortSignal): Promise<ServerSummary> {
	return await withClient(connection, 'source', { signal }, async (client) => {
		const { rows } = await client.query<{ version: string; size: string | null }>(
			`SELECT pg_catalog.current_setting('server_version') AS version,
				CASE WHEN pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CONNECT')
					THEN pg_catalog.pg_database_size(pg_catalog.current_database()) END AS size`,
		);
		const row = rows[0] as (typeof rows)[number];
		return {
			version: row.version,
			database: connection.database,
			user: connection.user,
			databaseSize: row.size === null ? undefined : Number(row.size),
		};
	});
}

async function names(connection: PostgresConnection, sql: string): Promise<string[]> {
	const client = await connect(connection, 'source');
	try {
		const { rows } = await client.query<{ name: string }>(sql);
		return rows.map(({ name }) => name);
	} finally {
		await disconnect(client);
	}
}

/** The databases one can connect to, templates left out. */
export async function listDatabases(connection: PostgresConnection): Promise<string[]> {
	return await names(
		connection,
		`SELECT datname::text AS name FROM pg_catalog.pg_database WHERE datallowconn AND NOT datistemplate
			AND pg_catalog.has_database_privilege(oid, 'CONNECT') ORDER BY datname`,
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
