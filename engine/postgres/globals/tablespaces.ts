import type { ClientBase } from 'pg';

import { privilegeQuery, privilegeStatements, type PrivilegeRow } from './privileges';
import { quoteIdentifier, quoteLiteral } from '../quoting';
import { labelStatements, readSecurityLabels } from './roles';

interface TablespaceRow {
	oid: string;
	name: string;
	owner: string;
	location: string;
	options: string | null;
	comment: string | null;
}

/** CREATE TABLESPACE and what belongs to it, for every tablespace but the built-in ones (`pg_...`). */
export async function readTablespaces(client: ClientBase): Promise<{ tablespaces: number; statements: string[] }> {
	const { rows } = await client.query<TablespaceRow>(
		`SELECT oid::text, spcname::text AS name, pg_catalog.pg_get_userbyid(spcowner)::text AS owner,
			pg_catalog.pg_tablespace_location(oid) AS location, pg_catalog.array_to_string(spcoptions, ', ') AS options,
			pg_catalog.shobj_description(oid, 'pg_tablespace') AS comment
		FROM pg_catalog.pg_tablespace WHERE spcname !~ '^pg_' ORDER BY oid`,
	);
	const { rows: privileges } = await client.query<PrivilegeRow>(
		privilegeQuery(
			`SELECT spcname::text AS object, spcacl AS acl, pg_catalog.acldefault('t', spcowner) AS default_acl
			FROM pg_catalog.pg_tablespace`,
		),
	);
	const labels = await readSecurityLabels(client, 'pg_tablespace');
	const statements = rows.flatMap((tablespace) => {
		const { oid, name, owner, options, comment } = tablespace;
		const lines = [create(tablespace)];
		if (options) lines.push(`ALTER TABLESPACE ${quoteIdentifier(name)} SET (${options});`);
		lines.push(...privilegeStatements('TABLESPACE', name, owner, privileges));
		if (comment !== null) lines.push(`COMMENT ON TABLESPACE ${quoteIdentifier(name)} IS ${quoteLiteral(comment)};`);
		return [...lines, ...labelStatements('TABLESPACE', name, oid, labels)];
	});
	return { tablespaces: rows.length, statements };
}

/** In-place tablespaces (a developer option) live under a relative path, and are created with an empty one. */
function create({ name, owner, location }: TablespaceRow): string {
	const absolute = location.startsWith('/') || /^[A-Za-z]:[/\\]/.test(location);
	return `CREATE TABLESPACE ${quoteIdentifier(name)} OWNER ${quoteIdentifier(owner)} LOCATION ${quoteLiteral(absolute ? location : '')};`;
}
