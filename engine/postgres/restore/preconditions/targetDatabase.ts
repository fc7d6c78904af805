import type { Client } from 'pg';

import { BackupError } from '../../../errors';
import { assertRoomForCopy } from '../../../archive';
import { type PostgresConnection, withClient } from '../../connection';
import { assertOwnSession } from '../../pooler';
import { checkVersionOf } from '../../serverVersion';
import { databaseExists, keptCopies, Maintenance, MAY_NOT_CREATE } from '../databases';
import type { RestoreTarget } from '../options';

/** @throws BackupError TARGET_EXISTS for a database that is there already */
export async function checkNew(client: Client, database: string): Promise<void> {
	if (!(await databaseExists(client, database))) return;
	throw new BackupError('TARGET_EXISTS', `The database "${database}" exists already; nothing was changed.`, {
		hint: 'Choose another name, or restore with Safe Swap, which replaces the database once the restore is complete.',
	});
}

/** Makes sure that the database can be replaced by a swap at the end. @throws BackupError INVALID_INPUT, ACCESS_DENIED */
export async function checkReplaceable(client: Client, database: string): Promise<void> {
	const { rows } = await client.query<{ template: boolean; owned: boolean; owner: string }>(
		`SELECT datistemplate AS template, pg_catalog.pg_get_userbyid(datdba)::text AS owner,
			pg_catalog.pg_has_role(datdba, 'USAGE') AS owned FROM pg_catalog.pg_database WHERE datname = $1`,
		[database],
	);
	const [found] = rows;
	if (!found) {
		throw new BackupError('INVALID_INPUT', `There is no database "${database}" to be replaced; nothing was changed.`, {
			hint: 'Restore into a new database instead.',
		});
	}
	if (found.template) {
		throw new BackupError(
			'INVALID_INPUT',
			`"${database}" is a template, which other databases are made from; nothing was changed.`,
			{ hint: 'Restore into a new database, or into this one as it stands (Restore Into).' },
		);
	}
	if (found.owned) return;
	throw new BackupError(
		'ACCESS_DENIED',
		`The user may not rename the database "${database}", which belongs to "${found.owner}"; nothing was changed.`,
		{ hint: 'Use a credential of its owner or of a superuser, or restore into a new database.' },
	);
}

/** Makes sure that the session can write. @throws BackupError ACCESS_DENIED for a user, TARGET_FAILED for a standby */
export async function checkWritable(client: Client): Promise<void> {
	const { rows } = await client.query<{ standby: boolean; reads: boolean; user: string }>(
		`SELECT pg_catalog.pg_is_in_recovery() AS standby, current_user::text AS user,
			pg_catalog.current_setting('default_transaction_read_only')::boolean AS reads`,
	);
	const [session] = rows;
	if (session?.standby) {
		throw new BackupError('TARGET_FAILED', 'The server is a standby, which takes no changes; nothing was changed.', {
			hint: 'Restore on its primary server: the standby gets all from that.',
		});
	}
	if (!session?.reads) return;
	throw new BackupError(
		'ACCESS_DENIED',
		`The sessions of "${session.user}" may only read (default_transaction_read_only is on); nothing was changed.`,
		{
			hint: 'Use a credential that may write, or reset the setting where it was made: ALTER ROLE ... RESET default_transaction_read_only, or ALTER DATABASE ... RESET.',
		},
	);
}

/** @throws BackupError ACCESS_DENIED for a user without the right to create databases */
async function checkMayCreate(client: Client): Promise<void> {
	const { rows } = await client.query<{ user: string }>(
		`SELECT rolname::text AS user FROM pg_catalog.pg_roles WHERE rolname = current_user AND NOT rolcreatedb AND NOT rolsuper`,
	);
	const [user] = rows;
	if (!user) return;
	throw new BackupError('ACCESS_DENIED', `"${user.user}" may not create databases; nothing was changed.`, {
		hint: MAY_NOT_CREATE,
	});
}

/**
 * Logs in to the server and checks that the database is there, or is not there, before the dump is read, which may take hours.
 * The connection is closed again, for one that is idle for so long may be cut.
 * @throws BackupError TARGET_UNREACHABLE, ACCESS_DENIED, INVALID_INPUT, TARGET_EXISTS, UNSUPPORTED_VERSION, CANCELLED
 */
export async function checkTargetDatabase(
	connection: PostgresConnection,
	target: RestoreTarget,
	signal?: AbortSignal,
): Promise<void> {
	const { type, database } = target;
	if (type === 'existing') {
		const check = async (client: Client) => {
			await checkVersionOf(client, 'target');
			await assertOwnSession(client, connection, 'target', { database, signal });
			await checkWritable(client);
		};
		await withClient(connection, 'target', { database, signal }, check);
		return;
	}
	const maintenance = await Maintenance.open(connection, database, signal);
	try {
		await checkVersionOf(maintenance.client, 'target');
		await assertOwnSession(maintenance.client, maintenance.connection, 'target', { signal });
		await checkWritable(maintenance.client);
		await checkMayCreate(maintenance.client);
		if (type === 'newDatabase') await checkNew(maintenance.client, database);
		else await checkReplaceable(maintenance.client, database);
		if (type === 'safeSwap' && target.keptCopies !== undefined) {
			assertRoomForCopy(database, await keptCopies(maintenance.client, database), target.keptCopies);
		}
	} finally {
		await maintenance.close();
	}
}
