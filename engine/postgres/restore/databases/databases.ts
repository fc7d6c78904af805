import { randomBytes } from 'node:crypto';

import type { Client } from 'pg';

import { BackupError, messageOf } from '../../../errors';
import { KEPT_SUFFIX } from '../../../archive';
import { translateError } from '../../connection';
import type { DatabaseLocale } from '../../dump/databaseProperties';
import { quoteIdentifier, quoteLiteral } from '../../quoting';
import { terminateSessionsOf, IN_USE, stillInUse } from '../../sessions';

/** Longest name that PostgreSQL keeps (NAMEDATALEN - 1), in bytes. */
const NAME_LIMIT = 63;

/** A database name that ends in `suffix`, cut to what PostgreSQL keeps. */
export function suffixedName(name: string, suffix: string): string {
	let base = name;
	while (Buffer.byteLength(base + suffix) > NAME_LIMIT) base = [...base].slice(0, -1).join('');
	return base + suffix;
}

/**
 * PostgreSQL cuts longer names without an error, and would then work on another database than the one that was named.
 * @throws BackupError INVALID_INPUT
 */
export function checkDatabaseName(name: string): void {
	const bytes = Buffer.byteLength(name);
	if (bytes > 0 && bytes <= NAME_LIMIT && !name.includes('\0')) return;
	const what = bytes > NAME_LIMIT ? `is ${bytes} bytes long` : 'is not a name for a database';
	throw new BackupError('INVALID_INPUT', `"${name}" ${what}; nothing was changed.`, {
		hint: `A database name of PostgreSQL has 1 to ${NAME_LIMIT} bytes; a letter with an accent takes two, most others that are not English three or four.`,
	});
}

export async function databaseExists(client: Client, name: string): Promise<boolean> {
	const { rowCount } = await client.query('SELECT FROM pg_catalog.pg_database WHERE datname = $1', [name]);
	return rowCount === 1;
}

/** A name that ends in `suffix` and that no database has. */
export async function freeName(client: Client, name: string, suffix: string): Promise<string> {
	for (let number = 1; ; number++) {
		const free = suffixedName(name, number === 1 ? suffix : `${suffix}_${number}`);
		if (!(await databaseExists(client, free))) return free;
	}
}

/** The databases that safe swaps of this one have kept, newest first. */
export async function keptCopies(client: Client, database: string): Promise<string[]> {
	const { rows } = await client.query<{ name: string }>(
		String.raw`SELECT datname::text AS name FROM pg_catalog.pg_database WHERE datname LIKE '%\_before\_%'`,
	);
	const suffixes = new Map(rows.map(({ name }) => [name, KEPT_SUFFIX.exec(name)?.[0]]));
	return [...suffixes]
		.filter(([name, suffix]) => suffix !== undefined && name === suffixedName(database, suffix))
		.sort(([, a = ''], [, b = '']) => (a < b ? 1 : -1))
		.map(([name]) => name);
}

const STAGING_SUFFIX = /_restoring_\d{8}_\d{6}_[0-9a-f]{6}$/;

/** The name of the staging database of a restore: it says of what, since when, and is nobody else's. */
export function stagingName(database: string, time: string): string {
	return suffixedName(database, `_restoring_${time}_${randomBytes(3).toString('hex')}`);
}

/**
 * Staging databases that earlier restores of this database have left, because they were killed or could not complete it. One
 * that a session is connected to may be somebody's who still restores, and is left out.
 */
export async function staleStagingDatabases(client: Client, database: string): Promise<string[]> {
	const { rows } = await client.query<{ name: string }>(
		String.raw`SELECT datname::text AS name FROM pg_catalog.pg_database d WHERE datname LIKE '%\_restoring\_%'
			AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.datid = d.oid) ORDER BY 1`,
	);
	const isOf = (name: string, suffix?: string) => suffix !== undefined && name === suffixedName(database, suffix);
	return rows.map(({ name }) => name).filter((name) => isOf(name, STAGING_SUFFIX.exec(name)?.[0]));
}

/** The clauses of CREATE DATABASE for an encoding and a locale. */
export function localeClauses(
	{ encoding, collate, ctype, localeProvider, locale, icuRules }: DatabaseLocale,
	serverVersion: number,
): string[] {
	const clauses = [
		`ENCODING ${quoteLiteral(encoding)}`,
		`LC_COLLATE ${quoteLiteral(collate)}`,
		`LC_CTYPE ${quoteLiteral(ctype)}`,
	];
	if (serverVersion < 150_000 || localeProvider === 'libc' || !locale) return clauses;
	clauses.push(`LOCALE_PROVIDER ${localeProvider}`);
	clauses.push(`${localeProvider === 'icu' ? 'ICU_LOCALE' : 'BUILTIN_LOCALE'} ${quoteLiteral(locale)}`);
	if (icuRules && serverVersion >= 160_000) clauses.push(`ICU_RULES ${quoteLiteral(icuRules)}`);
	return clauses;
}

