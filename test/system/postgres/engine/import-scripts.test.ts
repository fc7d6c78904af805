import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { compareDatabases } from '../../../fidelity/compare';
import { databaseNames, databaseWith, failureOf, scalar } from '../../../integration/postgres/engine/support';
import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { entryOf, writeArchive } from '../../../unit/postgres/foreign/write-archive';
import { importing } from './importing';

let server: PostgresServer;
const { copyOf, count, dump, file, importInto } = importing(() => server);

beforeAll(async () => {
	server = await startPostgres({ version: 15 });
});

afterAll(async () => {
	await server?.stop();
});

describe('a schema that is chosen', () => {
	it.each([[[]], [['-Fc']]])('comes with all kinds of objects in it (%o)', async (args) => {
		const database = await databaseWith(
			server,
			'CREATE SCHEMA "Main"; CREATE SCHEMA side',
			...['"Main"', 'side'].flatMap((schema) => [
				`CREATE FUNCTION ${schema}."odd (name"(int, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 + $2'`,
				`CREATE OPERATOR ${schema}.@+ (FUNCTION = ${schema}."odd (name", LEFTARG = int, RIGHTARG = int)`,
				`COMMENT ON OPERATOR ${schema}.@+ (int, int) IS 'plus'`,
				`CREATE OPERATOR ${schema}.=== (FUNCTION = int4eq, LEFTARG = int, RIGHTARG = int)`,
				`CREATE OPERATOR FAMILY ${schema}.family USING hash`,
				`CREATE OPERATOR CLASS ${schema}.class FOR TYPE int USING hash FAMILY ${schema}.family AS OPERATOR 1 ${schema}.===, FUNCTION 1 hashint4(int)`,
				`CREATE AGGREGATE ${schema}.sums(int) (SFUNC = ${schema}."odd (name", STYPE = int)`,
				`CREATE TEXT SEARCH DICTIONARY ${schema}.words (TEMPLATE = simple)`,
				`CREATE TEXT SEARCH CONFIGURATION ${schema}.search (COPY = simple)`,
				`ALTER TEXT SEARCH CONFIGURATION ${schema}.search ALTER MAPPING FOR word WITH ${schema}.words`,
				`CREATE DOMAIN ${schema}.positive AS int CONSTRAINT above CHECK (VALUE > 0)`,
				`COMMENT ON CONSTRAINT above ON DOMAIN ${schema}.positive IS 'more than nothing'`,
				`CREATE COLLATION ${schema}.c (LOCALE = 'C')`,
				`CREATE TABLE ${schema}.t (a int, b int)`,
				`CREATE STATISTICS ${schema}.dependent ON a, b FROM ${schema}.t`,
				`ALTER STATISTICS ${schema}.dependent SET STATISTICS 7; COMMENT ON STATISTICS ${schema}.dependent IS 'both'`,
			]),
		);
		const chosen = await importInto(await dump(database, ...args), { selection: { schemas: ['Main'] } });
		const whole = await copyOf(database, 'DROP SCHEMA side CASCADE');
		expect(await compareDatabases({ server, database: whole }, { server, database: chosen.database })).toEqual([]);
		const table = await importInto(await dump(database, ...args), { selection: { tables: ['side.t'] } });
		expect(await scalar(server, table.database, 'SELECT stxstattarget::text FROM pg_statistic_ext')).toBe('7');
	});
});

/** As pg_dump wrote before the minor releases of 2018. */
const OLD = `--
-- PostgreSQL database dump
--

SET client_encoding = 'UTF8';
SET standard_conforming_strings = off;

CREATE SCHEMA app;
SET search_path = public, pg_catalog;

CREATE TABLE item (id integer NOT NULL, note text);
CREATE SEQUENCE item_id_seq START WITH 1;
ALTER SEQUENCE item_id_seq OWNED BY item.id;

SET search_path = app, pg_catalog;

CREATE TABLE item (id integer NOT NULL, note text);
COMMENT ON COLUMN item.note IS 'not public''s';
CREATE TABLE part (id integer, item integer);
INSERT INTO item VALUES (1, 'a\\'), ('), (2, 'b');

SET search_path = public, pg_catalog;

COPY item (id, note) FROM stdin;
1	one
2	two
3	three
\\.

SELECT pg_catalog.setval('item_id_seq', 3, true);

SET search_path = app, pg_catalog;

COPY part (id, item) FROM stdin;
1	2
\\.

SET search_path = public, pg_catalog;

ALTER TABLE ONLY item ADD CONSTRAINT item_pkey PRIMARY KEY (id);

SET search_path = app, pg_catalog;

ALTER TABLE ONLY item ADD CONSTRAINT item_pkey PRIMARY KEY (id);
ALTER TABLE ONLY part ADD CONSTRAINT part_item_fkey FOREIGN KEY (item) REFERENCES public.item(id);
CREATE INDEX part_item ON part USING btree (item);

--
-- PostgreSQL database dump complete
--
`;

