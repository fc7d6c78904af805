import { describe, expect, it } from 'vitest';

import { readDataCopy } from '../../../../engine/postgres/statements/dataCopy';
import { whyForbidden } from '../../../../engine/postgres/statements/forbidden';
import { isOfPgDump } from '../../../../engine/postgres/statements/ofPgDump';

describe('a COPY that brings rows', () => {
	it.each([
		['COPY public.t (a, b) FROM stdin', { name: ['public', 't'], columns: ['a', 'b'], hasOptions: false }],
		['COPY t FROM STDIN', { name: ['t'], columns: undefined, hasOptions: false }],
		[`COPY "it's".from ("where", "stdin;") FROM stdin`, { name: ["it's", 'from'], columns: ['where', 'stdin;'] }],
		[`COPY BINARY t FROM STDIN`, { name: ['t'] }],
		[`COPY binary FROM STDIN`, { name: ['binary'] }],
		[`COPY t FROM STDIN WITH (FORMAT csv, NULL 'WHERE', FORCE_NULL ("where"))`, { hasOptions: true }],
		[`COPY t FROM STDIN CSV HEADER DELIMITER ';'`, { hasOptions: true }],
	])('is read: %s', (statement, copy) => {
		expect(readDataCopy(statement)).toMatchObject(copy);
	});

	it.each([
		`COPY t FROM PROGRAM 'x'`,
		`COPY t FROM '/x'`,
		`COPY t FROM PROGRAM 'x' WHERE a IS DISTINCT FROM stdin`,
		`COPY t FROM PROGRAM 'x' -- FROM stdin`,
		'COPY t FROM stdin WHERE f(a)',
		'COPY t TO STDOUT',
		'COPY (SELECT 1) TO STDOUT',
		`COPY t (a) TO PROGRAM 'x'`,
		'COPY U&"t" FROM STDIN',
		'COPY t (a, (b)) FROM STDIN',
		'COPY t () FROM STDIN',
		'COPY t (a FROM STDIN',
		'SELECT 1',
		'',
	])('is nothing else: %s', (statement) => {
		expect(readDataCopy(statement)).toBeUndefined();
	});
});

describe('what pg_dump writes', () => {
	it.each([
		'SET statement_timeout = 0',
		'SET standard_conforming_strings = on',
		"SET client_encoding = 'UTF8'",
		"SET default_tablespace = ''",
		'SET default_tablespace = "a ""b"" c"',
		'SET default_table_access_method = heap',
		'SET xmloption = content',
		'SET row_security = off',
		"SET SESSION AUTHORIZATION 'o''neil'",
		'SET SESSION AUTHORIZATION DEFAULT',
		'RESET SESSION AUTHORIZATION',
		'SET ROLE o',
		`SELECT pg_catalog.set_config('search_path', '', false)`,
		`SELECT pg_catalog.setval('public."S(x)"', 1, true)`,
		`SELECT pg_catalog.lo_create('42')`,
		`SELECT pg_catalog.lo_unlink(oid) FROM pg_catalog.pg_largeobject_metadata WHERE oid = '42'`,
		`SELECT * FROM pg_catalog.pg_restore_relation_stats('version', '180000'::integer, 'relname', 't')`,
		'ALTER TABLE ONLY public.t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES public.u(a)',
		'CREATE USER MAPPING FOR x SERVER s',
		`CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p WITH (connect = false, slot_name = 's')`,
		'ALTER SUBSCRIPTION s OWNER TO o',
		'INSERT INTO public.nothing DEFAULT VALUES',
		'REFRESH MATERIALIZED VIEW public.m',
		'GRANT ALL ON FUNCTION pg_catalog.pg_read_file(text) TO monitor',
		`CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $$ COPY t FROM PROGRAM 'x' $$`,
		'CREATE VIEW v AS SELECT pg_ls_dir(x) FROM t',
	])('is let through: %s', (statement) => {
		expect(whyForbidden(statement)).toBeUndefined();
		expect(isOfPgDump(statement)).toBe(true);
	});

	it.each([
		'DO $$ BEGIN END $$',
		'SELECT f()',
		'SELECT 1',
		`SELECT pg_catalog.setval('s', (SELECT evil()))`,
		`SELECT pg_catalog . set_config ( 'role', 'x', false)`,
		`SELECT pg_catalog."set_config"('standard_conforming_strings', 'off', false)`,
		`SELECT pg_catalog.set_config/**/('standard_conforming_strings', 'off', false)`,
		`SELECT pg_catalog.set_config('search_path', '', false), pg_catalog."set_config"('role', 'x', false)`,
		'RESET standard_conforming_strings',
		'RESET client_encoding',
		'RESET search_path',
		'RESET ALL',
		'reset/**/all',
		'SET LOCAL standard_conforming_strings = off',
		'SET SESSION standard_conforming_strings = off',
		'SET standard_conforming_strings TO DEFAULT',
		'SET standard_conforming_strings = DEFAULT',
		'SET standard_conforming_strings FROM CURRENT',
		`SET standard_conforming_strings = E'of\\x66'`,
		'SET standard_conforming_strings = $$off$$',
		'SET "standard_conforming_strings" = off',
		'SET standard_conforming_strings /**/ = off',
		"SET NAMES 'SJIS'",
		'SET backslash_quote = on',
		'SET session_replication_role = replica',
		'SET TRANSACTION READ ONLY',
		'SET CONSTRAINTS ALL DEFERRED',
		'UPDATE t SET a = 1',
		'INSERT INTO t VALUES (1)',
		'TRUNCATE t',
		'DROP DATABASE d',
		'ALTER ROLE r NOLOGIN',
		'CALL p()',
		'"SET" x',
	])('is nothing else, though a dump of others may hold it: %s', (statement) => {
		expect(whyForbidden(statement)).toBeUndefined();
		expect(isOfPgDump(statement)).toBe(false);
	});
});

describe('what is never run', () => {
	it.each([
		"LOAD 'x'",
		'/* x */ copy t to stdout',
		'-- x\rCOPY t FROM stdin',
		`((SELECT pg_read_file('x')))`,
		`WITH x AS (SELECT 1) SELECT "pg_read_file" ('x')`,
		`CREATE UNLOGGED TABLE t AS SELECT pg_ls_dir('x')`,
		`SELECT U&"pg_read\\005ffile"('x')`,
		"COMMIT PREPARED 'x'",
		'SELECT \0',
		`CREATE SUBSCRIPTION s CONNECTION 'connect = false' PUBLICATION p`,
	])('is told: %s', (statement) => {
		expect(whyForbidden(statement)).toBeTruthy();
		expect(isOfPgDump(statement)).toBe(false);
	});

	it('takes no string for code, as strings are read at that point', () => {
		expect(whyForbidden(`INSERT INTO t VALUES ('\\', pg_read_file('x'))`)).toBeTruthy();
		expect(whyForbidden(`INSERT INTO t VALUES ('\\', pg_read_file(')`, false)).toBeUndefined();
	});
});
