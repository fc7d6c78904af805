import type { Client } from 'pg';

import { listed } from '../errors';
import { quoteIdentifier } from './quoting';
import { tableKey } from './statements/tokens';

/** A table, view or sequence of a database. */
export interface TargetRelation {
	oid: number;
	/** See tableKey. */
	key: string;
	/** As SQL spells it. */
	name: string;
	/** `relkind` of pg_class. */
	kind: string;
	/** The extension that it belongs to. */
	extension?: string;
}

interface RelationRow {
	oid: number;
	schema: string;
	name: string;
	kind: string;
	extension: string | null;
}

const RELATIONS = `SELECT c.oid, n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind, e.extname::text AS extension
	FROM pg_catalog.pg_class c
	JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	LEFT JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0 AND d.deptype = 'e'
	LEFT JOIN pg_catalog.pg_extension e ON d.refclassid = 'pg_catalog.pg_extension'::regclass AND e.oid = d.refobjid`;

function relation({ oid, schema, name, kind, extension }: RelationRow): TargetRelation {
	return {
		oid,
		key: tableKey(schema, name),
		name: `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`,
		kind,
		...(extension !== null && { extension }),
	};
}

/** Finds the tables, views and sequences of the given keys that the database has. The oldest come first. */
export async function findRelations(client: Client, keys: Iterable<string>): Promise<TargetRelation[]> {
	const names = [...keys].map((key) => key.split('\0'));
	if (names.length === 0) return [];
	const { rows } = await client.query<RelationRow>(
		`${RELATIONS} JOIN unnest($1::text[], $2::text[]) AS wanted (schema, name)
			ON wanted.schema = n.nspname::text AND wanted.name = c.relname::text
		WHERE c.relkind IN ('r', 'p', 'f', 'S', 'v', 'm') ORDER BY c.oid`,
		[names.map(([schema]) => schema), names.map(([, name]) => name)],
	);
	return rows.map(relation);
}

/** SQLSTATE insufficient_privilege, also of tables whose rows a policy hides. */
const NOT_ALLOWED = '42501';

/**
 * Whether a table holds rows of its own, not of those that inherit from it. One that the user may not read may hold some.
 * @param condition a WHERE clause
 */
export async function holdsRows(client: Client, { name }: TargetRelation, condition = ''): Promise<boolean> {
	try {
		return (await client.query(`SELECT FROM ONLY ${name} ${condition} LIMIT 1`)).rowCount === 1;
	} catch (error) {
		if ((error as { code?: string }).code !== NOT_ALLOWED) throw error;
		return true;
	}
}

export async function holdingRows(client: Client, tables: TargetRelation[]): Promise<TargetRelation[]> {
	const found: TargetRelation[] = [];
	for (const table of tables) if (await holdsRows(client, table)) found.push(table);
	return found;
}

/** The partitioned tables of a database and their partitions. */
export class PartitionedTables {
	readonly #parts = new Map<number, TargetRelation[]>();

	private constructor(readonly roots: TargetRelation[]) {}

	static async of(client: Client): Promise<PartitionedTables> {
		const { rows: roots } = await client.query<RelationRow>(`${RELATIONS} WHERE c.relkind = 'p' ORDER BY c.oid`);
		const tables = new PartitionedTables(roots.map(relation));
		const { rows } = await client.query<RelationRow & { parent: number }>(
			`SELECT i.inhparent AS parent, part.* FROM (${RELATIONS}) AS part
			JOIN pg_catalog.pg_inherits i ON i.inhrelid = part.oid
			JOIN pg_catalog.pg_class parent ON parent.oid = i.inhparent AND parent.relkind = 'p' ORDER BY part.oid`,
		);
		for (const row of rows) tables.#add(row.parent, relation(row));
		return tables;
	}

	#add(parent: number, part: TargetRelation): void {
		this.#parts.set(parent, [...(this.#parts.get(parent) ?? []), part]);
	}

	/** All partitions below a table, partitioned ones among them. */
	below({ oid }: TargetRelation): TargetRelation[] {
		return (this.#parts.get(oid) ?? []).flatMap((part) => [part, ...this.below(part)]);
	}

	/** The partitions below a table that hold the rows. */
	leaves(table: TargetRelation): TargetRelation[] {
		return this.below(table).filter(({ kind }) => kind !== 'p');
	}
}

/** Names of tables for a message, not too many of them. */
export function namesOf(tables: Array<Pick<TargetRelation, 'key'>>): string {
	return listed(
		tables.map(({ key }) => key.replace('\0', '.')),
		10,
	);
}
