import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { markerCursor, MarkerCursors, parseTableRead } from '../../../../engine/postgres/pgdump/cursor';
import { encodeMessage, encodeQuery, MessageType, splitMessages } from '../../../../engine/postgres/protocol';

const DECLARE = 'DECLARE _pg_dump_cursor CURSOR FOR SELECT ';
const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;

/** Names as pg_dump's fmtId writes them: bare where that is safe, else in quotes. */
const bare = fc.stringMatching(/^[a-z_][a-z0-9_]{0,10}$/);
const nasty = fc.oneof(
	fc.string({ minLength: 1, maxLength: 20 }),
	fc.constantFrom('a b', 'a, b', ' FROM ONLY ', 'x" FROM ONLY "y', '.', ', ', 'WHERE', "it's", '"', '""'),
);
const identifier = fc.oneof(bare, nasty.map(quoted));

describe('parseTableRead', () => {
	it('reads back every list of columns, table and filter', () => {
		const reads = fc.record({
			columns: fc.array(identifier, { minLength: 1, maxLength: 6 }),
			schema: identifier,
			name: identifier,
			filter: fc.constantFrom('', 'WHERE id > 3', `WHERE "from only" = ' FROM ONLY x'`),
		});
		fc.assert(
			fc.property(reads, ({ columns, schema, name, filter }) => {
				const table = `${schema}.${name}`;
				const read = parseTableRead(`${DECLARE}${columns.join(', ')} FROM ONLY ${table}${filter && ` ${filter}`}`);
				expect(read).toEqual({ columns, table, filter });
			}),
		);
	});

	it.each([
		['another statement', 'SELECT 1'],
		['a cursor of another kind', 'DECLARE other CURSOR FOR SELECT a FROM ONLY b.c'],
		['a table without columns', `${DECLARE}NULL FROM ONLY public.empty`],
	])('leaves %s alone', (_, sql) => expect(parseTableRead(sql)).toBeUndefined());
});

describe('markerCursor', () => {
	it('has one row, with the marker under the first name and NULL under the others, then none', () => {
		const read = { columns: ['a', '"B ""c"', '"d"'], table: 'public.t', filter: 'WHERE x' };
		const { declared, following } = markerCursor(read, 'abc-0');
		const messages = (answer: Buffer) =>
			splitMessages(answer).messages.map(({ type, body }) => [String.fromCharCode(type), body.toString('latin1')]);
		const field = (name: string) => `${name}\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0`;
		const description = ['T', `\0\x03${field('a')}${field('B "c')}${field('d')}`];
		const ready = ['Z', 'T'];
		expect(messages(declared)).toEqual([['C', 'DECLARE CURSOR\0'], ready]);
		const row = ['D', '\0\x03\0\0\0\x05abc-0\xff\xff\xff\xff\xff\xff\xff\xff'];
		expect(following.map(({ sql, answer }) => [sql, ...messages(answer)])).toEqual([
			['FETCH 100 FROM _pg_dump_cursor', description, row, ['C', 'FETCH 1\0'], ready],
			['FETCH 100 FROM _pg_dump_cursor', description, ['C', 'FETCH 0\0'], ready],
			['CLOSE _pg_dump_cursor', ['C', 'CLOSE CURSOR\0'], ready],
		]);
	});
});

describe('MarkerCursors', () => {
	const query = (sql: string) => encodeQuery(Buffer.from(sql, 'latin1'));
	const read = { columns: ['a', '"b c"'], table: 'public.t', filter: '' };
	const declare = query(`${DECLARE}a, "b c" FROM ONLY public.t`);
	const fetch = query('FETCH 100 FROM _pg_dump_cursor');

	it('answers all that is asked about the rows of a table, and numbers the tables', () => {
		const cursors = new MarkerCursors('nonce');
		for (const number of [0, 1]) {
			const { declared, following } = markerCursor(read, `nonce-${number}`);
			expect(cursors.take(declare)).toEqual({ answer: declared });
			for (const { sql, answer } of following) expect(cursors.take(query(sql))).toEqual({ answer });
		}
		expect(cursors.reads).toEqual([read, read]);
	});

	it('waits for the whole of a query that comes in pieces, wherever it is cut', () => {
		for (let cut = 1; cut < declare.length; cut++) {
			const cursors = new MarkerCursors('nonce');
			// What is taken lies in the memory of pg_dump, which writes the next piece there.
			const shared = Buffer.from(declare.subarray(0, cut));
			expect(cursors.take(shared)).toEqual({ answer: Buffer.alloc(0) });
			shared.fill(0);
			expect(cursors.take(declare.subarray(cut))).toEqual({ answer: markerCursor(read, 'nonce-0').declared });
		}
	});

	it.each([
		['a startup packet', Buffer.of(0, 0, 0, 8, 4, 210, 22, 47)],
		['another query', query('SELECT 1')],
		['a message of another type', encodeMessage(MessageType.functionCall, Buffer.alloc(8))],
		['a FETCH of no cursor that it knows', fetch],
	])('sends %s to the server', (_, send) => expect(new MarkerCursors('nonce').take(send)).toEqual({ send }));

	it('refuses what comes together with a question about rows', () =>
		expect(() => new MarkerCursors('nonce').take(Buffer.concat([declare, fetch]))).toThrow('more than rows'));
});
