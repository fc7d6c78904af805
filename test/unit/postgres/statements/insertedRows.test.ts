import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { insertedRows } from '../../../../engine/postgres/statements/insertedRows';

describe('insertedRows', () => {
	it.each<[string, number | undefined]>([
		['INSERT INTO a.b VALUES (1)', 1],
		['insert into a.b (c, "values (d") values (1, f(2)), ((3), NULL)', 2],
		['INSERT INTO a.b OVERRIDING SYSTEM VALUE VALUES (1), (2), (3)', 3],
		['INSERT INTO a.b DEFAULT VALUES', 1],
		["INSERT INTO a.b VALUES ('), ('), (E'\\'), (', $$), ($$) -- , (\n, (4) /* , () */", 3],
		["INSERT INTO a.b VALUES (date'2020-01-01', B'01'), (NULL, NULL)", 2],
		['INSERT INTO a.b VALUES (1) ON CONFLICT DO NOTHING', undefined],
		['INSERT INTO a.b SELECT 1', undefined],
		['INSERT INTO a.b (SELECT 1)', undefined],
		['INSERT INTO a.b WITH x AS (VALUES (1)) TABLE x', undefined],
		['INSERT INTO "a', undefined],
	])('%s: %s', (statement, rows) => expect(insertedRows(statement)).toBe(rows));

	it('reads strings as old servers did where it is told so', () => {
		const statement = "INSERT INTO a VALUES ('\\'), ('), (2)";
		expect(insertedRows(statement, false)).toBe(2);
	});

	it('counts rows whatever is in them', () => {
		const value = fc.oneof(
			fc.string().map((text) => `'${text.replaceAll("'", "''")}'`),
			fc.string().map((text) => `E'${text.replace(/['\\]/g, '\\$&')}'`),
			fc.integer().map(String),
			fc.constantFrom('NULL', 'true', "'{}'::text[]"),
		);
		const row = fc.array(value, { minLength: 1 }).map((values) => `(${values.join(', ')})`);
		fc.assert(
			fc.property(fc.array(row, { minLength: 1 }), (rows) => {
				expect(insertedRows(`INSERT INTO a.b VALUES\n\t${rows.join(',\n\t')}`)).toBe(rows.length);
			}),
		);
	});
});
