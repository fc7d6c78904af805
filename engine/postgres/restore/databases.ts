import type { Client } from 'pg';

import { BackupError } from '../../errors';
import { quoteIdentifier, translateError } from '../connection';
import type { DatabaseProperties } from '../dump/databaseProperties';

/** Longest name that PostgreSQL keeps (NAMEDATALEN - 1), in bytes. */
const NAME_LIMIT = 63;

/** Tries of a rename while others keep connecting. */
const RENAME_TRIES = 20;

export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** A database name that ends in `suffix`, cut to what PostgreSQL keeps. */
export function suffixedName(name: string, suffix: string): string {
	let base = name;
	while (Buffer.byteLength(base + suffix) > NAME_LIMIT) base = [...base].slice(0, -1).join('');
	return base + suffix;
}

export async function databaseExists(client: Client, name: string): Promise<boolean> {
	const { rowCount } = await client.query('SELECT FROM pg_catalog.pg_database WHERE datname = $1', [name]);
	return rowCount === 1;
}

function localeClauses(
	{ encoding, collate, ctype, localeProvider, locale, icuRules }: DatabaseProperties,
	serverVersion: number,
): string[] {
	const clauses = [`ENCODING ${literal(encoding)}`, `LC_COLLATE ${literal(collate)}`, `LC_CTYPE ${literal(ctype)}`];
	if (serverVersion < 150_000 || localeProvider === 'libc' || !locale) return clauses;
	clauses.push(`LOCALE_PROVIDER ${localeProvider}`);
	clauses.push(`${localeProvider === 'icu' ? 'ICU_LOCALE' : 'BUILTIN_LOCALE'} ${literal(locale)}`);
	if (icuRules && serverVersion >= 160_000) clauses.push(`ICU_RULES ${literal(icuRules)}`);
	return clauses;
}

/** SQLSTATE of a locale, a provider or an encoding that the server does not know or cannot combine. */
const LOCALE_REFUSED = new Set(['22023', '42809', '42704', '0A000', '42P17']);

/**
 * Creates an empty database, with encoding and locale of the one that was backed up where that is known. `what` names it
 * in errors.
 * @throws BackupError ACCESS_DENIED (no CREATEDB right), TARGET_FAILED (a locale this server lacks).
 */
export async function createDatabase(
	client: Client,
	name: string,
	what: string,
	serverVersion: number,
	properties?: DatabaseProperties,
): Promise<void> {
	const clauses = properties ? localeClauses(properties, serverVersion) : [];
	try {
		await client.query(`CREATE DATABASE ${quoteIdentifier(name)} TEMPLATE template0 ${clauses.join(' ')}`);
	} catch (error) {
		const failure = translateError(error, 'target', `Could not create the database "${what}"`);
		if (!properties || !LOCALE_REFUSED.has((error as { code?: string }).code ?? '')) throw failure;
		throw new BackupError('TARGET_FAILED', `${failure.message}; it was backed up with ${clauses.join(' ')}`, {
			hint: 'Install that locale on the target server, or create an empty database with another one and restore into it as the existing database.',
			cause: error,
		});
	}
}

/** Drops a database and whatever is connected to it. */
export async function dropDatabase(client: Client, name: string, serverVersion: number): Promise<void> {
	if (serverVersion >= 130_000) await client.query(`DROP DATABASE IF EXISTS ${quoteIdentifier(name)} WITH (FORCE)`);
	else {
		await endConnections(client, name);
		await client.query(`DROP DATABASE IF EXISTS ${quoteIdentifier(name)}`);
	}
}

async function endConnections(client: Client, name: string): Promise<void> {
	await client.query(
		'SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE datname = $1 AND pid <> pg_catalog.pg_backend_pid()',
		[name],
	);
}

/** Renames a database, ending the connections to it until the rename gets through between two of them. */
export async function renameDatabase(client: Client, from: string, to: string): Promise<void> {
	for (let attempt = 1; ; attempt++) {
		await endConnections(client, from);
		try {
			await client.query(`ALTER DATABASE ${quoteIdentifier(from)} RENAME TO ${quoteIdentifier(to)}`);
			return;
		} catch (error) {
			// 55006 object_in_use: somebody has connected again, or is still leaving.
			if ((error as { code?: string }).code !== '55006' || attempt === RENAME_TRIES) {
				throw translateError(error, 'target', `Could not rename the database "${from}" to "${to}"`);
			}
			await new Promise((resolve) => setTimeout(resolve, 50 * attempt));
		}
	}
}
