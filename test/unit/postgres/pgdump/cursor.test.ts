import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { markerRead, parseTableRead } from '../../../../engine/postgres/pgdump/cursor';

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

describe('markerRead', () => {
	it('selects the marker under the first name and nothing under the others', () => {
		const read = { columns: ['a', '"B ""c"'], table: 'public.t', filter: 'WHERE x' };
		expect(markerRead(read, 'abc-0')).toBe(`${DECLARE}'abc-0'::pg_catalog.text AS a, NULL::pg_catalog.text AS "B ""c"`);
	});
});
