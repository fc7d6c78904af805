import { encodeQuery, MessageType, splitMessages } from '../protocol';

import { completed, rowOf, textColumns } from './answers';

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

/** Those statements as pg_dump sends them. */
const REQUESTS = { [FETCH]: encodeQuery(Buffer.from(FETCH)), [CLOSE]: encodeQuery(Buffer.from(CLOSE)) };

/** How the server says that it has carried them out. */
const DECLARED = completed('DECLARE CURSOR');
const FETCHED_ONE = completed('FETCH 1');
const FETCHED_NONE = completed('FETCH 0');
const CLOSED = completed('CLOSE CURSOR');

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
	following: Array<{ sql: keyof typeof REQUESTS; answer: Buffer }>;
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
	const description = textColumns(columns.map(unquoted));
	return {
		declared: DECLARED,
		following: [
			{
				sql: FETCH,
				answer: Buffer.concat([
					description,
					rowOf([Buffer.from(marker), ...columns.slice(1).map(() => null)]),
					FETCHED_ONE,
				]),
			},
			{ sql: FETCH, answer: Buffer.concat([description, FETCHED_NONE]) },
			{ sql: CLOSE, answer: CLOSED },
		],
	};
}

const NOTHING = Buffer.alloc(0);

/**
 * Answers what pg_dump asks about the rows of tables, in pg_dump's own thread: with thousands of tables, handing each question to
 * another thread and waiting for its answer took most of a dump's time.
 */
export class MarkerCursors {
	readonly reads: TableRead[] = [];
	/** What will be asked next of the cursor that is open. */
	#following: Array<{ request: Buffer; reply: Buffer }> = [];
	/** The beginning of a query, which libpq may write in pieces. */
	#begun: Buffer = NOTHING;

	/** @param nonce What nobody else can have written; the marker of a read is this and its number: see `marker` */
	constructor(readonly nonce: string) {}

	/**
	 * Takes what pg_dump has written. Gives the answer, which is empty while a query is not complete; or what is to be sent to the
	 * server, where it is no question about rows.
	 */
	take(bytes: Buffer): { answer: Buffer } | { send: Buffer } {
		const [next] = this.#following;
		if (next?.request.equals(bytes)) {
			this.#following.shift();
			return { answer: next.reply };
		}
		const message = this.#begun.length > 0 ? Buffer.concat([this.#begun, bytes]) : bytes;
		this.#begun = NOTHING;
		// The packet with which a connection begins has no type, but a length: its first byte is zero.
		if (message[0] !== MessageType.query) return { send: message };
		const { messages, rest } = splitMessages(message);
		const [query] = messages;
		if (!query) {
			this.#begun = Buffer.from(rest);
			return { answer: NOTHING };
		}
		const read = parseTableRead(query.body.toString('latin1', 0, query.body.length - 1));
		if (!read) return { send: message };
		if (messages.length > 1 || rest.length > 0) throw new Error('pg_dump asked for more than rows at once.');
		const { declared, following } = markerCursor(read, marker(this.nonce, this.reads.push(read) - 1));
		this.#following = following.map(({ sql, answer }) => ({ request: REQUESTS[sql], reply: answer }));
		return { answer: declared };
	}
}

/** What stands in the script where the rows of a read belong. */
export const marker = (nonce: string, read: number): string => `${nonce}-${read}`;

/** The name that an identifier stands for; pg_dump writes bare only what is lower case. */
const unquoted = (identifier: string): string =>
	identifier.startsWith('"') ? identifier.slice(1, -1).replaceAll('""', '"') : identifier;
