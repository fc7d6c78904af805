/** pg_dump's query for the names of all roles (collectRoleNames in its source), which it makes once. */
const ROLES = 'SELECT oid, rolname FROM pg_catalog.pg_roles ORDER BY 1';

/**
 * pg_dump's query for the names of roles, with an empty name for those that the server cannot convert, which nothing in
 * the database needs. Other queries as they are.
 */
export function withoutNames(sql: string, oids: readonly number[]): string {
	if (sql !== ROLES || oids.length === 0) return sql;
	const some = `oid OPERATOR(pg_catalog.=) ANY ('{${oids.join(',')}}'::pg_catalog.oid[])`;
	return `SELECT oid, CASE WHEN ${some} THEN '' ELSE rolname END AS rolname FROM pg_catalog.pg_roles ORDER BY 1`;
}
