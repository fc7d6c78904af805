import type { Client } from 'pg';
import { z } from 'zod';

import { readShared } from '../sharedText';

/** Text that PostgreSQL can hold: without the character of code zero. */
const text = z.string().refine((value) => !value.includes('\0'), 'must not hold a zero byte');
const name = text.pipe(z.string().min(1));

/** `ALTER DATABASE ... SET`, and with a role `ALTER ROLE ... IN DATABASE ... SET`. */
export const databaseSettingsSchema = z.array(z.object({ role: name.optional(), name, value: text }));

/** What of a database's properties the manifest holds. All of it goes into SQL, so a manifest is not taken at its word. */
export const storedPropertiesSchema = z.object({
	/** Empty where the owner was dropped. */
	owner: text,
	encoding: z.string().regex(/^[A-Za-z0-9_]+$/),
	collate: name,
	ctype: name,
	localeProvider: z.enum(['libc', 'icu', 'builtin']),
	/** Locale of an ICU or builtin provider. */
	locale: name.optional(),
	icuRules: text.optional(),
	/** -1 for none; below it the server means a database that was being dropped. */
	connectionLimit: z.number().int().min(-2).max(2_147_483_647),
	/** Where its tables lie that name no other; undefined for pg_default. */
	tablespace: name.optional(),
	comment: text.optional(),
	/** Access privileges, as aclitems; undefined for the default ones. */
	privileges: z.array(text).optional(),
});

export type StoredProperties = z.infer<typeof storedPropertiesSchema>;

/** Which texts a database can hold, and how it sorts them: fixed when it is created. */
export type DatabaseLocale = Pick<
	StoredProperties,
	'encoding' | 'collate' | 'ctype' | 'localeProvider' | 'locale' | 'icuRules'
>;

/**
 * What belongs to a database but stands in no plain dump of it (pg_dump writes it with --create only): needed to create
 * one like it. Kept in the manifest's `source.properties`, the settings in a frame of their own.
 */
export type DatabaseProperties = StoredProperties & {
	settings: z.infer<typeof databaseSettingsSchema>;
};

const PROVIDERS: Record<string, DatabaseProperties['localeProvider']> = { c: 'libc', i: 'icu', b: 'builtin' };

/** The columns that came in 15, were renamed in 17, and came in 16. */
function localeColumns(serverVersion: number): string {
	if (serverVersion < 150_000) return "'c' AS provider, NULL AS locale, NULL AS icu_rules";
	const locale = serverVersion >= 170_000 ? 'd.datlocale' : 'd.daticulocale';
	return `d.datlocprovider::text AS provider, ${locale} AS locale, ${serverVersion >= 160_000 ? 'd.daticurules' : 'NULL'} AS icu_rules`;
}

/** Reads the properties of the database that the client, in no transaction, is connected to. */
export async function databaseProperties(client: Client, serverVersion: number): Promise<DatabaseProperties> {
	return await readShared(client, () => readProperties(client, serverVersion));
}

async function readProperties(client: Client, serverVersion: number): Promise<DatabaseProperties> {
	const { rows } = await client.query<
		Record<string, string | null> & { acl: string[] | null; connection_limit: number }
	>(
		`SELECT r.rolname::text AS owner, pg_catalog.pg_encoding_to_char(d.encoding)::text AS encoding, d.datcollate::text AS collate,
			d.datctype::text AS ctype, ${localeColumns(serverVersion)}, d.datconnlimit AS connection_limit,
			pg_catalog.shobj_description(d.oid, 'pg_database') AS comment, d.datacl::text[] AS acl,
			(SELECT spcname::text FROM pg_catalog.pg_tablespace s WHERE s.oid = d.dattablespace AND spcname <> 'pg_default') AS tablespace
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
		tablespace: row.tablespace ?? undefined,
		comment: row.comment ?? undefined,
		privileges: row.acl ?? undefined,
		settings: settings.rows.map(({ role, setting }) => {
			const equals = setting.indexOf('=');
			return { role: role ?? undefined, name: setting.slice(0, equals), value: setting.slice(equals + 1) };
		}),
	};
}
