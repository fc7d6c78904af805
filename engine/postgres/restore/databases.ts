import type { Client } from 'pg';

import { BackupError } from '../../errors';
import { quoteIdentifier, translateError } from '../connection';
import type { DatabaseProperties } from '../dump/databaseProperties';

import type { OwnerMapping } from './ownership';

/** Longest name that PostgreSQL keeps (NAMEDATALEN - 1), in bytes. */
const NAME_LIMIT = 63;

/** Tries of a rename while others keep connecting. */
const RENAME_TRIES = 20;

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

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

function localeClauses({ encoding, collate, ctype, localeProvider, locale, icuRules }: DatabaseProperties, serverVersion: number): string[] {
	const clauses = [`ENCODING ${literal(encoding)}`, `LC_COLLATE ${literal(collate)}`, `LC_CTYPE ${literal(ctype)}`];
	if (serverVersion < 150_000 || localeProvider === 'libc' || !locale) return clauses;
	clauses.push(`LOCALE_PROVIDER ${localeProvider}`);
	clauses.push(`${localeProvider === 'icu' ? 'ICU_LOCALE' : 'BUILTIN_LOCALE'} ${literal(locale)}`);
	if (icuRules && serverVersion >= 160_000) clauses.push(`ICU_RULES ${literal(icuRules)}`);
	return clauses;
}

/**
 * Creates an empty database, with encoding and locale of the one that was backed up where that is known.
 * @throws BackupError TARGET_EXISTS, ACCESS_DENIED (no CREATEDB right), TARGET_FAILED (a locale this server lacks).
 */
export async function createDatabase(client: Client, name: string, serverVersion: number, properties?: DatabaseProperties): Promise<void> {
	if (await databaseExists(client, name)) {
		throw new BackupError('TARGET_EXISTS', `The database "${name}" exists already; nothing was changed.`, {
			hint: 'Choose another name, or restore with Safe Swap, which replaces the database once the restore is complete.',
		});
	}
	const clauses = properties ? localeClauses(properties, serverVersion) : [];
	try {
		await client.query(`CREATE DATABASE ${quoteIdentifier(name)} TEMPLATE template0 ${clauses.join(' ')}`);
	} catch (error) {
		throw translateError(error, 'target', `Could not create the database "${name}"`);
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
	await client.query('SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE datname = $1 AND pid <> pg_catalog.pg_backend_pid()', [name]);
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

async function existingRoles(client: Client, names: string[]): Promise<Set<string>> {
	const { rows } = await client.query<{ name: string }>('SELECT rolname::text AS name FROM pg_catalog.pg_roles WHERE rolname = ANY ($1)', [names]);
	return new Set(rows.map(({ name }) => name));
}

/**
 * Gives a new database the comment, settings, limits and owner of the one it came from. What names a role that this
 * server lacks, or asks for more rights than the user has, becomes a warning: the data is in place by then.
 */
export async function applyProperties(client: Client, name: string, properties: DatabaseProperties, owner: OwnerMapping): Promise<string[]> {
	const database = quoteIdentifier(name);
	const roles = await existingRoles(client, [properties.owner, ...properties.settings.flatMap(({ role }) => role ?? [])]);
	const ownerName = owner.type === 'role' ? owner.role : owner.type === 'asDumped' && roles.has(properties.owner) ? properties.owner : undefined;
	const statements = [
		...(properties.comment === undefined ? [] : [`COMMENT ON DATABASE ${database} IS ${literal(properties.comment)}`]),
		...(properties.connectionLimit >= 0 ? [`ALTER DATABASE ${database} CONNECTION LIMIT ${properties.connectionLimit}`] : []),
		...properties.settings
			.filter(({ role }) => role === undefined || roles.has(role))
			.map(({ role, name: setting, value }) => `ALTER ${role === undefined ? `DATABASE ${database}` : `ROLE ${quoteIdentifier(role)} IN DATABASE ${database}`} SET ${setting.split('.').map(quoteIdentifier).join('.')} TO ${settingValue(setting, value)}`),
		...(ownerName === undefined ? [] : [`ALTER DATABASE ${database} OWNER TO ${quoteIdentifier(ownerName)}`]),
	];
	const warnings: string[] = [];
	for (const statement of statements) {
		await client.query(statement).catch((error: Error) => warnings.push(`${statement}: ${error.message}`));
	}
	return warnings;
}

/** Settings that are lists of names keep their quotes as they are (GUC_LIST_QUOTE in PostgreSQL's source). */
const LISTS = new Set(['search_path', 'session_preload_libraries', 'shared_preload_libraries', 'local_preload_libraries', 'temp_tablespaces', 'unix_socket_directories']);

function settingValue(name: string, value: string): string {
	if (!LISTS.has(name.toLowerCase())) return literal(value);
	return value.trim() === '' ? "''" : value;
}
