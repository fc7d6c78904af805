import type { Client } from 'pg';

import { BackupError } from '../../../errors';
import { namesOf, type TargetRelation } from '../../relations';
import type { FilledTables } from '../source';

interface Column {
	oid: number;
	name: string;
	generated: boolean;
	/** Takes no row that has nothing for it. */
	required: boolean;
}

/** What versions before 12 have no column for is read by way of JSON. */
const COLUMNS = `SELECT a.attrelid AS oid, a.attname::text AS name,
		coalesce(pg_catalog.to_jsonb(a) ->> 'attgenerated', '') <> '' AS generated,
		(a.attnotnull OR t.typnotnull) AND NOT a.atthasdef AND a.attidentity = '' AND t.typdefault IS NULL AS required
	FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
	WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped`;

function misfits(table: TargetRelation, columns: Column[], filled: readonly string[]): string[] {
	const name = table.key.replace('\0', '.');
	const takes = (wanted: string) => columns.some((column) => column.name === wanted && !column.generated);
	return [
		...filled.filter((column) => !takes(column)).map((column) => `${name} lacks the column "${column}"`),
		...columns
			.filter((column) => column.required && !filled.includes(column.name))
			.map((column) => `${name} needs a value for "${column.name}", which the backup does not have`),
	];
}

/**
 * Makes sure that rows can go where they are to go, before room is made for them: the tables are there, with the columns
 * that the rows fill, and with none besides that would have to be filled.
 * @throws BackupError TARGET_FAILED naming what does not fit.
 */
export async function checkColumns(client: Client, tables: TargetRelation[], filled: FilledTables): Promise<void> {
	const taking = tables.filter(({ kind }) => 'rpf'.includes(kind));
	const missing = [...filled.keys()]
		.filter((key) => !taking.some((table) => table.key === key))
		.map((key) => ({ key }));
	if (missing.length > 0) {
		throw new BackupError('TARGET_FAILED', `The database lacks the table ${namesOf(missing)}; nothing was changed.`, {
			hint: 'Choose the tables that it has, or restore the missing ones first, with their definitions.',
		});
	}
	const { rows } = await client.query<Column>(COLUMNS, [taking.map(({ oid }) => oid)]);
	const found = taking.flatMap((table) => {
		const columns = filled.get(table.key);
		return columns
			? misfits(
					table,
					rows.filter(({ oid }) => oid === table.oid),
					columns,
				)
			: [];
	});
	if (found.length === 0) return;
	throw new BackupError('TARGET_FAILED', `${found.slice(0, 10).join('; ')}; nothing was changed.`, {
		hint: 'The table was altered since the backup. Have it dropped first, which makes it as it was, or restore into a new database.',
	});
}
