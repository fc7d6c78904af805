import { encodeMessage, MessageType } from '../protocol';

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
const FETCH = 'FETCH 100 FROM _pg_dump_cursor';
const CLOSE = 'CLOSE _pg_dump_cursor';

/** Number of the type text, fixed in pg_type.dat. */
const TEXT = 25;

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

/** What pg_dump is told of one table, and with what statements it asks. */
export interface MarkerCursor {
	/** The answer to the DECLARE. */
	declared: Buffer;
	/** The statements that follow, in this order, with their answers. */
	following: Array<{ sql: string; answer: Buffer }>;
}

/**
 * What stands in for the server's answers about one table, as if it held a single row: the marker in the first column and
 * NULL in the others, so that pg_dump writes one INSERT with the marker where the rows would stand. The server has nothing
 * to say to that, and four round trips for each of thousands of tables would take most of a dump's time.
 *
 * pg_dump declares the cursor, fetches until it gets nothing, and closes it. Messages and their fields: PostgreSQL
 * documentation, "Message Formats".
 */
export function markerCursor({ columns }: TableRead, marker: string): MarkerCursor {
	const description = describe(columns);
	return {
		declared: completed('DECLARE CURSOR'),
		following: [
			{ sql: FETCH, answer: Buffer.concat([description, row(columns.length, marker), completed('FETCH 1')]) },
			{ sql: FETCH, answer: Buffer.concat([description, completed('FETCH 0')]) },
			{ sql: CLOSE, answer: completed('CLOSE CURSOR') },
		],
	};
}

/** RowDescription: columns of type text that belong to no table. */
function describe(columns: string[]): Buffer {
	const fields = columns.map((column) => {
		const facts = Buffer.alloc(18);
		facts.writeInt32BE(TEXT, 6);
		facts.writeInt16BE(-1, 10);
		facts.writeInt32BE(-1, 12);
		return Buffer.concat([Buffer.from(`${unquoted(column)}\0`, 'latin1'), facts]);
	});
	return encodeMessage(MessageType.rowDescription, Buffer.concat([int16(columns.length), ...fields]));
}

/** DataRow: a value, and NULL in all other columns. */
function row(columns: number, value: string): Buffer {
	const nulls = Buffer.alloc(4 * (columns - 1), 0xff);
	const body = [int16(columns), int32(value.length), Buffer.from(value, 'latin1'), nulls];
	return encodeMessage(MessageType.dataRow, Buffer.concat(body));
}

/** The end of the answer to a statement within a transaction. */
function completed(tag: string): Buffer {
	return Buffer.concat([
		encodeMessage(MessageType.commandComplete, Buffer.from(`${tag}\0`)),
		encodeMessage(MessageType.readyForQuery, Buffer.from('T')),
	]);
}

function int16(value: number): Buffer {
	const bytes = Buffer.alloc(2);
	bytes.writeInt16BE(value);
	return bytes;
}

function int32(value: number): Buffer {
	const bytes = Buffer.alloc(4);
	bytes.writeInt32BE(value);
	return bytes;
}

/** The name that an identifier stands for; pg_dump writes bare only what is lower case. */
const unquoted = (identifier: string): string =>
	identifier.startsWith('"') ? identifier.slice(1, -1).replaceAll('""', '"') : identifier;
