import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { quoteIdentifier } from '../../../../engine/postgres/quoting';
import { describeStatement } from '../../../../engine/postgres/statements/statement';
import { tableKey } from '../../../../engine/postgres/statements/tokens';

const key = (name: string) => tableKey(...(name.split('.') as [string, string]));

/** Facts that a statement may lack. */
const NOTHING = {
	schema: undefined,
	table: undefined,
	ownedSequence: undefined,
	cluster: undefined,
	drops: undefined,
	replaces: undefined,
};

describe('describeStatement', () => {
	it.each([
		['CREATE TABLE sales.orders (id int)', { kind: 'TABLE', schema: 'sales', table: key('sales.orders') }],
		['CREATE UNLOGGED TABLE a.b ()', { kind: 'TABLE', table: key('a.b') }],
		['COMMENT ON COLUMN a.b.c IS $$ON x.y$$', { kind: 'COLUMN', table: key('a.b') }],
		['COMMENT ON TRIGGER t ON a.b IS NULL', { table: key('a.b') }],
		['CREATE TRIGGER "on x.y" BEFORE INSERT ON a.b FOR EACH ROW EXECUTE FUNCTION f.g()', { table: key('a.b') }],
		['CREATE RULE r AS ON INSERT TO a.b DO NOTHING', { table: key('a.b') }],
		['CREATE POLICY p ON a.b TO x USING (true)', { table: key('a.b') }],
		['CREATE UNIQUE INDEX i ON ONLY a.b USING btree (c)', { work: 'index', table: key('a.b'), index: key('a.i') }],
		['ALTER INDEX a.i ATTACH PARTITION c.d', { kind: 'INDEX', index: key('a.i'), attached: key('c.d') }],
		['ALTER TABLE ONLY a.b ATTACH PARTITION c.d FOR VALUES IN (1)', { table: key('a.b'), attached: key('c.d') }],
		['CREATE TABLE a.b PARTITION OF c.d FOR VALUES IN (1)', { table: key('a.b'), partitionOf: key('c.d') }],
		['ALTER TABLE ONLY a.b ADD CONSTRAINT k PRIMARY KEY (c)', { work: 'index', index: key('a.k') }],
		['ALTER TABLE ONLY a.b ADD CONSTRAINT "primary" CHECK (c > 0)', { work: 'other' }],
		[
			'ALTER TABLE ONLY a.b ADD CONSTRAINT k FOREIGN KEY (c) REFERENCES d.e(f)',
			{
				work: 'foreign-key',
				locks: [
					{ table: key('a.b'), shared: false },
					{ table: key('d.e'), shared: false },
				],
			},
		],
		['ALTER SEQUENCE a.s OWNED BY a.b.c', { table: key('a.b'), ownedSequence: key('a.s') }],
		[
			'ALTER TABLE a.b ALTER COLUMN c ADD GENERATED ALWAYS AS IDENTITY ( SEQUENCE NAME a.s START WITH 1 )',
			{ table: key('a.b'), ownedSequence: key('a.s') },
		],
		["SELECT pg_catalog.setval('a.\"S''q\"', 3, true)", { kind: 'SEQUENCE SET', table: key("a.S'q") }],
		['CREATE EXTENSION IF NOT EXISTS "uuid-ossp" WITH SCHEMA x', { extension: 'uuid-ossp', extensionSchema: 'x' }],
		['GRANT SELECT,INSERT(a) ON TABLE a.b TO PUBLIC', { table: key('a.b'), role: { kind: 'privilege', names: [] } }],
		[
			'GRANT ALL ON SCHEMA s TO a, "B, c" WITH GRANT OPTION',
			{ schema: 's', role: { kind: 'privilege', names: ['a', 'B, c'] } },
		],
		[
			'REVOKE ALL ON FUNCTION s.f(a int, "to" text) FROM PUBLIC, x',
			{ schema: 's', role: { kind: 'privilege', names: ['x'] } },
		],
		[
			'ALTER DEFAULT PRIVILEGES FOR ROLE r IN SCHEMA s GRANT SELECT ON TABLES TO g',
			{ kind: 'DEFAULT PRIVILEGES', schema: 's', role: { kind: 'privilege', names: ['r', 'g'] } },
		],
		['ALTER FUNCTION s.f(a int) OWNER TO "The Boss"', { schema: 's', role: { kind: 'owner', names: ['The Boss'] } }],
		['CREATE MATERIALIZED VIEW a.b AS SELECT 1', { kind: 'MATERIALIZED VIEW', table: key('a.b') }],
		['CREATE OR REPLACE VIEW a.b AS SELECT 1', { kind: 'VIEW', table: key('a.b'), replaces: true }],
		['CREATE VIEW a.b AS SELECT 1', { kind: 'VIEW', table: key('a.b'), replaces: undefined }],
		['ALTER DOMAIN IF EXISTS a.d DROP CONSTRAINT c', { kind: 'DOMAIN', schema: 'a', drops: true }],
		['ALTER DOMAIN a.d ADD CONSTRAINT "drop" CHECK (VALUE > 0)', { kind: 'DOMAIN', schema: 'a', drops: undefined }],
		['CREATE STATISTICS a.s ON x, y FROM a.b', { table: key('a.b'), index: key('a.s') }],
		['ALTER STATISTICS a.s SET STATISTICS 7', { index: key('a.s'), schema: 'a' }],
		['INSERT INTO a.b VALUES (1)', { kind: 'INSERT', table: key('a.b'), schema: 'a' }],
		['insert into "A"."b (c" (x) overriding system value values (1)', { kind: 'INSERT', table: tableKey('A', 'b (c') }],
		['INSERT INTO a.b DEFAULT VALUES', { kind: 'INSERT', table: key('a.b') }],
		['COPY a.b (c) FROM stdin', { kind: 'COPY', table: key('a.b') }],
		['COPY BINARY a.b FROM stdin', { kind: 'COPY', table: key('a.b') }],
		['COPY (SELECT 1) TO stdout', { kind: 'COPY', table: undefined }],
		['CREATE OPERATOR a.@+ (FUNCTION = b.f)', { kind: 'OPERATOR', schema: 'a' }],
		['COMMENT ON OPERATOR "A b".= (int, NONE) IS NULL', { kind: 'OPERATOR', schema: 'A b' }],
		['ALTER OPERATOR a.<-> (b.t, b.t) OWNER TO x', { schema: 'a', role: { kind: 'owner', names: ['x'] } }],
		['CREATE OPERATOR CLASS a.c DEFAULT FOR TYPE b.t USING btree AS STORAGE b.u', { schema: 'a' }],
		['ALTER OPERATOR FAMILY a.f USING btree ADD OPERATOR 1 b.< (int, int)', { schema: 'a' }],
		['CREATE AGGREGATE a.g(int) (SFUNC = b.f)', { schema: 'a' }],
		['CREATE CAST (a.b AS text) WITH FUNCTION a.f(a.b)', { kind: 'CAST', schema: undefined }],
		['CREATE FUNCTION a."f (x"("y z" int) RETURNS b.t', { kind: 'FUNCTION', schema: 'a' }],
		['COMMENT ON TEXT SEARCH TEMPLATE a.t IS NULL', { kind: 'TEXT SEARCH TEMPLATE', schema: 'a' }],
		['COMMENT ON CONSTRAINT c ON DOMAIN a.d IS NULL', { schema: 'a', table: undefined }],
		['CREATE PUBLICATION p FOR TABLE ONLY a.b', { kind: 'PUBLICATION', schema: undefined, table: undefined }],
		['CREATE EVENT TRIGGER e ON ddl_command_end', { kind: 'EVENT TRIGGER', schema: undefined, table: undefined }],
		['GRANT SELECT ON a.b TO c', { table: key('a.b'), role: { kind: 'privilege', names: ['c'] } }],
		['GRANT SELECT ON ALL TABLES IN SCHEMA s TO c', { kind: 'SCHEMA', schema: 's' }],
		["SELECT pg_catalog.lo_create('7')", { kind: 'LARGE OBJECT' }],
		["SELECT pg_catalog.lo_open('7', 131072)", { kind: 'LARGE OBJECT CONTENT' }],
		["SELECT pg_catalog.lowrite(0, '\\x00')", { kind: 'LARGE OBJECT CONTENT' }],
		['SELECT lo_close(0)', { kind: 'LARGE OBJECT CONTENT' }],
		["SELECT pg_catalog.lo_unlink('7')", { kind: 'LARGE OBJECT', drops: true }],
		["SELECT pg_catalog.set_config('search_path', '', false)", { kind: 'SET', searchPath: '' }],
		["SET search_path = ''", { kind: 'SET', searchPath: '' }],
		['SET search_path TO "$user", "My App", public', { kind: 'SET', searchPath: 'My App' }],
		['reset all', { kind: 'SET', searchPath: 'public' }],
		["SET SESSION AUTHORIZATION 'the ''boss'''", { role: { kind: 'session', names: ["the 'boss'"] } }],
		['SET SESSION AUTHORIZATION DEFAULT', { role: { kind: 'session', names: [] } }],
		['RESET SESSION AUTHORIZATION', { role: { kind: 'session', names: [] } }],
		['SET ROLE "Boss"', { role: { kind: 'session', names: ['Boss'] } }],
		['DROP TABLE IF EXISTS ONLY a.b', { table: key('a.b'), drops: true }],
		['ALTER TABLE IF EXISTS ONLY a.b DROP CONSTRAINT IF EXISTS c', { table: key('a.b'), drops: true }],
		['ALTER TABLE a.b ALTER COLUMN c DROP DEFAULT', { table: key('a.b'), drops: true }],
		['ALTER TABLE ONLY a.b DETACH PARTITION c.d', { table: key('a.b'), drops: true }],
		['DROP OPERATOR IF EXISTS a.@+ (int, int)', { schema: 'a', drops: true }],
		['DROP EXTENSION IF EXISTS hstore', { extension: 'hstore', drops: true }],
		['ALTER ROLE r IN DATABASE x SET work_mem TO 1', { cluster: true }],
		['ALTER DATABASE x SET work_mem TO 1', { cluster: true }],
		['GRANT CONNECT ON DATABASE x TO y', { cluster: true }],
		['GRANT x TO y', { cluster: true }],
		['CREATE USER MAPPING FOR x SERVER y', { kind: 'USER MAPPING', cluster: undefined }],
		["UPDATE pg_catalog.pg_database SET datistemplate = false WHERE datname = 'x'", { cluster: true }],
	])('%s', (statement, facts) => expect({ ...NOTHING, ...describeStatement(statement) }).toMatchObject(facts));

	it.each([
		['CREATE TABLE t (a int)', { table: key('s.t'), schema: 's' }],
		['COMMENT ON COLUMN t.a IS NULL', { table: key('s.t') }],
		['ALTER SEQUENCE q OWNED BY t.a', { table: key('s.t'), ownedSequence: key('s.q') }],
		['ALTER SEQUENCE q OWNED BY NONE', { table: key('s.q'), ownedSequence: undefined }],
		['CREATE INDEX i ON t USING btree (a)', { table: key('s.t'), index: key('s.i') }],
		["SELECT setval('q', 1)", { table: key('s.q') }],
		['CREATE OPERATOR @+ (FUNCTION = f)', { schema: 's' }],
		['CREATE LANGUAGE l', { schema: undefined }],
		[
			'ALTER TABLE ONLY t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES u(b)',
			{
				locks: [
					{ table: key('s.t'), shared: false },
					{ table: key('s.u'), shared: false },
				],
			},
		],
	])('under a search path, %s', (statement, facts) =>
		expect({ ...NOTHING, ...describeStatement(statement, { schema: 's', standardStrings: true }) }).toMatchObject(
			facts,
		),
	);

	it.each([
		['begin', 'begins'],
		['BEGIN WORK ISOLATION LEVEL SERIALIZABLE', 'begins'],
		['start transaction read only', 'begins'],
		['Commit', 'ends'],
		['END TRANSACTION', 'ends'],
		['ROLLBACK', 'ends'],
		['abort', 'ends'],
		["PREPARE TRANSACTION 'x'", 'ends'],
		['COMMIT AND CHAIN', 'within'],
		['COMMIT AND NO CHAIN', 'ends'],
		['ROLLBACK TO SAVEPOINT s', 'within'],
		['ROLLBACK WORK TO s', 'within'],
		['savepoint s', 'within'],
		['RELEASE s', 'within'],
		['SET TRANSACTION READ WRITE', 'within'],
		['SET CONSTRAINTS ALL DEFERRED', 'within'],
		['SET LOCAL work_mem = 1', 'within'],
	])('%s: the transaction %s', (statement, transaction) =>
		expect(describeStatement(statement)).toMatchObject({ kind: 'TRANSACTION', transaction }),
	);

	it.each(['"begin" x', 'PREPARE p AS SELECT 1', 'SET work_mem = 1', 'START'])(
		'%s controls no transaction',
		(statement) => expect(describeStatement(statement).transaction).toBeUndefined(),
	);

	it('finds a table by any name in any of its statements', () => {
		fc.assert(
			fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (schema, name) => {
				const table = `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
				for (const statement of [
					`CREATE TABLE ${table} (x int)`,
					`ALTER TABLE ONLY ${table} ALTER COLUMN x SET DEFAULT 1`,
					`CREATE INDEX i ON ${table} USING btree (x)`,
					`GRANT SELECT ON TABLE ${table} TO ${quoteIdentifier(name)}`,
					`COMMENT ON TABLE ${table} IS 'ON a.b'`,
				])
					expect(describeStatement(statement).table).toBe(tableKey(schema, name));
			}),
		);
	});

	it('never fails on text of any kind', () => {
		fc.assert(fc.property(fc.string(), (text) => void describeStatement(text)));
		fc.assert(
			fc.property(
				fc.constantFrom('CREATE ', 'ALTER TABLE ', 'GRANT x ON ', 'COMMENT ON '),
				fc.string(),
				(verb, rest) => void describeStatement(verb + rest),
			),
		);
	});
});