describe('a dump of before 2018, whose names have no schema', () => {
	it.each([
		['with line feeds', OLD],
		['with carriage returns and a byte order mark', `\ufeff${OLD.replaceAll('\n', '\r\n')}`],
	])('%s comes back whole, and its rows are counted', async (_, content) => {
		const { database, tables } = await importInto(file(content));
		expect(tables).toHaveLength(3);
		expect(tables).toEqual(
			expect.arrayContaining([
				{ schema: 'app', name: 'item', rows: 2, expected: 2 },
				{ schema: 'public', name: 'item', rows: 3, expected: 3 },
				{ schema: 'app', name: 'part', rows: 1, expected: 1 },
			]),
		);
		expect(await scalar(server, database, `SELECT string_agg(note, ' ' ORDER BY id) FROM app.item`)).toBe(`a'), ( b`);
	});

	it('comes back by table and by schema', async () => {
		const table = await importInto(file(OLD), { selection: { tables: ['public.item'] } });
		expect(table.tables).toMatchObject([{ schema: 'public', name: 'item', rows: 3 }]);
		expect(await scalar(server, table.database, `SELECT nextval('public.item_id_seq')`)).toBe('4');
		expect(await scalar(server, table.database, `SELECT to_regclass('app.item')`)).toBeNull();
		const schema = await importInto(file(OLD), { selection: { schemas: ['app'] } });
		expect(await scalar(server, schema.database, `SELECT to_regclass('app.part_item')::text`)).toBe('app.part_item');
		expect(await count(schema.database, 'app.item')).toBe('2');
		expect(await scalar(server, schema.database, `SELECT to_regclass('public.item')`)).toBeNull();
	});

	it('in the custom format comes back by table', async () => {
		const table = (id: number, schema: string) => [
			entryOf({ id, type: 'TABLE', name: 'item', schema, definition: 'CREATE TABLE item (id integer);\n' }),
			entryOf({
				id: id + 1,
				type: 'TABLE DATA',
				name: 'item',
				schema,
				section: 'data',
				hasData: true,
				copy: 'COPY item (id) FROM stdin;\n',
			}),
		];
		const { bytes } = writeArchive({
			minor: 12,
			compression: 'gzip',
			entries: [
				entryOf({ id: 9, type: 'SCHEMA', name: 'app', definition: 'CREATE SCHEMA app;\n' }),
				...table(1, 'public'),
				...table(3, 'app'),
			],
			blocks: [
				{ id: 2, data: Buffer.from('1\n2\n\\.\n\n\n') },
				{ id: 4, data: Buffer.from('3\n\\.\n\n\n') },
			],
		});
		const chosen = await importInto(file(bytes), { selection: { tables: ['app.item'] } });
		expect(await count(chosen.database, 'app.item')).toBe('1');
		expect(await scalar(server, chosen.database, `SELECT to_regclass('public.item')`)).toBeNull();
		const { tables } = await importInto(file(bytes));
		expect(tables).toMatchObject([
			{ rows: 2, expected: 2 },
			{ rows: 1, expected: 1 },
		]);
	});
});

describe('a script that somebody wrote', () => {
	it.each([
		['as it is', (text: string) => text],
		['with carriage returns and a byte order mark', (text: string) => `\ufeff${text.replaceAll('\n', '\r\n')}`],
	])('may hold all that SQL allows (%s)', async (_, form) => {
		const text = `/* before /* nested; */ still ' a comment; */
begin;
create table Item ("csv, (binary)" text, id serial);  -- it's "quoted
create function public.odd() returns text language plpgsql as $Ünï_1$ begin return $$;'$$ || $q$ $a $q$; end $Ünï_1$;
copy Item ("csv, (binary)") from stdin;
a\\tb\\\\.
\\N
\\.
insert into item ("csv, (binary)") values (E'it\\'s; (x'), (U&'d\\0061t\\+000061'), ($v$'), ('$v$);
savepoint s;
insert into item select 'more' from generate_series(1, 4);
rollback to s;
select
  set_config('search_path', 'public', false);
end;
start transaction; insert into item default values; abort;
COMMENT ON TABLE item IS 'a
b';
`;
		const { database, tables } = await importInto(file(form(text)));
		expect(await count(database, 'item')).toBe('5');
		expect(tables).toMatchObject([{ schema: 'public', name: 'item', expected: undefined }]);
		expect(await scalar(server, database, 'SELECT odd()')).toBe(";' $a ");
		expect(await scalar(server, database, `SELECT string_agg("csv, (binary)", '|' ORDER BY id) FROM item`)).toMatch(
			/^a\tb\\\.\|it's; \(x\|data\|'\), \('$/,
		);
		const chosen = await importInto(file(form(text)), { selection: { tables: ['item'] } });
		expect(await count(chosen.database, 'item')).toBe('5');
	});

	it.each([
		['a variable of psql', "\\set name 'x'\nCREATE TABLE t ();", /\\set/],
		['an encoding that psql is told', '\\encoding LATIN1\nCREATE TABLE t ();', /\\encoding/],
		['a condition', '\\if true\nCREATE TABLE t ();\n\\endif', /\\if/],
		['a command instead of a semicolon', "SELECT 'CREATE TABLE t ()' \\gexec", /backslash command/],
		['two databases', '\\connect a\nCREATE TABLE t ();\n\\connect b\nCREATE TABLE t ();', /several databases/],
	])('is refused where it holds %s, and changes nothing', async (_, text, message) => {
		const before = await databaseNames(server);
		expect((await failureOf(importInto(file(`${text}\n`)), 'INVALID_INPUT')).message).toMatch(message);
		expect(await databaseNames(server)).toEqual(before);
	});

	it('may name its database, its encoding and its own owner', async () => {
		const { database, warnings } = await importInto(
			file(
				"\\encoding utf-8\n\\c shop\nCREATE ROLE stranger PASSWORD 'secret';\nCREATE TABLE t (a text);\nINSERT INTO t VALUES ('é');\n",
			),
		);
		expect(await scalar(server, database, 'SELECT a FROM t')).toBe('é');
		expect(warnings).toEqual([expect.stringContaining('CREATE ROLE')]);
		expect(warnings.join()).not.toContain('secret');
		expect(await scalar(server, 'postgres', `SELECT count(*) FROM pg_roles WHERE rolname = 'stranger'`)).toBe('0');
	});
});
