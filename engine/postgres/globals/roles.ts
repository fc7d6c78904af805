import type { ClientBase } from 'pg';

import { quoteIdentifier, quoteLiteral } from '../quoting';
import { roleSetting } from './settings';

export interface SecurityLabel {
	object: string;
	provider: string;
	label: string;
}

interface RoleRow {
	oid: string;
	rolname: string;
	rolsuper: boolean;
	rolinherit: boolean;
	rolcreaterole: boolean;
	rolcreatedb: boolean;
	rolcanlogin: boolean;
	rolreplication: boolean;
	rolbypassrls: boolean;
	rolconnlimit: number;
	rolpassword: string | null;
	valid_until: string | null;
	comment: string | null;
	settings: string[] | null;
}

export interface RoleStatements {
	roles: number;
	/** CREATE ROLE, ALTER ROLE ... WITH, comment and labels of every role. */
	definitions: string[];
	/** ALTER ROLE ... SET, after all roles, because a setting may name another role. */
	settings: string[];
}

/**
 * Reads every role but the predefined ones (`pg_...`).
 * @param passwords whether to read the hashes from pg_authid, which only superusers may do by default
 */
export async function readRoles(client: ClientBase, passwords: boolean): Promise<RoleStatements> {
	const catalog = passwords ? 'pg_catalog.pg_authid' : 'pg_catalog.pg_roles';
	const { rows } = await client.query<RoleRow>(
		`SELECT r.oid::text, r.rolname::text, r.rolsuper, r.rolinherit, r.rolcreaterole,
			r.rolcreatedb, r.rolcanlogin, r.rolreplication, r.rolbypassrls, r.rolconnlimit,
			${passwords ? 'r.rolpassword' : 'NULL::text AS rolpassword'}, r.rolvaliduntil::text AS valid_until,
			pg_catalog.shobj_description(r.oid, 'pg_authid') AS comment, s.setconfig AS settings
		FROM ${catalog} r LEFT JOIN pg_catalog.pg_db_role_setting s ON s.setrole = r.oid AND s.setdatabase = 0
		WHERE r.rolname !~ '^pg_' ORDER BY r.rolname`,
	);
	const labels = await readSecurityLabels(client, 'pg_authid');
	return {
		roles: rows.length,
		definitions: rows.flatMap((role) => definition(role, labels)),
		settings: rows.flatMap((role) => (role.settings ?? []).flatMap((entry) => roleSetting(role.rolname, entry) ?? [])),
	};
}

/** Security labels of the objects of a shared catalog, as rows with the object's OID. */
export async function readSecurityLabels(client: ClientBase, catalog: string): Promise<SecurityLabel[]> {
	const { rows } = await client.query<SecurityLabel>(
		`SELECT objoid::text AS object, provider, label FROM pg_catalog.pg_shseclabel
		WHERE classoid = ('pg_catalog.' || $1)::pg_catalog.regclass ORDER BY objoid, provider`,
		[catalog],
	);
	return rows;
}

export function labelStatements(kind: string, name: string, oid: string, labels: SecurityLabel[]): string[] {
	return labels
		.filter((label) => label.object === oid)
		.map(
			({ provider, label }) =>
				`SECURITY LABEL FOR ${quoteIdentifier(provider)} ON ${kind} ${quoteIdentifier(name)} IS ${quoteLiteral(label)};`,
		);
}

/**
 * CREATE and ALTER apart: where the role exists the CREATE fails and the ALTER still gives it its attributes, for
 * those who run the script with psql.
 */
function definition(role: RoleRow, labels: SecurityLabel[]): string[] {
	const name = quoteIdentifier(role.rolname);
	const statements = [`CREATE ROLE ${name};`, `ALTER ROLE ${name} WITH ${attributes(role).join(' ')};`];
	if (role.comment !== null) statements.push(`COMMENT ON ROLE ${name} IS ${quoteLiteral(role.comment)};`);
	return [...statements, ...labelStatements('ROLE', role.rolname, role.oid, labels)];
}

function attributes(role: RoleRow): string[] {
	const flag = (on: boolean, name: string) => (on ? name : `NO${name}`);
	const words = [
		flag(role.rolsuper, 'SUPERUSER'),
		flag(role.rolinherit, 'INHERIT'),
		flag(role.rolcreaterole, 'CREATEROLE'),
		flag(role.rolcreatedb, 'CREATEDB'),
		flag(role.rolcanlogin, 'LOGIN'),
		flag(role.rolreplication, 'REPLICATION'),
		flag(role.rolbypassrls, 'BYPASSRLS'),
	];
	if (role.rolconnlimit !== -1) words.push(`CONNECTION LIMIT ${role.rolconnlimit}`);
	if (role.rolpassword !== null) words.push(`PASSWORD ${quoteLiteral(role.rolpassword)}`);
	if (role.valid_until !== null) words.push(`VALID UNTIL ${quoteLiteral(role.valid_until)}`);
	return words;
}
