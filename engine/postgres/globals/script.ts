import type { ClientBase } from 'pg';

import { BackupError, messageOf, throwIfCancelled } from '../../errors';
import { NOT_UTF8, readShared } from '../sharedText';
import { readMemberships } from './memberships';
import { privilegeQuery, privilegeStatements, type PrivilegeRow } from './privileges';
import { readRoles } from './roles';
import { readTablespaces } from './tablespaces';

export interface GlobalsOptions {
	/** Whether to include the roles' password hashes where they can be read. Default true. */
	passwords?: boolean;
	/** Leaves tablespaces out. Default false. */
	noTablespaces?: boolean;
	signal?: AbortSignal;
}

export interface Globals {
	/** A script for psql or `applyGlobals`. Holds password hashes: it belongs into archives, never into logs. */
	sql: string;
	/** How many roles the script creates. */
	roles: number;
	tablespaces: number;
	warnings: string[];
}

const NAME_LOST =
	'A name, comment or setting of a role or tablespace is neither UTF-8 nor text in the encoding of the database that was asked: it stands in the backup with characters lost. Back the globals up through a database in the encoding in which it was made.';

/**
 * What `pg_dumpall --globals-only` gives: roles, their settings and memberships, privileges on parameters, and
 * tablespaces, of a server of version 10 to 18. Read in one snapshot, so the parts fit together. Settings of a role in
 * one database belong to that database (`pg_dump --create` writes them), as they do for pg_dumpall.
 *
 * The statements and their order follow pg_dumpall 18 (src/bin/pg_dump/pg_dumpall.c).
 *
 * @param client connected to any database of the server, and in no transaction
 * @throws BackupError SOURCE_FAILED, CANCELLED
 */
export async function globalsScript(client: ClientBase, options: GlobalsOptions = {}): Promise<Globals> {
	throwIfCancelled(options.signal);
	try {
		const read = () => inSnapshot(client, () => readGlobals(client, options));
		const globals = await readShared(client, read);
		if (globals.sql.includes(NOT_UTF8)) globals.warnings.push(NAME_LOST);
		return globals;
	} catch (cause) {
		throwIfCancelled(options.signal);
		if (cause instanceof BackupError) throw cause;
		throw new BackupError(
			'SOURCE_FAILED',
			`The server's roles and tablespaces could not be read: ${messageOf(cause)}.`,
			{
				cause,
				hint: 'Check that the connection holds and that the user may read the system catalogs.',
			},
		);
	}
}

async function inSnapshot<T>(client: ClientBase, read: () => Promise<T>): Promise<T> {
	await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY');
	try {
		await client.query(`SET LOCAL search_path = ''; SET LOCAL datestyle = 'ISO'`);
		return await read();
	} finally {
		await client.query('ROLLBACK');
	}
}

async function readGlobals(client: ClientBase, options: GlobalsOptions): Promise<Globals> {
	const { signal } = options;
	const { majorVersion, readable } = await readServer(client);
	const warnings: string[] = [];
	const wantPasswords = options.passwords ?? true;
	if (wantPasswords && !readable) {
		warnings.push(
			'Role passwords are not in this backup: the user may not read pg_authid. ' +
				'Restored roles that log in with a password need a new one.',
		);
	}
	const roles = await readRoles(client, wantPasswords && readable);
	throwIfCancelled(signal);
	const memberships = await readMemberships(client, majorVersion);
	const parameters = majorVersion >= 15 ? await readParameterPrivileges(client) : [];
	throwIfCancelled(signal);
	const { tablespaces, statements } = options.noTablespaces
		? { tablespaces: 0, statements: [] }
		: await readTablespaces(client);
	const sql = [
		'--\n-- PostgreSQL database cluster dump\n--\n\n',
		'SET default_transaction_read_only = off;\n\n',
		"SET client_encoding = 'UTF8';\nSET standard_conforming_strings = on;\n\n",
		section('Roles', roles.definitions),
		section('User Configurations', roles.settings),
		section('Role memberships', memberships),
		section('Role privileges on configuration parameters', parameters),
		section('Tablespaces', statements),
		'--\n-- PostgreSQL database cluster dump complete\n--\n\n',
	].join('');
	return { sql, roles: roles.roles, tablespaces, warnings };
}

async function readServer(client: ClientBase): Promise<{ majorVersion: number; readable: boolean }> {
	const { rows } = await client.query<{ version: number; readable: boolean }>(
		`SELECT pg_catalog.current_setting('server_version_num')::int / 10000 AS version,
			pg_catalog.has_table_privilege('pg_catalog.pg_authid', 'SELECT') AS readable`,
	);
	return { majorVersion: rows[0]?.version ?? 0, readable: rows[0]?.readable ?? false };
}

/** Privileges on configuration parameters, which all belong to the bootstrap superuser (OID 10). From version 15 on. */
async function readParameterPrivileges(client: ClientBase): Promise<string[]> {
	const { rows } = await client.query<PrivilegeRow & { owner: string }>(
		`SELECT *, pg_catalog.pg_get_userbyid(10)::text AS owner FROM (${privilegeQuery(
			`SELECT parname AS object, paracl AS acl, pg_catalog.acldefault('p', 10) AS default_acl
			FROM pg_catalog.pg_parameter_acl`,
		)}) p`,
	);
	const parameters = [...new Set(rows.map((row) => row.object))];
	const owner = rows[0]?.owner ?? '';
	return parameters.flatMap((parameter) => privilegeStatements('PARAMETER', parameter, owner, rows));
}

function section(title: string, statements: string[]): string {
	return statements.length === 0 ? '' : `--\n-- ${title}\n--\n\n${statements.join('\n')}\n\n\n`;
}
