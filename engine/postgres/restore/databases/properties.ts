import type { Client } from 'pg';

import type { DatabaseProperties } from '../../dump/databaseProperties';
import { settingValue } from '../../globals';
import { quoteIdentifier, quoteLiteral } from '../../quoting';
import type { OwnerMapping } from '../options';

const PRIVILEGES: Record<string, string> = { C: 'CREATE', T: 'TEMPORARY', c: 'CONNECT' };

/** An entry of an access control list. */
export interface DatabaseGrant {
	/** Undefined for PUBLIC. */
	grantee: string | undefined;
	privileges: string[];
	/** The privileges that the grantee may grant to others. */
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

interface Statement {
	what: string;
	sql: string;
}

function grantStatements(database: string, { grantee, privileges, grantable }: DatabaseGrant): Statement[] {
	const to = grantee === undefined ? 'PUBLIC' : quoteIdentifier(grantee);
	const plain = privileges.filter((privilege) => !grantable.includes(privilege));
	return [
		...(plain.length > 0 ? [`GRANT ${plain.join(', ')} ON DATABASE ${database} TO ${to}`] : []),
		...(grantable.length > 0
			? [`GRANT ${grantable.join(', ')} ON DATABASE ${database} TO ${to} WITH GRANT OPTION`]
			: []),
	].map((sql) => ({ what: 'A privilege', sql }));
}

/**
 * Revokes what a new database begins with (CONNECT and TEMPORARY for everybody, all rights for its owner) and grants what the
 * dump says. The privileges of the dump's owner go to the user who restores: when the database changes its owner,
 * PostgreSQL passes them on to the new one.
 */
function privilegeStatements(database: string, grants: DatabaseGrant[], owner: string, restorer: string): Statement[] {
	const revoked = ['PUBLIC', quoteIdentifier(restorer)].map((from) => ({
		what: 'A privilege',
		sql: `REVOKE ALL ON DATABASE ${database} FROM ${from}`,
	}));
	const mapped = grants
		.filter(({ grantee }) => grantee === owner || grantee !== restorer)
		.map((grant) => (grant.grantee === owner ? { ...grant, grantee: restorer } : grant));
	return [...revoked, ...mapped.flatMap((grant) => grantStatements(database, grant))];
}

async function existingRoles(client: Client, names: string[]): Promise<Set<string>> {
	const { rows } = await client.query<{ name: string }>(
		'SELECT rolname::text AS name FROM pg_catalog.pg_roles WHERE rolname = ANY ($1)',
		[names],
	);
	return new Set(rows.map(({ name }) => name));
}

async function currentUser(client: Client): Promise<string> {
	const { rows } = await client.query<{ name: string }>('SELECT current_user::text AS name');
	return rows[0]?.name ?? '';
}

async function run(client: Client, statements: Statement[]): Promise<string[]> {
	const warnings: string[] = [];
	for (const { what, sql } of statements) {
		await client.query(sql).catch((error: Error & { severity?: string }) => {
			if (error.severity !== 'ERROR') throw error;
			warnings.push(`${what} of the database could not be restored: ${error.message}`);
		});
	}
	return warnings;
}

function missingRoles(names: string[], roles: ReadonlySet<string>): string[] {
	return [...new Set(names)]
		.filter((role) => !roles.has(role))
		.map((role) => `The server lacks the role "${role}": what was set or granted to it on the database was left out.`);
}

type Setting = DatabaseProperties['settings'][number];

/** Settings that could keep the restore itself from connecting, from writing, or from writing as who it is. */
const AFTER_LOADING = new Set([
	'default_transaction_read_only',
	'local_preload_libraries',
	'restrict_nonsystem_relation_kind',
	'role',
	'session_authorization',
	'session_preload_libraries',
	'shared_preload_libraries',
	'transaction_read_only',
]);

const afterLoading = ({ name }: Setting): boolean => AFTER_LOADING.has(name.toLowerCase());

function settingStatement(database: string, { role, name, value }: Setting): Statement {
	const where = role === undefined ? `DATABASE ${database}` : `ROLE ${quoteIdentifier(role)} IN DATABASE ${database}`;
	const setting = name.split('.').map(quoteIdentifier).join('.');
	return { what: `The setting ${name}`, sql: `ALTER ${where} SET ${setting} TO ${settingValue(name, value)}` };
}

async function applySettings(client: Client, database: string, settings: Setting[]): Promise<string[]> {
	const named = settings.flatMap(({ role }) => role ?? []);
	const roles = await existingRoles(client, named);
	const statements = settings
		.filter(({ role }) => role === undefined || roles.has(role))
		.map((setting) => settingStatement(quoteIdentifier(database), setting));
	return [...missingRoles(named, roles), ...(await run(client, statements))];
}

/**
 * Gives a new database the settings that what is loaded may depend on: views and functions run while it is (a time zone,
 * a text search configuration). What the server refuses becomes a warning.
 */
export async function applyEarlySettings(
	client: Client,
	database: string,
	{ settings }: DatabaseProperties,
): Promise<string[]> {
	return await applySettings(
		client,
		database,
		settings.filter((setting) => !afterLoading(setting)),
	);
}

/**
 * Gives a loaded database the comment, privileges, limit and the last settings of the one it came from. What names a role
 * that this server lacks, or asks for more rights than the user has, becomes a warning: the data is in place by then.
 */
export async function applyProperties(
	client: Client,
	name: string,
	properties: DatabaseProperties,
	privileges: boolean,
): Promise<string[]> {
	const database = quoteIdentifier(name);
	const { comment, connectionLimit, owner } = properties;
	const grants = privileges ? properties.privileges?.map(parseDatabaseGrant) : undefined;
	const grantees = (grants ?? []).flatMap(({ grantee }) => grantee ?? []).filter((grantee) => grantee !== owner);
	const roles = await existingRoles(client, grantees);
	const known = grants?.filter(({ grantee }) => grantee === undefined || grantee === owner || roles.has(grantee));
	const restorer = await currentUser(client);
	return [
		...missingRoles(grantees, roles),
		...(await run(client, [
			...(comment === undefined
				? []
				: [{ what: 'The comment', sql: `COMMENT ON DATABASE ${database} IS ${quoteLiteral(comment)}` }]),
			...(known ? privilegeStatements(database, known, owner, restorer) : []),
		])),
		...(await applySettings(client, name, properties.settings.filter(afterLoading))),
		...(connectionLimit < 0
			? []
			: await run(client, [
					{ what: 'The connection limit', sql: `ALTER DATABASE ${database} CONNECTION LIMIT ${connectionLimit}` },
				])),
	];
}

/**
 * Sets the owner of a database: the one of the dump, or the one that was asked for. The user who restored then gets the
 * privileges that the dump granted it besides. Returns warnings, as applyProperties does.
 */
export async function applyOwner(
	client: Client,
	name: string,
	properties: DatabaseProperties,
	owner: OwnerMapping,
	privileges: boolean,
): Promise<string[]> {
	if (owner.type === 'none') return [];
	const role = owner.type === 'role' ? owner.role : properties.owner;
	if (!(await existingRoles(client, [role])).has(role))
		return [`The server lacks the role "${role}", which owned the database.`];
	const database = quoteIdentifier(name);
	const change = { what: 'The owner', sql: `ALTER DATABASE ${database} OWNER TO ${quoteIdentifier(role)}` };
	const restorer = await currentUser(client);
	const own = properties.privileges?.map(parseDatabaseGrant).find(({ grantee }) => grantee === restorer);
	const grants =
		own && privileges && ![role, properties.owner].includes(restorer) ? grantStatements(database, own) : [];
	return await run(client, [change, ...grants]);
}
