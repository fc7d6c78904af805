import type { Client } from 'pg';

import { BackupError } from '../../errors';
import { isNotConvertible, NOT_UTF8, readShared } from '../sharedText';

interface Role {
	oid: number;
	name: string;
	/** Things in this database that belong to it, or whose privileges or policies name it. */
	tied: number;
}

/**
 * The numbers of the roles whose names the database cannot hold: roles are the server's, and so are their names, which may
 * have been given in a database of another encoding. The server fails where it has to say them, and pg_dump asks for all of
 * them, needed or not.
 * @param client with the client encoding of the dump, and in no transaction
 * @throws BackupError SOURCE_FAILED where such a role has to stand in the dump
 */
export async function namelessRoles(client: Client, encoding: string): Promise<number[]> {
	const roles = await readShared(client, async () => {
		const { rows } = await client.query<Role>(
			`SELECT r.oid, r.rolname::text AS name, (SELECT count(*)::int FROM pg_catalog.pg_shdepend
				WHERE refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND refobjid = r.oid
					AND dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())) AS tied
			FROM pg_catalog.pg_roles r ORDER BY r.oid`,
		);
		return rows;
	});
	const nameless: Role[] = [];
	for (const role of roles) if (!(await hasName(client, role))) nameless.push(role);
	const needed = nameless.find(({ tied }) => tied > 0);
	if (needed) throw cannotBeNamed(needed, encoding);
	return nameless.map(({ oid }) => oid);
}

/** Asks the server for the name, once it is not plain ASCII. */
async function hasName(client: Client, { oid, name }: Role): Promise<boolean> {
	// eslint-disable-next-line no-control-regex -- ASCII is what every encoding of a server has in common.
	if (/^[\x00-\x7f]*$/.test(name)) return true;
	try {
		const { rows } = await client.query<{ name: string }>(
			'SELECT rolname::text AS name FROM pg_catalog.pg_roles WHERE oid = $1',
			[oid],
		);
		return rows[0]?.name.includes(NOT_UTF8) !== true;
	} catch (error) {
		if (!isNotConvertible(error)) throw error;
		return false;
	}
}

function cannotBeNamed({ name, tied }: Role, encoding: string): BackupError {
	return new BackupError(
		'SOURCE_FAILED',
		`The name of the role "${name}" cannot be written in the database’s encoding (${encoding}), and it owns or may use ${tied} object${tied > 1 ? 's' : ''} of the database.`,
		{
			hint: 'Give the role another name (ALTER ROLE ... RENAME TO ...), from a database in whose encoding the name can be written; what belongs to the role stays so.',
		},
	);
}
