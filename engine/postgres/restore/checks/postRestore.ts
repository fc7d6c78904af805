import type { Client } from 'pg';

import { messageOf } from '../../../errors';
import { quoteIdentifier } from '../../quoting';
import { namesOf, type TargetRelation } from '../../relations';
import { tableKey } from '../../statements/tokens';

/** Materialized views that show rows of the tables, directly, through views, or through the tables they are partitions of. */
const STALE = `WITH RECURSIVE uses AS (
		SELECT d.refobjid AS used, r.ev_class AS by FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid
		WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
		UNION SELECT inhrelid, inhparent FROM pg_catalog.pg_inherits
	), showing AS (
		SELECT unnest($1::oid[]) AS oid UNION SELECT uses.by FROM showing JOIN uses ON uses.used = showing.oid
	)
	SELECT n.nspname::text AS schema, c.relname::text AS name FROM showing JOIN pg_catalog.pg_class c ON c.oid = showing.oid
	JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'm' AND c.relispopulated ORDER BY 1, 2`;

interface ForeignKey {
	name: string;
	table: string;
	referenced: string;
	columns: string[];
	matches: string[];
	oid: number;
}

/**
 * The foreign keys from the filled tables to others. Left out are those that are not validated, those with PERIOD, and those
 * to a single partition, which the server keeps in addition to the one to the partitioned table. Columns that versions before
 * 11 and 18 do not have are read by way of JSON.
 */
const FOREIGN_KEYS = `SELECT k.conrelid AS oid, k.conname::text AS name,
		pg_catalog.format('%I.%I', tn.nspname, t.relname) AS table, pg_catalog.format('%I.%I', rn.nspname, r.relname) AS referenced,
		array_agg(a.attname::text ORDER BY part.n) AS columns,
		array_agg(pg_catalog.format('r.%I OPERATOR(%I.%s) t.%I', b.attname, opn.nspname, o.oprname, a.attname) ORDER BY part.n) AS matches
	FROM pg_catalog.pg_constraint k
	JOIN pg_catalog.pg_class t ON t.oid = k.conrelid JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
	JOIN pg_catalog.pg_class r ON r.oid = k.confrelid JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace
	CROSS JOIN unnest(k.conkey, k.confkey, k.conpfeqop) WITH ORDINALITY AS part (key, refers, operator, n)
	JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = part.key
	JOIN pg_catalog.pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = part.refers
	JOIN pg_catalog.pg_operator o ON o.oid = part.operator JOIN pg_catalog.pg_namespace opn ON opn.oid = o.oprnamespace
	WHERE k.contype = 'f' AND k.convalidated AND k.conrelid = ANY ($1::oid[]) AND k.confrelid <> ALL ($1::oid[])
		AND pg_catalog.to_jsonb(k) ->> 'conperiod' IS DISTINCT FROM 'true'
		AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint whole WHERE whole.conrelid = k.conrelid
			AND whole.oid::text = pg_catalog.to_jsonb(k) ->> 'conparentid')
	GROUP BY k.oid, k.conrelid, k.conname, tn.nspname, t.relname, rn.nspname, r.relname ORDER BY 3, 2`;

async function staleViews(client: Client, oids: number[], refreshed: ReadonlySet<string>): Promise<string[]> {
	const { rows } = await client.query<{ schema: string; name: string }>(STALE, [oids]);
	const views = rows
		.map(({ schema, name }) => ({ key: tableKey(schema, name) }))
		.filter(({ key }) => !refreshed.has(key));
	if (views.length === 0) return [];
	return [
		`Materialized views show the rows from before until they are refreshed (REFRESH MATERIALIZED VIEW): ${namesOf(views)}.`,
	];
}

async function orphans(client: Client, oids: number[]): Promise<string[]> {
	const warnings: string[] = [];
	const { rows: keys } = await client.query<ForeignKey>(FOREIGN_KEYS, [oids]);
	for (const { name, table, referenced, columns, matches } of keys) {
		const complete = columns.map((column) => `t.${quoteIdentifier(column)} IS NOT NULL`).join(' AND ');
		const { rows } = await client.query<{ count: string }>(
			`SELECT count(*)::text AS count FROM ONLY ${table} AS t WHERE ${complete}
			AND NOT EXISTS (SELECT FROM ${referenced} AS r WHERE ${matches.join(' AND ')})`,
		);
		const count = rows[0]?.count ?? '0';
		if (count === '0') continue;
		warnings.push(
			`${count} rows of ${table} refer to rows that are not in ${referenced} (foreign key ${quoteIdentifier(name)}): these were not restored with them.`,
		);
	}
	return warnings;
}

/**
 * The checks after rows were restored into a database that exists. They find materialized views that still show the old rows,
 * and rows whose foreign keys refer to rows that are not there, for foreign keys are not in force while rows are loaded.
 * Returns warnings.
 * @param options.refreshed Keys of materialized views that the restore fills itself.
 * @param options.unchecked Whether the rows were loaded without a check of foreign keys.
 */
export async function postRestoreWarnings(
	client: Client,
	filled: TargetRelation[],
	{ refreshed, unchecked }: { refreshed: ReadonlySet<string>; unchecked: boolean },
): Promise<string[]> {
	const oids = filled.map(({ oid }) => oid);
	if (oids.length === 0) return [];
	const warnings: string[] = [];
	try {
		await client.query('SET row_security = off');
		warnings.push(...(await staleViews(client, oids, refreshed)));
		if (unchecked) warnings.push(...(await orphans(client, oids)));
	} catch (error) {
		// All is loaded and stays so.
		warnings.push(`What depends on the restored tables could not be looked at: ${messageOf(error)}`);
	}
	return warnings;
}
