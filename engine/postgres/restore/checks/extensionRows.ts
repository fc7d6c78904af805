/**
 * Tables of extensions may take fewer rows than come, by triggers of their own that change a row which is there already: TimescaleDB does so
 * with what it knows of itself. Such a table lacks nothing while it holds as many rows as were promised.
 */
import type { Client } from 'pg';

import { quoteIdentifier } from '../../quoting';
import type { RestoredTable } from '../report';

/** The tables, with as many rows as they hold where an extension has taken fewer than came. @throws the server's error */
export async function withRowsKept(client: Client, tables: RestoredTable[]): Promise<RestoredTable[]> {
	const short = tables.filter(({ rows, expected }) => expected !== undefined && rows < expected);
	if (short.length === 0) return tables;
	const names = short.map(({ schema, name }) => `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`);
	const { rows: found } = await client.query<{ name: string }>(
		`SELECT name FROM pg_catalog.unnest($1::text[]) AS name JOIN pg_catalog.pg_depend ON objid = pg_catalog.to_regclass(name)
			WHERE classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND objsubid = 0 AND deptype = 'e'
				AND EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = objid AND NOT tgisinternal)`,
		[names],
	);
	const ofExtensions = new Set(found.map(({ name }) => name));
	const kept = new Map<RestoredTable, number>();
	for (const [index, table] of short.entries()) {
		const name = names[index] as string;
		if (!ofExtensions.has(name)) continue;
		const { rows } = await client.query<{ count: string }>(`SELECT pg_catalog.count(*) AS count FROM ONLY ${name}`);
		if (Number(rows[0]?.count) >= (table.expected ?? 0)) kept.set(table, table.expected ?? 0);
	}
	return tables.map((table) => ({ ...table, rows: kept.get(table) ?? table.rows }));
}
