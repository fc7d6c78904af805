import type { Client } from 'pg';

import { ask } from './queries';

/** What checks go by: the user, and the server. */
export interface ServerView {
	/** The user, as SQL spells it: `"order service"`. */
	user: string;
	/** The database, as SQL spells it. */
	database: string;
	isSuper: boolean;
	mayCreateDatabases: boolean;
	/** Whether the user reads every table, schema and sequence, those to come as well. */
	readsAll: boolean;
	/** server_version_num */
	version: number;
	encoding: string;
	isStandby: boolean;
	hasTls: boolean;
	/** Whether the server's address is one that anybody may have on the way to it: neither local nor private. */
	isPublic: boolean;
	/** Of the process that answers. A pooler gives each client a number of its own making. */
	processId: number;
	readsPasswords: boolean;
	/** Bytes. */
	size: number;
	/** Connections that the user may open yet. */
	connections: number;
	/** Tables that can be locked at once. */
	locks: number;
	/** Extensions in the database, by name. */
	extensions: Array<{ name: string; isAvailable: boolean; needsSuper: boolean }>;
}

const PRIVATE = `ARRAY['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '127.0.0.0/8', '100.64.0.0/10', 'fc00::/7', 'fe80::/10', '::1']::inet[]`;

/** @throws BackupError as `ask` does */
export async function viewServer(client: Client): Promise<ServerView> {
	const [row] = await ask<Omit<ServerView, 'extensions' | 'size'> & { size: string | null }>(
		client,
		'the rights of the user',
		`SELECT pg_catalog.quote_ident(current_user) AS user, pg_catalog.quote_ident(pg_catalog.current_database()) AS database,
			r.rolsuper AS "isSuper", r.rolcreatedb AS "mayCreateDatabases",
			EXISTS (SELECT FROM pg_catalog.pg_roles p WHERE p.rolname = 'pg_read_all_data' AND pg_catalog.pg_has_role(p.oid, 'USAGE'))
				AS "readsAll",
			pg_catalog.current_setting('server_version_num')::int AS version,
			pg_catalog.current_setting('server_encoding') AS encoding, pg_catalog.pg_is_in_recovery() AS "isStandby",
			coalesce((SELECT ssl FROM pg_catalog.pg_stat_ssl WHERE pid = pg_catalog.pg_backend_pid()), false) AS "hasTls",
			coalesce(NOT pg_catalog.inet_server_addr() <<= ANY (${PRIVATE}), false) AS "isPublic",
			pg_catalog.pg_backend_pid() AS "processId",
			pg_catalog.has_table_privilege('pg_catalog.pg_authid', 'SELECT') AS "readsPasswords",
			pg_catalog.pg_database_size(d.oid) AS size,
			least(
				CASE WHEN r.rolsuper OR r.rolconnlimit < 0 THEN 1000000 ELSE r.rolconnlimit - (SELECT count(*)
					FROM pg_catalog.pg_stat_activity a WHERE a.usesysid = r.oid) END,
				CASE WHEN r.rolsuper OR d.datconnlimit < 0 THEN 1000000 ELSE d.datconnlimit - (SELECT count(*)
					FROM pg_catalog.pg_stat_activity a WHERE a.datid = d.oid) END,
				pg_catalog.current_setting('max_connections')::int
					- CASE WHEN r.rolsuper THEN 0 ELSE pg_catalog.current_setting('superuser_reserved_connections')::int END
					- (SELECT count(*) FROM pg_catalog.pg_stat_activity a WHERE a.usesysid IS NOT NULL AND a.datid IS NOT NULL)
			)::int AS connections,
			pg_catalog.current_setting('max_locks_per_transaction')::int * (pg_catalog.current_setting('max_connections')::int
				+ pg_catalog.current_setting('max_prepared_transactions')::int) AS locks
		FROM pg_catalog.pg_roles r, pg_catalog.pg_database d
		WHERE r.rolname = current_user AND d.datname = pg_catalog.current_database()`,
	);
	const view = row as NonNullable<typeof row>;
	return { ...view, size: Number(view.size), extensions: await extensionsOf(client, view.version) };
}

/** Since 13 some extensions are trusted: whoever may create objects in a database may create them as well. */
async function extensionsOf(client: Client, version: number): Promise<ServerView['extensions']> {
	const needsSuper = version >= 130_000 ? 'v.superuser AND NOT v.trusted' : 'v.superuser';
	return await ask(
		client,
		'the extensions',
		`SELECT e.extname::text AS name, count(v.name) > 0 AS "isAvailable", coalesce(bool_and(${needsSuper}), true) AS "needsSuper"
		FROM pg_catalog.pg_extension e
		LEFT JOIN pg_catalog.pg_available_extension_versions v ON v.name = e.extname AND v.version = e.extversion
		GROUP BY e.extname ORDER BY 1`,
	);
}
