import type { Client } from 'pg';

import { connect, disconnect, type PostgresConnection, type ServerRole } from './connection';

/** SQLSTATE of databases that one may not log in to: unknown, not allowed (two sorts), closed for connections. */
const TRY_ANOTHER = new Set(['3D000', '42501', '28000', '55000']);

interface AnyDatabaseOptions {
	/** It is not logged in to this one, which is to be dropped or renamed. */
	avoid?: string | undefined;
	signal?: AbortSignal | undefined;
}

/**
 * Logs in to the server for what belongs to it and not to a database: to the database of the connection, or, where that is
 * gone after a disaster, to one of those that every server has.
 * @throws BackupError as `connect` does, over the first database that was tried
 */
export async function connectToAny(
	connection: PostgresConnection,
	role: ServerRole,
	{ avoid, signal }: AnyDatabaseOptions,
): Promise<Client> {
	const candidates = [...new Set([connection.database, 'postgres', 'template1'])].filter((name) => name !== avoid);
	let failure: unknown;
	for (const database of candidates) {
		try {
			return await connect(connection, role, { database, signal });
		} catch (error) {
			const { code = '' } = ((error as Error).cause ?? {}) as { code?: string };
			failure ??= error;
			if (!TRY_ANOTHER.has(code)) break;
		}
	}
	throw failure;
}

/** Runs `use` on such a connection and closes it afterwards. */
export async function withAnyDatabase<T>(
	connection: PostgresConnection,
	role: ServerRole,
	options: AnyDatabaseOptions,
	use: (client: Client) => Promise<T>,
): Promise<T> {
	const client = await connectToAny(connection, role, options);
	try {
		return await use(client);
	} finally {
		await disconnect(client);
	}
}
