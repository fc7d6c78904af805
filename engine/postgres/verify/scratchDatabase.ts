import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

import type { Client } from 'pg';

import { BackupError, messageOf, throwIfCancelled } from '../../errors';
import type { CheckContext } from '../../verify/types';
import { withAnyDatabase } from '../anyDatabase';
import type { PostgresConnection } from '../connection';
import { quoteIdentifier, quoteLiteral } from '../quoting';
import { dropDatabase, Maintenance } from '../restore';

const PREFIX = 'stack_backup_verify_';

/** Digits in base 36 of the minutes since 1970, which suffice up to the year 2084, and of a random number, one of sixty million. */
const DIGITS = 5;
const MINUTE = 60 * 1000;

/**
 * The name is the prefix, the minutes and the random number. So it shows its age from the first moment on, two names are never the
 * same, and it is short enough to be part of the name that a restore in progress has.
 */
const NAME = /^stack_backup_verify_([0-9a-z]{5})[0-9a-z]{5}(?:_restoring_[0-9_-]+_[0-9a-f]{6})?$/;

/** The comment on a database that was restored for a test. The name alone would not prove that, because users choose names freely. */
const MARK = 'Of a test restore by n8n-nodes-stack-backup; dropped by another one once it is a day old.';

/** Milliseconds after which a scratch database that nobody is connected to counts as abandoned. */
const ABANDONED = 24 * 60 * 60 * 1000;

/** How often a drop is tried, and the milliseconds between two tries. */
const TRIES = 5;
const PAUSE = 1000;

/** A name for a database that is made for a test and dropped after it. */
export function scratchName(now = Date.now()): string {
	const numbers = [Math.floor(now / MINUTE), randomInt(36 ** DIGITS)];
	return PREFIX + numbers.map((number) => number.toString(36).padStart(DIGITS, '0')).join('');
}

/** The minute in which a scratch database was named, in milliseconds since 1970; undefined for any other database. */
export function scratchTime(name: string): number | undefined {
	const minutes = NAME.exec(name)?.[1];
	return minutes === undefined ? undefined : Number.parseInt(minutes, 36) * MINUTE;
}

/**
 * Marks a scratch database as one of ours. While it is being restored, its name marks it.
 * @throws BackupError TARGET_UNREACHABLE, TARGET_FAILED, CANCELLED
 */
export async function markScratch(
	connection: PostgresConnection,
	database: string,
	signal?: AbortSignal,
): Promise<void> {
	await withAnyDatabase(connection, 'target', { signal }, (client) =>
		client.query(`COMMENT ON DATABASE ${quoteIdentifier(database)} IS ${quoteLiteral(MARK)}`),
	);
}

/**
 * Lets `use` restore into a database of a new name, and drops it whatever happens, unless it turns out to be somebody else's.
 * @throws what `use` throws
 */
export async function withScratchDatabase<T>(
	connection: PostgresConnection,
	context: CheckContext,
	use: (database: string) => Promise<T>,
): Promise<T> {
	const database = scratchName();
	let isAnothers = false;
	try {
		return await use(database);
	} catch (error) {
		isAnothers = error instanceof BackupError && error.code === 'TARGET_EXISTS';
		throw error;
	} finally {
		if (!isAnothers) await dropScratch(connection, database, context);
	}
}

/**
 * Drops a scratch database, also after a cancel. Where the connection is lost or the server restarts, it tries again; a
 * database that stays is named in a warning.
 */
async function dropScratch(
	connection: PostgresConnection,
	database: string,
	{ found, log }: CheckContext,
): Promise<void> {
	for (let attempt = 1; ; attempt++) {
		try {
			const maintenance = await Maintenance.open(connection, database);
			try {
				for (const name of await scratchesOf(maintenance.client, database))
					await dropDatabase(maintenance.client, name, maintenance.version);
			} finally {
				await maintenance.close();
			}
			log(`the scratch database "${database}" was dropped`);
			return;
		} catch (error) {
			if (attempt === TRIES) {
				found({
					severity: 'warning',
					message: `The scratch database "${database}" could not be dropped: ${messageOf(error)}`,
					hint: `The next test restore on this server drops it once it is a day old; or drop "${database}" by hand.`,
				});
				return;
			}
			await pause(PAUSE);
		}
	}
}

/** The names of the database itself and of staging databases that an unfinished restore into it has left. */
async function scratchesOf(client: Client, database: string): Promise<string[]> {
	const { rows } = await client.query<{ name: string }>(
		`SELECT datname::text AS name FROM pg_catalog.pg_database
		WHERE datname = $1 OR pg_catalog.left(datname::text, $2) = $1 || '_restoring_'`,
		[database, `${database}_restoring_`.length],
	);
	return rows.map(({ name }) => name).filter((name) => scratchTime(name) !== undefined);
}

/**
 * Drops the databases that killed test restores have left on a server: those that are named and marked as ours, are a day old and
 * have no connections. One that cannot be dropped stays, and is reported in the log.
 */
export async function dropAbandoned(
	{ client }: Pick<Maintenance, 'client'>,
	{ log, signal }: CheckContext,
	now = Date.now(),
): Promise<void> {
	const { rows } = await client.query<{ name: string }>(
		`SELECT datname::text AS name FROM pg_catalog.pg_database d WHERE pg_catalog.left(datname::text, $2) = $1
			AND (datname::text LIKE '%\\_restoring\\_%' OR pg_catalog.shobj_description(d.oid, 'pg_database') = $3)
			AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.datid = d.oid)`,
		[PREFIX, PREFIX.length, MARK],
	);
	for (const { name } of rows) {
		throwIfCancelled(signal);
		const since = scratchTime(name);
		if (since === undefined || now - since < ABANDONED) continue;
		const what = `"${name}", left by a test restore that was killed,`;
		await client.query(`DROP DATABASE IF EXISTS ${quoteIdentifier(name)}`).then(
			() => log(`${what} was dropped`),
			(error: unknown) => log(`${what} cannot be dropped: ${messageOf(error)}`),
		);
	}
}
