import { type PostgresConnection, withClient } from './connection';

/**
 * Ends server sessions by their process ids, from a connection of its own: closing a socket alone does not stop a query
 * that waits for a lock or sorts, and what such a session locks stays locked. Best effort: a server that is gone has no
 * sessions left.
 */
export async function endSessions(connection: PostgresConnection, processIds: number[]): Promise<void> {
	if (processIds.length === 0) return;
	await withClient({ ...connection, connectTimeout: 1500 }, 'source', {}, async (client) => {
		await client.query('SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.unnest($1::int[]) AS pid', [
			processIds,
		]);
	}).catch(() => {});
}
