import type { Client } from 'pg';

import { quoteIdentifier } from '../connection';
import type { DatabaseProperties } from '../dump/databaseProperties';

import { literal } from './databases';
import type { OwnerMapping } from './ownership';

const PRIVILEGES: Record<string, string> = { C: 'CREATE', T: 'TEMPORARY', c: 'CONNECT' };

/** An entry of an access control list. */
export interface DatabaseGrant {
	/** Undefined for PUBLIC. */
	grantee: string | undefined;
	privileges: string[];
	/** Those of the privileges that the grantee may grant on. */
	grantable: string[];
}

/** Reads an aclitem: `"odd role"=c*T/owner`, and `=Tc/owner` for PUBLIC. */
export function parseDatabaseGrant(item: string): DatabaseGrant {
	const [, quoted, bare, letters = ''] = /^(?:"((?:[^"]|"")*)"|([^=]*))=([a-zA-Z*]*)/.exec(item) ?? [];
	const grantee = quoted?.replaceAll('""', '"') ?? bare ?? '';
	const granted = [...letters.matchAll(/([a-zA-Z])(\*?)/g)].map(([, letter = '', star]) => ({
		name: PRIVILEGES[letter],
		star,
	}));
	const names = (list: typeof granted) => list.flatMap(({ name }) => name ?? []);
	return {
		grantee: grantee === '' ? undefined : grantee,
		privileges: names(granted),
		grantable: names(granted.filter(({ star }) => star === '*')),
	};
}

/** The whole list anew: a database begins with CONNECT and TEMPORARY for everybody. */
function privilegeStatements(database: string, items: string[], owner: string, roles: ReadonlySet<string>): string[] {
	const grants = items
		.map(parseDatabaseGrant)
		.filter(({ grantee }) => grantee === undefined || (grantee !== owner && roles.has(grantee)));
	return [
		`REVOKE ALL ON DATABASE ${database} FROM PUBLIC`,
		...grants.flatMap(({ grantee, privileges, grantable }) => {
			const to = grantee === undefined ? 'PUBLIC' : quoteIdentifier(grantee);
			const plain = privileges.filter((privilege) => !grantable.includes(privilege));
			return [
				...(plain.length > 0 ? [`GRANT ${plain.join(', ')} ON DATABASE ${database} TO ${to}`] : []),
				...(grantable.length > 0
					? [`GRANT ${grantable.join(', ')} ON DATABASE ${database} TO ${to} WITH GRANT OPTION`]
					: []),
			];
		}),
	];
}

async function existingRoles(client: Client, names: string[]): Promise<Set<string>> {
	const { rows } = await client.query<{ name: string }>(
		'SELECT rolname::text AS name FROM pg_catalog.pg_roles WHERE rolname = ANY ($1)',
		[names],
	);
	return new Set(rows.map(({ name }) => name));
}

async function run(client: Client, statements: Array<{ what: string; sql: string }>): Promise<string[]> {
	const warnings: string[] = [];
	for (const { what, sql } of statements) {
		await client.query(sql).catch((error: Error & { severity?: string }) => {
			if (error.severity !== 'ERROR') throw error;
			warnings.push(`${what} of the database could not be restored: ${error.message}`);
		});
	}
	return warnings;
}

/**
 * Gives a new database the comment, settings, limits and privileges of the one it came from. What names a role that this
 * server lacks, or asks for more rights than the user has, becomes a warning: the data is in place by then.
 */
export async function applyProperties(
	client: Client,
	name: string,
	properties: DatabaseProperties,
	privileges: boolean,
): Promise<string[]> {
	const database = quoteIdentifier(name);
	const { comment, connectionLimit, settings } = properties;
	const items = privileges ? properties.privileges : undefined;
	const grantees = (items ?? []).flatMap((item) => parseDatabaseGrant(item).grantee ?? []);
	const needed = [...new Set([...settings.flatMap(({ role }) => role ?? []), ...grantees])];
	const roles = await existingRoles(client, needed);
	const statements = [
		...(comment === undefined
			? []
			: [{ what: 'The comment', sql: `COMMENT ON DATABASE ${database} IS ${literal(comment)}` }]),
		...(connectionLimit < 0
			? []
			: [{ what: 'The connection limit', sql: `ALTER DATABASE ${database} CONNECTION LIMIT ${connectionLimit}` }]),
		...settings
			.filter(({ role }) => role === undefined || roles.has(role))
			.map((setting) => ({ what: `The setting ${setting.name}`, sql: settingStatement(database, setting) })),
		...(items
			? privilegeStatements(database, items, properties.owner, roles).map((sql) => ({ what: 'A privilege', sql }))
			: []),
	];
	const missing = needed.filter((role) => !roles.has(role));
	const warnings = missing.map(
		(role) => `The server lacks the role "${role}": what was set or granted to it on the database was left out.`,
	);
	return [...warnings, ...(await run(client, statements))];
}

/** Gives a database the owner it had, or the one that was asked for. Returns warnings, as applyProperties does. */
export async function applyOwner(
	client: Client,
	name: string,
	{ owner: dumped }: DatabaseProperties,
	owner: OwnerMapping,
): Promise<string[]> {
	if (owner.type === 'none') return [];
	const role = owner.type === 'role' ? owner.role : dumped;
	if (!(await existingRoles(client, [role])).has(role))
		return [`The server lacks the role "${role}", which owned the database.`];
	return await run(client, [
		{ what: 'The owner', sql: `ALTER DATABASE ${quoteIdentifier(name)} OWNER TO ${quoteIdentifier(role)}` },
	]);
}

function settingStatement(database: string, { role, name, value }: DatabaseProperties['settings'][number]): string {
	const where = role === undefined ? `DATABASE ${database}` : `ROLE ${quoteIdentifier(role)} IN DATABASE ${database}`;
	return `ALTER ${where} SET ${name.split('.').map(quoteIdentifier).join('.')} TO ${settingValue(name, value)}`;
}

/** Settings that are lists of names keep their quotes as they are (GUC_LIST_QUOTE in PostgreSQL's source). */
const LISTS = new Set([
	'search_path',
	'session_preload_libraries',
	'shared_preload_libraries',
	'local_preload_libraries',
	'temp_tablespaces',
	'unix_socket_directories',
]);

function settingValue(name: string, value: string): string {
	if (!LISTS.has(name.toLowerCase())) return literal(value);
	return value.trim() === '' ? "''" : value;
}
