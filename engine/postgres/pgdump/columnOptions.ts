/**
 * Servers keep books in the options of columns: since its minor releases of November 2026, PostgreSQL notes a version on
 * every column that is made (`pg_attver=22158952` in pg_attribute.attoptions). The pg_dump of those releases leaves that
 * out of what it reads; ours is older than they are and would write `ALTER COLUMN ... SET (pg_attver=...)`, which no other
 * server takes. What is the server's own begins with `pg_`, as all of its names do.
 *
 * pg_dump (getTableAttrs in its source) asks for the options in one query. Up to that place all of the query is text of
 * pg_dump's, without a name, a string or a number that anybody else could have chosen, so nothing can be forged to look so.
 */
const COLUMN_QUERY =
	/^(SELECT\na\.attrelid,\na\.attnum,\n[^'"$]*)array_to_string\(a\.attoptions, ', '\)(?= AS attoptions,\n)/;

const WITHOUT_OWN = `pg_catalog.array_to_string(ARRAY(SELECT o.option FROM pg_catalog.unnest(a.attoptions) AS o (option)
	WHERE pg_catalog.left(o.option, 3) OPERATOR(pg_catalog.<>) 'pg_'), ', ')`;

/** pg_dump's query for the columns of tables, without the options that are the server's own; others as they are. */
export function withoutServersOptions(sql: string): string {
	return sql.replace(COLUMN_QUERY, (_, before: string) => before + WITHOUT_OWN);
}
