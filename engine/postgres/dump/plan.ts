import type { Client } from 'pg';

import type { ManifestTable } from '../../archive';
import { BackupError } from '../../errors';

import type { TableRead } from '../pgdump/cursor';

import type { TableRows } from './sections';

/** One COPY statement's worth of rows. */
export interface TableCopy {
	/** Index into the manifest's tables. */
	table: number;
	/** `COPY ... TO STDOUT`, as bytes in the client encoding. */
	sql: Buffer;
	/** Loads the rows: see TableRows. */
	header: string;
	/** The table to lock first, or undefined where LOCK TABLE does not apply. */
	lock: string | undefined;
	/** Set once its rows are in the archive. */
	copied: boolean;
}

/** What one connection reads in one go: one COPY, or those of several small tables. */
export interface CopyTask {
	copies: TableCopy[];
	/** Bytes on the server's disk, for choosing what to begin with. */
	weight: number;
}

/** What the catalog says of a table. */
export interface CatalogEntry {
	schema: string;
	name: string;
	kind: string;
	heap: boolean;
	pages: number;
}

/** Pages of 8 kB in one range of a large table: 128 MiB of heap. */
const RANGE_PAGES = 16_384;

/** Pages of a small table: 128 kB of heap. */
const SMALL_PAGES = 16;
/** Where a database has at most so many small tables, each has a frame of its own: nothing would be gained. */
const MANY_SMALL_TABLES = 256;
/** Small tables are read together up to so many, and up to so many pages. */
const TABLES_AT_ONCE = 200;
const PAGES_AT_ONCE = 128;

/** Servers before 14 read the whole table for each range of its ctid. */
const RANGE_SCAN_VERSION = 140_000;

/** `TableRead` holds names as "binary" strings. */
const decode = (binary: string): string => Buffer.from(binary, 'latin1').toString('utf8');

/** Asks the server what it knows of tables that pg_dump reads; in their order. */
export async function lookUpTables(
	client: Client,
	serverVersion: number,
	reads: readonly TableRead[],
): Promise<CatalogEntry[]> {
	if (reads.length === 0) return [];
	const { rows } = await client.query<CatalogEntry>(
		`SELECT n.nspname AS schema, c.relname AS name, c.relkind AS kind, coalesce(a.amname = 'heap', true) AS heap,
			CASE WHEN c.relkind = 'r'
				THEN (pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::int)::int ELSE 0 END AS pages
		FROM pg_catalog.unnest($1::text[]) WITH ORDINALITY AS t (qualified, position)
		JOIN pg_catalog.pg_class c ON c.oid = t.qualified::pg_catalog.regclass
		JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		${serverVersion >= 120_000 ? 'LEFT JOIN pg_catalog.pg_am a ON a.oid = c.relam' : "CROSS JOIN (SELECT 'heap'::name AS amname) a"}
		ORDER BY t.position`,
		[reads.map(({ table }) => decode(table))],
	);
	return rows;
}

/** The page ranges of a table, as conditions on ctid; the last one is open, for pages added since. */
function ranges(pages: number): string[] {
	const count = Math.ceil(pages / RANGE_PAGES);
	return Array.from({ length: count }, (_, index) => {
		const from = `ctid >= '(${index * RANGE_PAGES},0)'::pg_catalog.tid`;
		return index === count - 1 ? from : `${from} AND ctid < '(${(index + 1) * RANGE_PAGES},0)'::pg_catalog.tid`;
	});
}

function tasksOf(rows: TableRows, entry: CatalogEntry, table: number, rangeScan: boolean): CopyTask[] {
	const { columns, table: name, filter } = rows.read;
	const list = columns.join(', ');
	const lock = entry.kind === 'r' ? decode(name) : undefined;
	const task = (sql: string, weight: number): CopyTask => ({
		copies: [{ table, sql: Buffer.from(sql, 'latin1'), header: rows.header, lock, copied: false }],
		weight,
	});
	if (entry.kind !== 'r' || filter) {
		return [task(`COPY (SELECT ${list} FROM ONLY ${name} ${filter}) TO STDOUT`, entry.pages)];
	}
	if (!rangeScan || !entry.heap || entry.pages <= RANGE_PAGES)
		return [task(`COPY ${name} (${list}) TO STDOUT`, entry.pages)];
	return ranges(entry.pages).map((range) =>
		task(`COPY (SELECT ${list} FROM ONLY ${name} WHERE ${range}) TO STDOUT`, RANGE_PAGES),
	);
}

/** Whether a task reads a table that is small, as far as its heap tells. Of what is no table, nothing tells. */
function isSmall({ copies, weight }: CopyTask): boolean {
	return weight <= SMALL_PAGES && copies.every(({ lock }) => lock !== undefined);
}

/** Puts small tables together that follow each other, where there are many. The others stay between them, in their order. */
function groupSmall(tasks: CopyTask[]): CopyTask[] {
	if (tasks.filter(isSmall).length <= MANY_SMALL_TABLES) return tasks;
	const grouped: CopyTask[] = [];
	let group: CopyTask | undefined;
	for (const task of tasks) {
		if (!isSmall(task)) {
			group = undefined;
			grouped.push(task);
		} else if (group && group.copies.length < TABLES_AT_ONCE && group.weight + task.weight <= PAGES_AT_ONCE) {
			group.copies.push(...task.copies);
			group.weight += task.weight;
		} else grouped.push((group = task));
	}
	return grouped;
}

/**
 * Plans the reading of tables, and appends them to those of the manifest. Those that may come in any order are read the
 * largest first, large ones in ranges that several connections read at once; of an ordered dump, whose tables are in the
 * order of their foreign keys, each is read as a whole and in its place. Where small tables are many, those that follow each
 * other are read together: a table with ten rows takes a server less time than its answer takes on the way.
 * @param entries see lookUpTables
 */
export function planCopies(
	serverVersion: number,
	tables: TableRows[],
	entries: ReadonlyMap<TableRead, CatalogEntry>,
	manifestTables: ManifestTable[],
	ordered: boolean,
): CopyTask[] {
	const rangeScan = !ordered && serverVersion >= RANGE_SCAN_VERSION;
	const tasks = tables.flatMap((rows) => {
		const entry = entries.get(rows.read) as CatalogEntry;
		const table = manifestTables.push({ schema: entry.schema, name: entry.name, rows: 0, bytes: 0 }) - 1;
		return tasksOf(rows, entry, table, rangeScan);
	});
	if (ordered) return groupSmall(tasks);
	const isAlone = (task: CopyTask) => !isSmall(task);
	return groupSmall([...tasks.filter(isAlone), ...tasks.filter(isSmall)]).sort((a, b) => b.weight - a.weight);
}

/**
 * The last look before a backup comes into being: its manifest promises the rows of every table that was planned.
 * @throws BackupError SOURCE_FAILED naming a table whose rows are not all in the archive
 */
export function checkAllCopied(tasks: CopyTask[], tables: ManifestTable[]): void {
	const copies = tasks.flatMap((task) => task.copies);
	const left = copies.filter(({ copied }) => !copied);
	const [first] = left;
	if (!first) return;
	const { schema, name } = tables[first.table] as ManifestTable;
	throw new BackupError(
		'SOURCE_FAILED',
		`The rows of ${schema}.${name} were not read (${left.length} of ${copies.length} steps left undone).`,
		{ hint: 'This is a fault of this package; no backup was made. Please report it.' },
	);
}
