import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { quoteIdentifier } from '../../../../engine/postgres/connection';
import { mapOwnership } from '../../../../engine/postgres/restore/ownership';
import { describeStatement } from '../../../../engine/postgres/restore/statement';
import { parseName, tableKey, tokenize } from '../../../../engine/postgres/restore/tokens';

const key = (name: string) => tableKey(...(name.split('.') as [string, string]));

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
		['CREATE STATISTICS a.s ON x, y FROM a.b', { table: key('a.b') }],
	])('%s', (statement, facts) => expect(describeStatement(statement)).toMatchObject(facts));

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

describe('tokenize', () => {
	it('passes over strings, bodies and comments', () => {
		const text = `a 'b "c"' E'd\\'e' $f$ g $$ $f$ -- h\n/* i */ "j ""k"`;
		expect(tokenize(text).map(({ name }) => name)).toEqual(['a', 'j "k']);
	});

	it('reads a name back that was quoted', () => {
		fc.assert(
			fc.property(fc.array(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 3 }), (parts) => {
				expect(parseName(tokenize(parts.map(quoteIdentifier).join('.')), 0)?.parts).toEqual(parts);
			}),
		);
	});
});

describe('mapOwnership', () => {
	const map = (statement: string, owner: Parameters<typeof mapOwnership>[2], privileges = true) =>
		mapOwnership(statement, describeStatement(statement), owner, privileges);
	const odd = 'ALTER TABLE a."OWNER TO x" OWNER TO "o""dd; owner"';

	it('changes the owner at the end and nothing else', () => {
		expect(map(odd, { type: 'role', role: 'new "one" $&' })).toBe(
			'ALTER TABLE a."OWNER TO x" OWNER TO "new ""one"" $&"',
		);
		expect(map(odd, { type: 'asDumped' })).toBe(odd);
		expect(map(odd, { type: 'none' })).toBeUndefined();
		expect(map('CREATE TABLE a.b ()', { type: 'none' })).toBe('CREATE TABLE a.b ()');
	});

	it('leaves privileges out where they are not wanted', () => {
		for (const sql of [
			'GRANT ALL ON TABLE a.b TO c',
			'REVOKE ALL ON SCHEMA s FROM c',
			'ALTER DEFAULT PRIVILEGES FOR ROLE r GRANT ALL ON TABLES TO c',
		]) {
			expect(map(sql, { type: 'asDumped' })).toBe(sql);
			expect(map(sql, { type: 'asDumped' }, false)).toBeUndefined();
		}
	});
});
