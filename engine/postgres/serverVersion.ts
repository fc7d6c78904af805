import type { ClientBase } from 'pg';

import { BackupError } from '../errors';

import type { ServerRole } from './connection';
import { PG_DUMP_MAJOR } from './pgdump/bridge';

const OLDEST_MAJOR = 10;

/** Asks a server for its version and checks it. @throws BackupError as checkServerVersion does */
export async function checkVersionOf(client: ClientBase, role: ServerRole): Promise<void> {
	const { rows } = await client.query<{ version: number; text: string }>(
		`SELECT pg_catalog.current_setting('server_version_num')::int AS version,
			pg_catalog.current_setting('server_version') AS text`,
	);
	const { version, text } = rows[0] as (typeof rows)[number];
	checkServerVersion(version, text, role);
}

/**
 * @param version as server_version_num: 150018
 * @param text as the server writes it
 * @throws BackupError UNSUPPORTED_VERSION for a server older than 10, and for a source newer than the bundled pg_dump
 */
export function checkServerVersion(version: number, text: string, role: ServerRole): void {
	const major = Math.floor(version / 10_000);
	if (role === 'source' && major > PG_DUMP_MAJOR) {
		throw new BackupError(
			'UNSUPPORTED_VERSION',
			`The server is PostgreSQL ${text}; this version of the nodes carries pg_dump ${PG_DUMP_MAJOR}, which refuses newer servers.`,
			{ hint: 'Update the n8n-nodes-stack-backup package.' },
		);
	}
	if (major < OLDEST_MAJOR) {
		throw new BackupError(
			'UNSUPPORTED_VERSION',
			`The server is PostgreSQL ${text}; versions from ${OLDEST_MAJOR} on are supported.`,
			{
				hint:
					role === 'source'
						? 'Upgrade the server, or dump it with its own pg_dump.'
						: 'Upgrade the server, or restore with psql: the documentation tells how (Restore without n8n).',
			},
		);
	}
}
