import { type ArchiveChoices, asBackUp, makeArchive, type Manifest } from '../archive';

import { type PostgresConnection, translateError, withClient } from './connection';
import { globalsScript } from './globals';
import { assertOwnSession } from './pooler';
import { checkServerVersion } from './serverVersion';
import { systemIdentifier } from './systemIdentifier';

export interface BackUpGlobalsOptions extends ArchiveChoices {
	connection: PostgresConnection;
	/** Whether password hashes are kept, where the user may read them; true by default. */
	passwords?: boolean;
}

/**
 * Stores what belongs to a server rather than to one of its databases (roles, memberships, tablespaces), as
 * `pg_dumpall --globals-only` does: `globals_<time>.sql.zst`.
 * @throws BackupError as backUpDatabase does.
 */
export async function backUpGlobals(options: BackUpGlobalsOptions): Promise<Manifest> {
	const { host, port } = options.connection;
	const series = { kind: 'postgres-globals', name: 'globals', origin: `${host}:${port}`, isWhole: true } as const;
	return await asBackUp(options, series, storeGlobals);
}

async function storeGlobals(options: BackUpGlobalsOptions): Promise<Manifest> {
	const { connection, signal } = options;
	const globals = await withClient(connection, 'source', { signal }, async (client) => {
		const { rows } = await client.query<{ version: string; number: number }>(
			"SELECT pg_catalog.current_setting('server_version') AS version, pg_catalog.current_setting('server_version_num')::int AS number",
		);
		const server = rows[0] as (typeof rows)[number];
		checkServerVersion(server.number, server.version, 'source');
		await assertOwnSession(client, connection, 'source', { signal });
		const system = await systemIdentifier(client);
		const script = await globalsScript(client, { passwords: options.passwords ?? true, signal });
		return { ...script, ...server, system };
	}).catch((error: unknown) => {
		throw translateError(error, 'source', 'Could not read the roles and globals of the server');
	});
	const archive = { name: 'globals', extension: 'sql', kind: 'postgres-globals' } as const;
	return await makeArchive(options, archive, async (writer) => {
		await writer.frame({ type: 'script' }, Buffer.from(globals.sql));
		return {
			source: {
				system: 'postgresql',
				version: globals.version,
				versionNumber: globals.number,
				host: connection.host,
				port: connection.port,
				systemIdentifier: globals.system,
			},
			counts: { roles: globals.roles, tablespaces: globals.tablespaces },
			options: { passwords: options.passwords ?? true },
			warnings: globals.warnings,
		};
	});
}
