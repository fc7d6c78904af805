/**
 * How the text of a manifest lists very many tables. Written out, a table takes 60 to 90 bytes more than its name, nearly all of
 * them names of members: 100,000 tables would make a text of 10 MB and more, which is read whole by all who ask for
 * backups. So above a number of tables the text has a format version of its own, and in it
 *
 *     "tables": [{"schema": "public", "tables": [["orders", 20, 1800], ["log", 0, 0, ["log_id_seq", ["other", "seq"]]]]}]
 *     "parts": [{..., "tables": [[0, 199], 205]}]
 *
 * a schema once for the tables that follow each other in it, of each table its name, rows, bytes and the sequences that belong to it,
 * those of its own schema by their names alone; and of the tables of a part the first and the last of each run. It is the text alone that differs: checksum and proof are of the
 * written-out form, which is what everybody else works with.
 */
import { MANIFEST_VERSION, type Manifest, type ManifestTable } from './manifest';

/**
 * The format version of such a text: versions of this package that do not know it say that a newer one made it. It differs from
 * each of the others in two bits.
 */
export const MANY_TABLES_VERSION = 8;

/** As many take 2 MB when they are written out, which is no burden yet. */
const MANY_TABLES = 20_000;

const MEMBERS: ReadonlySet<string> = new Set(['schema', 'name', 'rows', 'bytes', 'sequences'] satisfies Array<
	keyof ManifestTable
>);

type Row = [name: string, rows: number, bytes: number, sequences?: Array<string | [schema: string, name: string]>];
type Run = number | [first: number, last: number];
type Json = Record<string, unknown>;

/** What stands in the text of a manifest: the short form where it lists very many tables, otherwise the manifest itself. */
export function shortForm<M extends Manifest>(manifest: M): M | Json {
	const { formatVersion, tables = [], parts } = manifest;
	if (formatVersion !== MANIFEST_VERSION || tables.length <= MANY_TABLES || !tables.every(isPlain)) return manifest;
	return {
		...manifest,
		formatVersion: MANY_TABLES_VERSION,
		tables: bySchema(tables),
		parts: parts.map((part) => (part.tables ? { ...part, tables: runsOf(part.tables) } : part)),
	};
}

function bySchema(tables: readonly ManifestTable[]): Array<{ schema: string; tables: Row[] }> {
	const schemas: Array<{ schema: string; tables: Row[] }> = [];
	for (const { schema, name, rows, bytes, sequences } of tables) {
		const row: Row = [name, rows, bytes];
		if (sequences)
			row.push(
				sequences.map((sequence) => (sequence.schema === schema ? sequence.name : [sequence.schema, sequence.name])),
			);
		const last = schemas.at(-1);
		if (last?.schema === schema) last.tables.push(row);
		else schemas.push({ schema, tables: [row] });
	}
	return schemas;
}

/** Digits of the largest numbers of rows and bytes, and of the index by which a part names the table. */
const NUMBERS_BYTES = 2 * String(Number.MAX_SAFE_INTEGER).length + 8;

/** Bytes that tables take in the text of a manifest at most, whatever is counted in them. */
export function bytesOfTables(tables: readonly ManifestTable[]): number {
	const listed = tables.length > MANY_TABLES ? bySchema(tables) : tables;
	return Buffer.byteLength(JSON.stringify(listed)) + tables.length * NUMBERS_BYTES;
}

/** What a later version has added to a table stays, in the long form. */
function isPlain(table: ManifestTable): boolean {
	const { sequences = [] } = table;
	return (
		Object.keys(table).every((member) => MEMBERS.has(member)) &&
		sequences.every((sequence) => Object.keys(sequence).length === 2)
	);
}

function runsOf(tables: readonly number[]): Run[] {
	const runs: Array<[number, number]> = [];
	for (const table of tables) {
		const last = runs.at(-1);
		if (last && last[1] + 1 === table) last[1] = table;
		else runs.push([table, table]);
	}
	return runs.map(([first, last]) => (first === last ? first : [first, last]));
}

/**
 * The manifest that a short form stands for; undefined for what is no short form. Whether it is a manifest is for the schema to
 * say.
 */
export function longForm(json: Json): Json | undefined {
	try {
		const { tables, parts } = json as { tables: Array<{ schema: string; tables: Row[] }>; parts: Json[] };
		const listed = tables.flatMap(({ schema, tables: rows }) =>
			rows.map(([name, count, bytes, sequences]) => ({
				schema,
				name,
				rows: count,
				bytes,
				...(sequences && { sequences: sequences.map((sequence) => ofSchema(sequence, schema)) }),
			})),
		);
		// A table is in two parts where one begins within it. Runs must not make much of little.
		let room = listed.length + parts.length;
		const written = parts.map((part) => {
			if (part.tables === undefined) return part;
			const indexes = (part.tables as Run[]).flatMap((run) => {
				const [first, last] = typeof run === 'number' ? [run, run] : run;
				room -= last - first + 1;
				if (!(last >= first) || !(room >= 0)) throw new TypeError('A part has more tables than there are.');
				return Array.from({ length: last - first + 1 }, (_, index) => first + index);
			});
			return { ...part, tables: indexes };
		});
		return { ...json, formatVersion: MANIFEST_VERSION, tables: listed, parts: written };
	} catch (error) {
		if (error instanceof TypeError) return undefined;
		throw error;
	}
}

function ofSchema(
	sequence: string | [schema: string, name: string],
	schema: string,
): NonNullable<ManifestTable['sequences']>[number] {
	if (typeof sequence === 'string') return { schema, name: sequence };
	const [other, name] = sequence;
	return { schema: other, name };
}
