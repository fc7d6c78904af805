import { describe, expect, it } from 'vitest';
import { listPlainDump } from '../../../../engine/postgres/import/listPlainDump';
import { inPieces } from '../foreign/read-blocks';
import { isTextFormat } from '../../../../engine/postgres/statements/dataCopy';

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
		const listed = await listPlainDump(inPieces(Buffer.from(script), 7));
		expect(listed.map(({ database }) => database)).toEqual(listed.map(() => 'shop'));
		expect(listed).toMatchObject([
			{ database: 'shop', id: 3, type: 'TABLE', schema: 'app', name: 'orders', owner: 'jo', hasData: true, rows: 2 },
			{ id: 5, type: 'VIEW', schema: 'app', name: 'v', owner: 'jo', hasData: false },
			{ id: 7, type: 'TABLE', schema: 'app', name: 'empty', owner: null, hasData: false, rows: 0 },
			{ id: 8, type: 'TABLE', schema: 'public', name: 'quoted', owner: null, hasData: true },
			{ id: 19, type: 'TABLE', schema: 'elsewhere', name: 'made_before', owner: null, hasData: true, rows: 2 },
		]);
	});

	it('is listed with what belongs to its tables, and no more', async () => {
		const script = `CREATE DATABASE shop;
CREATE SCHEMA s;
ALTER SCHEMA s OWNER TO jo;
CREATE TABLE s."A b" (id int);
CREATE UNIQUE INDEX i ON ONLY s."A b" USING btree (id);
CREATE CONSTRAINT TRIGGER tr AFTER UPDATE ON s."A b" EXECUTE FUNCTION f();
CREATE RULE r AS ON DELETE TO s."A b" DO NOTHING;
CREATE POLICY p ON s."A b";
CREATE EXTENSION IF NOT EXISTS hstore WITH SCHEMA public;
CREATE OPERATOR s.@+ (FUNCTION = f);
CREATE CAST (s.x AS text) WITH INOUT;
CREATE FUNCTION s.f(a integer) RETURNS int LANGUAGE sql AS 'SELECT 1';
ALTER FUNCTION s.f(a integer) OWNER TO "Jo";
ALTER TABLE ONLY s."A b" ADD CONSTRAINT k PRIMARY KEY (id);
ALTER TABLE s."A b" ADD CONSTRAINT c CHECK (id > 0);
ALTER TABLE ONLY s."A b" ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES s.t(id);
INSERT INTO s."A b" VALUES (1);
INSERT INTO s."A b" SELECT 2;
INSERT INTO s."A b" VALUES (3);
`;
		const listed = await listPlainDump(inPieces(Buffer.from(script)));
		expect(listed.map(({ type, schema, name, owner }) => [type, schema, name, owner])).toEqual([
			['SCHEMA', null, 's', 'jo'],
			['TABLE', 's', 'A b', null],
			['INDEX', 's', 'i', null],
			['TRIGGER', 's', 'A b tr', null],
			['RULE', 's', 'A b r', null],
			['POLICY', 's', 'A b p', null],
			['EXTENSION', null, 'hstore', null],
			['OPERATOR', 's', '@+', null],
			['FUNCTION', 's', 'f', 'Jo'],
			['CONSTRAINT', 's', 'A b k', null],
			['CHECK CONSTRAINT', 's', 'A b c', null],
			['FK CONSTRAINT', 's', 'A b f', null],
		]);
		expect(listed[1]).toMatchObject({ hasData: true });
		expect(listed[1]).not.toHaveProperty('rows');
	});

	it.each([
		['COPY s.t ("csv, stdin") FROM stdin', true],
		["copy s.binary from STDIN with (delimiter e'\\t')", true],
		['COPY s.t FROM stdin WITH (FORMAT csv)', false],
		['COPY s.t FROM stdin CSV HEADER', false],
	])('counts rows by lines where %s: %s', (statement, lines) => expect(isTextFormat(statement)).toBe(lines));

	it('that was cut off is not listed', async () => {
		const script = Buffer.from('CREATE TABLE t ();\nCOPY t FROM stdin;\n1\n');
		await expect(listPlainDump(inPieces(script))).rejects.toMatchObject({ code: 'ARCHIVE_INCOMPLETE' });
	});
});
