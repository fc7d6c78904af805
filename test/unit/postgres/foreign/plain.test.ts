import { describe, expect, it } from 'vitest';
import { describeStatement, listPlainDump } from '../../../../engine/postgres/foreign';
import { inPieces } from './read-blocks';

describe('what a statement is about', () => {
	it.each<[string, unknown]>([
		['CREATE TABLE public.orders (id int)', { type: 'TABLE', schema: 'public', name: 'orders' }],
		['CREATE UNLOGGED TABLE "A ""b"""."C.d" ()', { type: 'TABLE', schema: 'A "b"', name: 'C.d' }],
		['CREATE TABLE IF NOT EXISTS Orders ()', { type: 'TABLE', schema: null, name: 'orders', unqualified: true }],
		['CREATE UNIQUE INDEX i ON ONLY s.t USING btree (a)', { type: 'INDEX', schema: 's', name: 'i' }],
		['CREATE TRIGGER tr BEFORE UPDATE ON s.t EXECUTE FUNCTION f()', { type: 'TRIGGER', schema: 's', name: 't tr' }],
		['CREATE RULE r AS\n    ON DELETE TO s.t DO NOTHING', { type: 'RULE', schema: 's', name: 't r' }],
		['CREATE POLICY p ON s.t', { type: 'POLICY', schema: 's', name: 't p' }],
		['CREATE EXTENSION IF NOT EXISTS hstore WITH SCHEMA public', { type: 'EXTENSION', schema: null, name: 'hstore' }],
		['ALTER TABLE ONLY s.t ADD CONSTRAINT c PRIMARY KEY (a)', { type: 'CONSTRAINT', schema: 's', name: 't c' }],
		['ALTER TABLE s.t\n ADD CONSTRAINT c FOREIGN KEY (a)', { type: 'FK CONSTRAINT', schema: 's', name: 't c' }],
		[
			'ALTER FUNCTION s.f(a integer, b text) OWNER TO "Jo"',
			{ what: 'owner', type: 'FUNCTION', name: 'f', owner: 'Jo' },
		],
		['INSERT INTO s.t VALUES (1)', { what: 'insert', schema: 's', name: 't' }],
		['SET search_path = app, pg_catalog', { what: 'searchPath', schema: 'app' }],
		["SELECT pg_catalog.set_config('search_path', '', false)", { what: 'searchPath', schema: null }],
	])('%s', (statement, expected) => {
		expect(describeStatement(statement)).toMatchObject(expected as object);
	});

	it('is left open for all others', () => {
		for (const statement of ['SELECT 1', 'ALTER TABLE t ADD COLUMN a int', 'CREATE', 'SET x = 1', '']) {
			expect(describeStatement(statement)).toBeUndefined();
		}
	});
});

describe('a plain dump', () => {
	it('is listed with owners and rows', async () => {
		const script = `\\connect shop
SET search_path = app, pg_catalog;
CREATE TABLE orders (id int);
ALTER TABLE app.orders OWNER TO jo;
CREATE VIEW v AS SELECT 1;
ALTER TABLE v OWNER TO jo;
CREATE TABLE empty ();
CREATE TABLE public.quoted ();
COPY orders (id) FROM stdin;
1
2
\\.
COPY empty FROM stdin;
\\.
COPY public.quoted FROM stdin WITH (FORMAT csv);
"a
b"
\\.
INSERT INTO elsewhere.made_before VALUES (1), (2);
`;
		expect(await listPlainDump(inPieces(Buffer.from(script), 7))).toEqual({
			connects: ['shop'],
			statements: 11,
			rowBytes: 10,
			objects: [
				{ id: 3, type: 'TABLE', schema: 'app', name: 'orders', owner: 'jo', hasData: true, rows: 2 },
				{ id: 5, type: 'VIEW', schema: 'app', name: 'v', owner: 'jo', hasData: false },
				{ id: 7, type: 'TABLE', schema: 'app', name: 'empty', owner: null, hasData: false, rows: 0 },
				{ id: 8, type: 'TABLE', schema: 'public', name: 'quoted', owner: null, hasData: true },
				{ id: 19, type: 'TABLE', schema: 'elsewhere', name: 'made_before', owner: null, hasData: true },
			],
		});
	});

	it('that was cut off is not listed', async () => {
		const script = Buffer.from('CREATE TABLE t ();\nCOPY t FROM stdin;\n1\n');
		await expect(listPlainDump(inPieces(script))).rejects.toMatchObject({ code: 'ARCHIVE_INCOMPLETE' });
	});
});
