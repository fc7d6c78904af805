import type { Client } from 'pg';

import { quoteIdentifier } from '../quoting';
import type { Finding } from '../../verify/types';

/** PostgreSQL's predefined roles whose members can reach files and programs of the server. */
const DANGEROUS = ['pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files'];

/** From this version on, a role with CREATEROLE can only grant what it was granted itself. */
const CREATEROLE_IS_BOUND = 160_000;

interface Rights {
	role: string;
	super: boolean;
	createrole: boolean;
	member_of: string[];
}

/**
 * The warning for a role that restores for a test and may do more than that. A dump brings code (functions, expressions of
 * indexes, event triggers), which runs with the rights of this role. A role with LOGIN and CREATEDB alone is enough; for such a
 * role there is no warning.
 * @param version `server_version_num`
 */
export async function warningOfRights(client: Client, version: number): Promise<Omit<Finding, 'level'> | undefined> {
	const { rows } = await client.query<Rights>(
		`SELECT current_user::text AS role, r.rolsuper AS super, r.rolcreaterole AS createrole,
			ARRAY(SELECT p.rolname::text FROM pg_catalog.pg_roles p WHERE p.rolname = ANY ($1)
				AND pg_catalog.pg_has_role(r.oid, p.oid, 'MEMBER') ORDER BY 1) AS member_of
		FROM pg_catalog.pg_roles r WHERE r.rolname = current_user`,
		[DANGEROUS],
	);
	const what = rows[0] && mayDo(rows[0], version);
	if (what === undefined) return undefined;
	return {
		severity: 'warning',
		message: `The test restore ran on the scratch server as the role ${quoteIdentifier(rows[0]?.role ?? '')}, which ${what}: code in a backup runs with its rights, and could run programs there.`,
		hint: 'Give the scratch server a role of its own with LOGIN and CREATEDB alone: CREATE ROLE backup_test LOGIN CREATEDB PASSWORD ...',
	};
}

function mayDo(rights: Rights, version: number): string | undefined {
	if (rights.super) return 'is a superuser';
	if (rights.member_of.length > 0) return `is a member of ${rights.member_of.join(', ')}`;
	if (rights.createrole && version < CREATEROLE_IS_BOUND) return 'may create roles, and so make itself a member of any';
	return undefined;
}
