import type { Client } from 'pg';

import { BackupError, messageOf } from '../errors';
import { type PostgresConnection, withClient } from './connection';

/**
 * Ends server sessions by their process ids, from a connection of its own: closing a socket alone does not stop a query
 * that waits for a lock or sorts, and what such a session locks stays locked. Best effort: a server that is gone has no
 * sessions left.
 */
export async function terminateSessions(connection: PostgresConnection, processIds: number[]): Promise<void> {
	if (processIds.length === 0) return;
	await withClient({ ...connection, connectTimeout: 1500 }, 'source', {}, async (client) => {
		await client.query('SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.unnest($1::int[]) AS pid', [
			processIds,
		]);
	}).catch(() => {});
}

/** SQLSTATE object_in_use: somebody is connected to the database. */
export const IN_USE = '55006';

/**
 * Sessions of a database. What kind one is shows only to those who may see it; autovacuum workers give way by themselves,
 * and background workers of extensions may never come back once ended, so both are left alone.
 */
const SESSIONS = `SELECT pid, coalesce(usename::text, backend_type, 'a session') AS who, application_name AS application,
		coalesce(backend_type IN ('client backend', 'walsender') OR backend_type LIKE 'logical replication%', usename IS NOT NULL) AS endable
	FROM pg_catalog.pg_stat_activity WHERE datname = $1 AND pid <> pg_catalog.pg_backend_pid() ORDER BY pid`;

interface Session {
	pid: number;
	who: string;
	application: string | null;
	endable: boolean;
}

async function sessionsOf(client: Client, database: string): Promise<Session[]> {
	return (await client.query<Session>(SESSIONS, [database])).rows;
}

/**
 * Ends the connections to a database, each by itself. Returns false where the user may not end all of them: those of
 * superusers, or of roles that the user is no member of.
 */
export async function terminateSessionsOf(client: Client, database: string): Promise<boolean> {
	let all = true;
	for (const { pid, endable } of await sessionsOf(client, database)) {
		if (!endable) continue;
		await client.query('SELECT pg_catalog.pg_terminate_backend($1)', [pid]).catch((error: unknown) => {
			if ((error as { code?: string }).code !== '42501') throw error;
			all = false;
		});
	}
	return all;
}

/** The error for a database that others stay connected to. Names them. */
export async function stillInUse(client: Client, database: string, cause: unknown): Promise<BackupError> {
	const sessions = await sessionsOf(client, database).catch(() => []);
	const names = sessions.map(({ who, application }) => (application ? `${who} (${application})` : who));
	const users = [...new Set(names)].slice(0, 10).join(', ');
	const message = users
		? `The database "${database}" is still in use by ${users}, which could not be disconnected.`
		: `The database "${database}" is still in use: ${messageOf(cause)}`;
	return new BackupError('TARGET_FAILED', message, {
		hint: 'Stop what is connected to it, or use a credential that may end these sessions (the same role, a member of pg_signal_backend, or a superuser), and run it again.',
		cause,
	});
}
