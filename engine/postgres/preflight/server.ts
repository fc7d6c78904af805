import type { Client } from 'pg';

import { clockFindings, finder, findingsOf, type SetupFinding } from '../../preflight';
import type { PostgresConnection } from '../connection';
import { assertOwnSession } from '../pooler';

import type { ServerView } from './facts';
import { counted } from './privileges';
import { ask } from './queries';

/** What holds for the whole server, as the user sees it. */
export async function serverFindings(
	client: Client,
	connection: PostgresConnection,
	view: ServerView,
	{ globals, parallel, signal }: { globals: boolean; parallel: number; signal?: AbortSignal },
): Promise<SetupFinding[]> {
	return [
		...transportFindings(connection, view),
		...(await timeFindings(client, connection)),
		...(await poolerFindings(client, connection, view, signal)),
		...connectionFindings(view, parallel),
		...(view.isStandby ? await standbyFindings(client, connection) : []),
		...(globals ? globalsFindings(connection, view) : []),
		...creationFindings(connection, view),
	];
}

const about = ({ host, port }: PostgresConnection) => `${host}:${port}`;

function transportFindings(connection: PostgresConnection, { hasTls, isPublic }: ServerView): SetupFinding[] {
	const { ok, warning } = finder('TLS', about(connection), 'backup');
	if (hasTls) return [ok('The connection is encrypted.')];
	if (!isPublic || connection.openStream) return [];
	return [
		warning(
			'Passwords and rows cross a public network without encryption.',
			'Set SSL to Require in the Postgres credential.',
		),
	];
}

async function timeFindings(client: Client, connection: PostgresConnection): Promise<SetupFinding[]> {
	const from = new Date();
	const [row] = await ask<{ now: string }>(
		client,
		'the time',
		'SELECT (extract(epoch FROM pg_catalog.clock_timestamp()) * 1000)::text AS now',
	);
	return clockFindings(about(connection), new Date(Number(row?.now)), { from, to: new Date() });
}

/** Whether a pool stands before the server, and whether it keeps the sessions of its clients apart. */
async function poolerFindings(
	client: Client,
	connection: PostgresConnection,
	{ processId }: ServerView,
	signal: AbortSignal | undefined,
): Promise<SetupFinding[]> {
	if (client.processID === processId) return [];
	const pooler = finder('Connection Pooler', about(connection), 'backup');
	return await findingsOf(pooler, async () => {
		await assertOwnSession(client, connection, 'source', { signal });
		return [pooler.ok('A pool stands before the server, and gives each client a session of its own.')];
	});
}

/** More than rows are read by: pg_dump's own is among them, and one more looks after what is stuck. */
function connectionFindings({ connections, user }: ServerView, parallel: number): SetupFinding[] {
	const wanted = Math.max(2, parallel) + 1;
	const { ok, problem } = finder('Connections', user, 'backup');
	if (connections >= wanted) return [ok(`${user} may open the connections that a back up needs.`)];
	return [
		problem(
			`A back up needs ${wanted} connections, and ${user} may open ${Math.max(0, connections)} more now.`,
			`ALTER ROLE ${user} CONNECTION LIMIT -1;\n-- That is one of the limits; the others are ALTER DATABASE ... CONNECTION LIMIT, and max_connections. Or lower Parallel Connections.`,
		),
	];
}

async function standbyFindings(client: Client, connection: PostgresConnection): Promise<SetupFinding[]> {
	const [row] = await ask<{ feedback: boolean; delay: string }>(
		client,
		'the settings of the standby',
		`SELECT pg_catalog.current_setting('hot_standby_feedback')::boolean AS feedback,
			pg_catalog.current_setting('max_standby_streaming_delay') AS delay`,
	);
	const { feedback, delay } = row as NonNullable<typeof row>;
	const backup = finder('Standby', about(connection), 'backup');
	const restore = finder('Standby', about(connection), 'restore');
	return [
		feedback && delay === '-1'
			? backup.ok('The server is a standby that waits for back ups.')
			: backup.warning(
					`The server is a standby that ends what is in the way of its replay (hot_standby_feedback ${feedback ? 'on' : 'off'}, max_standby_streaming_delay ${delay}), long back ups among it.`,
					'ALTER SYSTEM SET hot_standby_feedback = on;\nALTER SYSTEM SET max_standby_streaming_delay = -1;\nALTER SYSTEM SET max_standby_archive_delay = -1;\nSELECT pg_reload_conf();\n-- Run that on the standby; or back up the primary.',
				),
		restore.problem('Nothing can be restored into a standby.', 'Restore with a credential of the primary.'),
	];
}

function globalsFindings(connection: PostgresConnection, { readsPasswords, user }: ServerView): SetupFinding[] {
	const { ok, warning } = finder('Roles and Globals', about(connection), 'backup');
	if (readsPasswords) return [ok(`${user} may read roles with their password hashes.`)];
	return [
		warning(
			`${user} may not read pg_authid: roles are backed up without their password hashes.`,
			`GRANT SELECT ON pg_catalog.pg_authid TO ${user};\n-- Or switch Include Password Hashes off.`,
		),
	];
}

function creationFindings(connection: PostgresConnection, view: ServerView): SetupFinding[] {
	const { user, isSuper, mayCreateDatabases, isStandby, database } = view;
	if (isStandby) return [];
	const { ok, problem } = finder('Create Databases', about(connection), 'restore');
	const untrusted = view.extensions.filter(({ needsSuper, isAvailable }) => needsSuper && isAvailable);
	return [
		isSuper || mayCreateDatabases
			? ok(`${user} may create the databases that restores go into.`)
			: problem(`${user} may not create databases, which restores go into.`, `ALTER ROLE ${user} CREATEDB;`),
		...(isSuper || untrusted.length === 0
			? []
			: [
					finder('Extensions', database, 'restore').warning(
						`${user} may not create ${counted(untrusted.length, 'extension')} of the database: ${untrusted.map(({ name }) => name).join(', ')}.`,
						'Restore with the credential of a superuser.',
					),
				]),
	];
}
