/**
 * Connection pools that give a client another session of the server for each transaction (PgBouncer in transaction mode, Supavisor and
 * others). Settings of a session then fall on whatever session comes next: values could be written in another form than a backup
 * says, and what a restore switches off, triggers and the search path, would be off for applications that share the pool.
 */
import type { Client } from 'pg';

import { BackupError } from '../errors';
import { type PostgresConnection, type ServerRole, withClient } from './connection';

/** How often two clients are compared. A pool that is not busy gives both the same session at once. */
const LOOKS = 8;

/**
 * Makes sure that a connection has a session of its own for as long as it lasts. Where no pool is in between that takes one query:
 * the server's process is the one that was named at login.
 * @throws BackupError INVALID_INPUT where it has none, and what a second login fails with
 */
export async function assertOwnSession(
	client: Client,
	connection: PostgresConnection,
	role: ServerRole,
	options: { database?: string; signal?: AbortSignal | undefined } = {},
): Promise<void> {
	const own = await processOf(client);
	if (own === client.processID) return;
	const { database = client.database, signal } = options;
	await withClient(connection, role, { ...(database && { database }), ...(signal && { signal }) }, async (other) => {
		for (let look = 0; look < LOOKS; look++) {
			const others = await processOf(other);
			if (others === own || (await processOf(client)) !== own) throw shared();
		}
	});
}

async function processOf(client: Client): Promise<number> {
	const { rows } = await client.query<{ pid: number }>('SELECT pg_catalog.pg_backend_pid() AS pid');
	return (rows[0] as { pid: number }).pid;
}

function shared(): BackupError {
	return new BackupError(
		'INVALID_INPUT',
		'The server is reached through a connection pool that shares its sessions among clients (PgBouncer in transaction mode, or the like); nothing was changed.',
		{
			hint: 'Give the Postgres credential the address of the server itself, or that of a pool in session mode. Supabase: port 5432 instead of 6543. Neon: the host without "-pooler".',
		},
	);
}
