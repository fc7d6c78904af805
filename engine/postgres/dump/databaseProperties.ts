import type { Client } from 'pg';

/**
 * What belongs to a database but stands in no plain dump of it (pg_dump writes it with --create only): needed to create
 * one like it. Kept in the manifest's `source.properties`.
 */
export interface DatabaseProperties {
	owner: string;
	encoding: string;
	collate: string;
	ctype: string;
	/** `libc`, `icu` or `builtin`. */
	localeProvider: string;
	/** Locale of an ICU or builtin provider. */
	locale?: string;
	icuRules?: string;
	connectionLimit: number;
	comment?: string;
	/** Access privileges, as aclitems; undefined for the default ones. */
	privileges?: string[];
	/** `ALTER DATABASE ... SET`, and with a role `ALTER ROLE ... IN DATABASE ... SET`. */
	settings: Array<{ role?: string; name: string; value: string }>;
}

const PROVIDERS: Record<string, string> = { c: 'libc', i: 'icu', b: 'builtin' };

/** The columns that came in 15, were renamed in 17, and came in 16. */
function localeColumns(serverVersion: number): string {
	if (serverVersion < 150_000) return "'c' AS provider, NULL AS locale, NULL AS icu_rules";
	const locale = serverVersion >= 170_000 ? 'd.datlocale' : 'd.daticulocale';
	return `d.datlocprovider::text AS provider, ${locale} AS locale, ${serverVersion >= 160_000 ? 'd.daticurules' : 'NULL'} AS icu_rules`;
}

/** Reads the properties of the database that the client is connected to. */
export async function databaseProperties(client: Client, serverVersion: number): Promise<DatabaseProperties> {
	const { rows } = await client.query<
		Record<string, string | null> & { acl: string[] | null; connection_limit: number }
	>(
		`SELECT r.rolname::text AS owner, pg_catalog.pg_encoding_to_char(d.encoding)::text AS encoding, d.datcollate::text AS collate,
			d.datctype::text AS ctype, ${localeColumns(serverVersion)}, d.datconnlimit AS connection_limit,
			pg_catalog.shobj_description(d.oid, 'pg_database') AS comment, d.datacl::text[] AS acl
		FROM pg_catalog.pg_database d LEFT JOIN pg_catalog.pg_roles r ON r.oid = d.datdba
		WHERE d.datname = pg_catalog.current_database()`,
	);
	const settings = await client.query<{ role: string | null; setting: string }>(
		`SELECT r.rolname::text AS role, setting FROM pg_catalog.pg_db_role_setting s
		CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) WITH ORDINALITY AS u (setting, position)
		LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
		WHERE s.setdatabase = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
		ORDER BY role NULLS FIRST, position`,
	);
	const row = rows[0] as (typeof rows)[number];
	return {
		owner: row.owner ?? '',
		encoding: row.encoding ?? 'UTF8',
		collate: row.collate ?? 'C',
		ctype: row.ctype ?? 'C',
		localeProvider: PROVIDERS[row.provider ?? 'c'] ?? 'libc',
		locale: row.locale ?? undefined,
		icuRules: row.icu_rules ?? undefined,
		connectionLimit: row.connection_limit,
		comment: row.comment ?? undefined,
		privileges: row.acl ?? undefined,
		settings: settings.rows.map(({ role, setting }) => {
			const equals = setting.indexOf('=');
			return { role: role ?? undefined, name: setting.slice(0, equals), value: setting.slice(equals + 1) };
		}),
	};
}
