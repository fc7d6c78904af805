/**
 * pg_dump, told to write INSERT statements with column names, reads each table by one statement of this form (function
 * dumpTableData_insert of its source):
 *
 *     DECLARE _pg_dump_cursor CURSOR FOR SELECT <columns> FROM ONLY <table>[ <filter>]
 *
 * Texts are in "binary" strings, one character a byte: what matters here is ASCII in every client encoding we use.
 */
const PREFIX = 'DECLARE _pg_dump_cursor CURSOR FOR SELECT ';
const FROM = ' FROM ONLY ';

/** What pg_dump reads of one table. Names are quoted as pg_dump quotes them. */
export interface TableRead {
	columns: string[];
	/** Qualified. */
	table: string;
	/** A WHERE clause, or empty. */
	filter: string;
}

/** The end of the identifier that begins at `start`: quoted, or running up to a character no bare name holds. */
function endOfIdentifier(text: string, start: number): number {
	if (text[start] !== '"') {
		let end = start;
		while (end < text.length && !' ,.'.includes(text[end] as string)) end++;
		return end;
	}
	for (let at = start + 1; at < text.length; at++) {
		if (text[at] !== '"') continue;
		if (text[at + 1] === '"') at++;
		else return at + 1;
	}
	return text.length;
}

/**
 * Reads a DECLARE of pg_dump's. Undefined for every other statement, and for tables without columns to read (pg_dump
 * selects a bare NULL there): those go through as they are.
 */
export function parseTableRead(sql: string): TableRead | undefined {
	if (!sql.startsWith(PREFIX)) return undefined;
	const columns: string[] = [];
	let at = PREFIX.length;
	for (;;) {
		const end = endOfIdentifier(sql, at);
		columns.push(sql.slice(at, end));
		at = end;
		if (!sql.startsWith(', ', at)) break;
		at += 2;
	}
	if (!sql.startsWith(FROM, at) || columns.includes('NULL')) return undefined;
	const tableStart = at + FROM.length;
	let tableEnd = endOfIdentifier(sql, tableStart);
	if (sql[tableEnd] === '.') tableEnd = endOfIdentifier(sql, tableEnd + 1);
	return { columns, table: sql.slice(tableStart, tableEnd), filter: sql.slice(tableEnd).trim() };
}

/**
 * The statement sent in place of a table read: a single row that holds the marker in the first column and NULL in the
 * others, under the same names, so that pg_dump writes one INSERT with the marker where the rows would stand.
 */
export function markerRead(read: TableRead, marker: string): string {
	const [first, ...others] = read.columns;
	const list = [
		`'${marker}'::pg_catalog.text AS ${first}`,
		...others.map((column) => `NULL::pg_catalog.text AS ${column}`),
	];
	return `${PREFIX}${list.join(', ')}`;
}