/** SQLSTATE of a locale, a provider or an encoding that the server does not know or cannot combine. */
const LOCALE_REFUSED = new Set(['22023', '42809', '42704', '0A000', '42P17']);

const NO_RIGHT = '42501';

/** What to do without the right to create databases. */
export const MAY_NOT_CREATE =
	'Give the user the right to create databases (ALTER ROLE ... CREATEDB), or have an empty database made and restore into it as the existing database.';

/** The clause for a tablespace, if the server has it and the user may create objects in it; else a warning. */
async function tablespaceClause(
	client: Client,
	tablespace: string | undefined,
): Promise<{ clauses: string[]; warnings: string[] }> {
	if (tablespace === undefined) return { clauses: [], warnings: [] };
	const { rows } = await client.query<{ allowed: boolean }>(
		"SELECT pg_catalog.has_tablespace_privilege(oid, 'CREATE') AS allowed FROM pg_catalog.pg_tablespace WHERE spcname = $1",
		[tablespace],
	);
	const [found] = rows;
	if (found?.allowed) return { clauses: [`TABLESPACE ${quoteIdentifier(tablespace)}`], warnings: [] };
	const why = found ? 'The user may not create anything in the tablespace' : 'The server has no tablespace';
	const how = found ? 'grant the user CREATE on it' : 'create it first (a Globals backup holds it)';
	return {
		clauses: [],
		warnings: [
			`${why} ${quoteIdentifier(tablespace)}, the default one of the database that was backed up: the restored database lies in the server’s default one. To keep it apart, ${how}.`,
		],
	};
}

/**
 * Creates an empty database, with encoding, locale and tablespace of the one that was backed up where that is known. `what`
 * names it in errors. Resolves with warnings.
 * @throws BackupError ACCESS_DENIED (no CREATEDB right), TARGET_FAILED (a locale this server lacks).
 */
export async function createDatabase(
	client: Client,
	name: string,
	what: string,
	serverVersion: number,
	properties?: DatabaseLocale & { tablespace?: string },
): Promise<string[]> {
	const clauses = properties ? localeClauses(properties, serverVersion) : [];
	const place = await tablespaceClause(client, properties?.tablespace);
	const options = [...clauses, ...place.clauses].join(' ');
	try {
		await client.query(`CREATE DATABASE ${quoteIdentifier(name)} TEMPLATE template0 ${options}`);
		return place.warnings;
	} catch (error) {
		const { code = '' } = error as { code?: string };
		const failure = translateError(error, 'target', `Could not create the database "${what}"`);
		if (code === NO_RIGHT) {
			throw new BackupError(failure.code, failure.message, {
				hint: MAY_NOT_CREATE,
				cause: failure.cause,
			});
		}
		if (!properties || !LOCALE_REFUSED.has(code)) throw failure;
		throw new BackupError('TARGET_FAILED', `${failure.message}; it was backed up with ${clauses.join(' ')}`, {
			hint: 'Install that locale on the target server, or create an empty database with another one and restore into it as the existing database.',
			cause: failure.cause,
		});
	}
}

/**
 * Creates an empty database for a dump of another tool, with the encoding and locale that the dump states, or with the server's
 * own where this server lacks them. Resolves with warnings, which say so.
 * @throws BackupError as createDatabase does
 */
export async function createDatabaseAsStated(
	client: Client,
	name: string,
	what: string,
	serverVersion: number,
	stated: DatabaseLocale | undefined,
): Promise<string[]> {
	try {
		return await createDatabase(client, name, what, serverVersion, stated);
	} catch (error) {
		const { code = '' } = ((error as BackupError).cause ?? {}) as { code?: string };
		if (!stated || !LOCALE_REFUSED.has(code)) throw error;
		await createDatabase(client, name, what, serverVersion);
		const asked = localeClauses(stated, serverVersion).join(' ');
		return [
			`The dump is of a database with ${asked}, which this server cannot make (${messageOf((error as BackupError).cause)}). "${what}" has the encoding and locale that the server gives by default: texts may sort otherwise.`,
		];
	}
}

/**
 * Drops a database and terminates the sessions that are connected to it.
 * @throws BackupError TARGET_FAILED naming who stays connected; what the server says.
 */
export async function dropDatabase(client: Client, name: string, serverVersion: number): Promise<void> {
	const drop = `DROP DATABASE IF EXISTS ${quoteIdentifier(name)}`;
	if (serverVersion >= 130_000) {
		try {
			await client.query(`${drop} WITH (FORCE)`);
			return;
		} catch (error) {
			// The server refuses all of it where the user may not terminate one of the sessions.
			if ((error as { code?: string }).code !== NO_RIGHT) throw error;
		}
	}
	await terminateSessionsOf(client, name);
	try {
		await client.query(drop);
	} catch (error) {
		if ((error as { code?: string }).code !== IN_USE) throw error;
		throw await stillInUse(client, name, error);
	}
}
