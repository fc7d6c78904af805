import type { Client } from 'pg';

import type { ManifestTable } from '../../archive';
import { tableKey } from '../statements/tokens';

/** What the manifest says of a table's sequences. */
export type Owned = Required<Pick<ManifestTable, 'sequences'>>;

/**
 * The sequences of serial and identity columns, and those tied to a column by OWNED BY, by the key of their table: the
 * catalog keeps both as dependencies, automatic and internal ones (PostgreSQL documentation, "pg_depend").
 */
export async function ownedSequences(client: Client): Promise<Map<string, Owned>> {
	const { rows } = await client.query<{ schema: string; table: string; sequences: Owned['sequences'] }>(
		`SELECT tn.nspname::text AS schema, t.relname::text AS table,
			pg_catalog.json_agg(pg_catalog.json_build_object('schema', sn.nspname, 'name', s.relname)
				ORDER BY d.refobjsubid, sn.nspname, s.relname) AS sequences
		FROM pg_catalog.pg_depend d
		JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S'
		JOIN pg_catalog.pg_namespace sn ON sn.oid = s.relnamespace
		JOIN pg_catalog.pg_class t ON t.oid = d.refobjid
		JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
		WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objsubid = 0 AND d.deptype IN ('a', 'i')
			AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjsubid > 0
		GROUP BY 1, 2`,
	);
	return new Map(rows.map(({ schema, table, sequences }) => [tableKey(schema, table), { sequences }]));
}
