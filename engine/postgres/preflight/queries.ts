/**
 * What is asked of a server to find out what would fail. All of it only reads catalogs, works on every version from 10 on,
 * and gives names as SQL spells them.
 */
import type { Client } from 'pg';

import { translateError } from '../connection';

/** Tables and sequences that a dump reads: none of the system's, and of extensions only what they marked as configuration. */
const DUMPED = `n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
	AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
		WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e'
			AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND c.oid <> ALL (coalesce(e.extconfig, '{}')))`;

/** Relations of some kinds (pg_class.relkind) that a dump reads and that fulfil a condition. */
export const relations = (kinds: string, condition: string): string => `
	SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name FROM pg_catalog.pg_class c
	JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	WHERE c.relkind IN (${kinds}) AND c.relpersistence <> 't' AND ${DUMPED} AND ${condition} ORDER BY 1`;

/** Schemas with such relations that the user may not look into. */
export const CLOSED_SCHEMAS = `
	SELECT DISTINCT pg_catalog.quote_ident(n.nspname) AS name FROM pg_catalog.pg_class c
	JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	WHERE c.relkind IN ('r', 'p', 'S') AND c.relpersistence <> 't' AND ${DUMPED}
		AND NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE') ORDER BY 1`;

/**
 * Who makes tables or sequences in a schema of which the user may read those of today by grants of his own, and not those of
 * tomorrow: no default privilege says so.
 */
export const FUTURE = `
	SELECT DISTINCT pg_catalog.quote_ident(n.nspname) AS schema, pg_catalog.quote_ident(o.rolname) AS owner,
		CASE c.relkind WHEN 'S' THEN 'SEQUENCES' ELSE 'TABLES' END AS kind
	FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	JOIN pg_catalog.pg_roles o ON o.oid = c.relowner
	WHERE c.relkind IN ('r', 'p', 'S') AND c.relpersistence <> 't' AND ${DUMPED} AND NOT pg_catalog.pg_has_role(c.relowner, 'USAGE')
		AND NOT EXISTS (SELECT FROM pg_catalog.pg_default_acl a CROSS JOIN LATERAL pg_catalog.aclexplode(a.defaclacl) AS g
			WHERE a.defaclrole = c.relowner AND a.defaclnamespace IN (0, n.oid) AND g.privilege_type = 'SELECT'
				AND a.defaclobjtype = (CASE c.relkind WHEN 'S' THEN 'S' ELSE 'r' END)::"char"
				AND (g.grantee = 0 OR pg_catalog.pg_has_role(g.grantee, 'USAGE')))
	ORDER BY 1, 2, 3`;

/** Large objects that the user may not read. Servers before 18 have no function that says it. */
export const CLOSED_LARGE_OBJECTS = `
	SELECT m.oid::text AS name FROM pg_catalog.pg_largeobject_metadata m
	WHERE NOT pg_catalog.pg_has_role(m.lomowner, 'USAGE') AND NOT pg_catalog.current_setting('lo_compat_privileges')::boolean
		AND NOT EXISTS (SELECT FROM pg_catalog.aclexplode(m.lomacl) AS g
			WHERE g.privilege_type = 'SELECT' AND (g.grantee = 0 OR pg_catalog.pg_has_role(g.grantee, 'USAGE')))
	ORDER BY m.oid LIMIT 1001`;

/** Who owns something in the database, or the database itself, and is nobody whose rights the user has. */
export const OTHER_OWNERS = `
	SELECT pg_catalog.quote_ident(r.rolname) AS name, r.rolsuper AS is_super FROM pg_catalog.pg_roles r
	WHERE NOT pg_catalog.pg_has_role(r.oid, 'USAGE') AND r.oid IN (
		SELECT c.relowner FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
			WHERE c.relpersistence <> 't' AND ${DUMPED}
		UNION SELECT d.datdba FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
	ORDER BY 1`;

/** Who holds a lock that a dump would have to wait for: a session, or a transaction that was prepared and left. */
export const EXCLUSIVE_LOCKS = `
	SELECT DISTINCT l.pid, p.gid, pg_catalog.format('%I.%I', n.nspname, c.relname) AS name,
		extract(epoch FROM pg_catalog.clock_timestamp() - coalesce(p.prepared, a.xact_start))::int AS seconds
	FROM pg_catalog.pg_locks l
	JOIN pg_catalog.pg_class c ON c.oid = l.relation JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
	LEFT JOIN pg_catalog.pg_locks t ON l.pid IS NULL AND t.pid IS NULL AND t.locktype = 'transactionid' AND t.granted
		AND t.virtualtransaction = l.virtualtransaction
	LEFT JOIN pg_catalog.pg_prepared_xacts p ON p.transaction = t.transactionid
	WHERE l.locktype = 'relation' AND l.granted AND l.mode = 'AccessExclusiveLock' AND c.relkind IN ('r', 'p')
		AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
		AND ${DUMPED} AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
	ORDER BY 1, 2, 3`;

/** The rows of a query. @throws BackupError that says what was looked up */
export async function ask<T extends object>(client: Client, looking: string, sql: string): Promise<T[]> {
	try {
		return (await client.query<T>(sql)).rows;
	} catch (error) {
		throw translateError(error, 'source', `Could not look up ${looking}`);
	}
}

/** The names that a query finds. */
export async function namesOf(client: Client, looking: string, sql: string): Promise<string[]> {
	return (await ask<{ name: string }>(client, looking, sql)).map(({ name }) => name);
}
