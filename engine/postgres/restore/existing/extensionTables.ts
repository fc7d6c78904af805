import type { Client } from 'pg';

import { holdsRows, type TargetRelation } from '../../relations';
import { StatementReader } from '../../statements/reader';
import { tableKey } from '../../statements/tokens';
import type { RestoreStep } from '../source';

/**
 * Tables of extensions keep what the extension brought and rows of its users side by side, and nothing but the
 * extension's own filter (pg_extension_config_dump) tells them apart. So they are never emptied or dropped, and rows of a
 * backup, which are those of users alone, only go into one that holds none of these yet.
 */
export interface SparedTables {
	/** Tables and sequences whose contents stay as they are. */
	keys: ReadonlySet<string>;
	warnings: string[];
}

/** Whether a table of an extension holds rows that a backup of it would hold. Any, where the extension does not say. */
async function holdsRowsOfUsers(client: Client, table: TargetRelation): Promise<boolean> {
	const { rows } = await client.query<{ condition: string | null }>(
		`SELECT extcondition[pg_catalog.array_position(extconfig, $1::oid)] AS condition
		FROM pg_catalog.pg_extension WHERE $1::oid = ANY (extconfig)`,
		[table.oid],
	);
	// The condition is a WHERE clause of the extension's; pg_dump puts it there in the same way.
	return await holdsRows(client, table, rows[0]?.condition ?? '');
}

async function sequencesOf(client: Client, extensions: string[]): Promise<string[]> {
	const { rows } = await client.query<{ schema: string; name: string }>(
		`SELECT n.nspname::text AS schema, c.relname::text AS name FROM pg_catalog.pg_extension e
		JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.refobjid = e.oid
			AND d.classid = 'pg_catalog.pg_class'::regclass AND d.deptype = 'e'
		JOIN pg_catalog.pg_class c ON c.oid = d.objid AND c.relkind = 'S'
		JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE e.extname::text = ANY ($1)`,
		[extensions],
	);
	return rows.map(({ schema, name }) => tableKey(schema, name));
}

/** Finds the tables that belong to an extension and hold rows of users already. */
export async function spareExtensionTables(client: Client, tables: TargetRelation[]): Promise<SparedTables> {
	const spared: TargetRelation[] = [];
	for (const table of tables)
		if (table.extension !== undefined && (await holdsRowsOfUsers(client, table))) spared.push(table);
	const extensions = [...new Set(spared.flatMap(({ extension }) => extension ?? []))];
	const sequences = spared.length > 0 ? await sequencesOf(client, extensions) : [];
	return {
		keys: new Set([...spared.map(({ key }) => key), ...sequences]),
		warnings: spared.map(
			({ key, extension }) =>
				`${key.replace('\0', '.')} belongs to the extension ${extension} and holds rows already: it was left as it is, and its rows in the backup were not restored.`,
		),
	};
}

/** Leaves out the steps that would fill a spared table or set a spared sequence. */
export async function* withoutSpared(
	steps: AsyncIterable<RestoreStep>,
	{ keys }: SparedTables,
): AsyncGenerator<RestoreStep> {
	if (keys.size === 0) {
		yield* steps;
		return;
	}
	const reader = new StatementReader();
	for await (const step of steps) {
		if (step.type === 'copy' && keys.has(step.table ?? '')) {
			// Rows have to be read before the next step can be asked for.
			if (!Buffer.isBuffer(step.rows)) for await (const rows of step.rows) void rows;
			continue;
		}
		if (step.type === 'statement') {
			const { kind, table } = reader.read(step.text);
			if (keys.has(step.table ?? '') || (kind === 'SEQUENCE SET' && keys.has(table ?? ''))) continue;
		}
		yield step;
	}
}
