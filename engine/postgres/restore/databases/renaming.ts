import { setTimeout as pause } from 'node:timers/promises';

import type { Client } from 'pg';

import { BackupError, messageOf } from '../../../errors';
import { translateError } from '../../connection';
import { quoteIdentifier } from '../../quoting';
import { terminateSessionsOf, IN_USE, stillInUse } from '../../sessions';

import type { Maintenance } from './maintenance';

/** Tries while others keep connecting. The server itself waits up to five seconds in each. */
const TRIES = 20;

/** What a restore ends with: the restored database takes the name that was asked for. */
export interface NameChange {
	/** The name it was restored under. */
	restored: string;
	/** The name it gets. */
	database: string;
	/** The name that the database which has it now gets; undefined where there is none. */
	kept?: string;
}

interface Rename {
	from: string;
	to: string;
}

/** Tries once. Returns the error of a database that somebody is connected to; after any other, the transaction is open. */
async function tryRenames(client: Client, renames: Rename[]): Promise<unknown> {
	await client.query('BEGIN');
	for (const { from, to } of renames) {
		try {
			await client.query(`ALTER DATABASE ${quoteIdentifier(from)} RENAME TO ${quoteIdentifier(to)}`);
		} catch (error) {
			if ((error as { code?: string }).code !== IN_USE) throw error;
			await client.query('ROLLBACK');
			return error;
		}
	}
	await client.query('COMMIT');
	return undefined;
}

/** All of the renames or none, ending the connections until they get through between two of them. */
async function renameTogether(client: Client, renames: Rename[]): Promise<void> {
	for (let attempt = 1; ; attempt++) {
		const ended: boolean[] = [];
		for (const { from } of renames) ended.push(await terminateSessionsOf(client, from));
		const inUse = await tryRenames(client, renames);
		if (inUse === undefined) return;
		if (ended.includes(false) || attempt === TRIES) {
			throw await stillInUse(client, (renames[0] as Rename).from, inUse);
		}
		await pause(50 * attempt);
	}
}

/** The name of a database now, by what never changes of it. */
async function nameOf(client: Client, oid: number): Promise<string | undefined> {
	const { rows } = await client.query<{ name: string }>(
		'SELECT datname::text AS name FROM pg_catalog.pg_database WHERE oid = $1',
		[oid],
	);
	return rows[0]?.name;
}

async function oidOf(client: Client, name: string): Promise<number> {
	const { rows } = await client.query<{ oid: number }>('SELECT oid FROM pg_catalog.pg_database WHERE datname = $1', [
		name,
	]);
	if (rows[0]) return rows[0].oid;
	throw new BackupError('TARGET_FAILED', `The database "${name}" is gone: somebody else dropped or renamed it.`, {
		hint: 'Run the restore again, while nobody else works on these databases.',
	});
}

function unknownEnd({ restored, database, kept }: NameChange, error: unknown, cause: unknown): BackupError {
	const message = `The connection failed while the restored database got the name "${database}" (${messageOf(error)}), and the server could not be asked how that ended: ${messageOf(cause)}`;
	const before = kept === undefined ? '' : ` The database before is then kept as "${kept}".`;
	const otherwise = kept === undefined ? '' : ` and "${database}" is as it was`;
	return new BackupError('TARGET_UNREACHABLE', message, {
		hint: `Nothing was dropped. Look which databases there are: if there is no "${restored}", the restore is complete as "${database}".${before} Otherwise the restored data is in "${restored}"${otherwise}.`,
		details: { database, restoredDatabase: restored, previousDatabase: kept },
		cause,
	});
}

function refused(error: unknown, { restored, database, kept }: NameChange): BackupError {
	const inPlaceOf = kept === undefined ? '' : `; "${database}" would have been kept as "${kept}"`;
	const doing = `Could not rename the restored database "${restored}" to "${database}"${inPlaceOf}`;
	const failure = translateError(error, 'target', doing);
	if ((error as { code?: string }).code === '42P04') {
		return new BackupError('TARGET_EXISTS', failure.message, {
			hint: 'A database of that name was made meanwhile. Choose another name, or restore with Safe Swap.',
			cause: error,
		});
	}
	if (!(error instanceof BackupError)) return failure;
	return new BackupError(failure.code, `${doing}: ${failure.message}`, { hint: failure.hint, cause: failure.cause });
}

/**
 * Gives the restored database its name, and the one that has it another, in one transaction: the name is never without
 * a database. Where an error or a lost connection leaves open how that ended, the server is asked on a new connection;
 * only a restored database that did not get its name is dropped.
 * @throws BackupError naming the databases.
 */
export async function takeName(maintenance: Maintenance, change: NameChange): Promise<void> {
	const { restored, database, kept } = change;
	const renames = [...(kept === undefined ? [] : [{ from: database, to: kept }]), { from: restored, to: database }];
	let oid: number | undefined;
	let failure: unknown;
	try {
		oid = await oidOf(maintenance.client, restored);
		await renameTogether(maintenance.client, renames);
		return;
	} catch (error) {
		failure = error;
	}
	let name: string | undefined;
	try {
		await maintenance.renew();
		name = oid === undefined ? restored : await nameOf(maintenance.client, oid);
	} catch (error) {
		throw unknownEnd(change, failure, error);
	}
	if (name === database) return;
	throw await maintenance.dropStaging(restored, refused(failure, change), kept === undefined ? undefined : database);
}
