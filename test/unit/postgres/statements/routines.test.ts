import { describe, expect, it } from 'vitest';

import { nameKey, objectKey } from '../../../../engine/postgres/statements/routines';
import { describeStatement } from '../../../../engine/postgres/statements/statement';

const keyOf = (statement: string) => objectKey(describeStatement(statement));

describe('what a statement on a routine is about', () => {
	it.each([
		[
			`CREATE FUNCTION s.f(a text DEFAULT concat('x', 'y'), b numeric = ARRAY[1, 2][1], VARIADIC c int[] DEFAULT '{}') RETURNS void LANGUAGE sql AS 'SELECT 1'`,
			[
				'ALTER FUNCTION s.f(a text, b numeric, VARIADIC c int[]) OWNER TO x',
				'REVOKE ALL ON FUNCTION s.f(a text, b numeric, VARIADIC c int[]) FROM PUBLIC',
				`COMMENT ON FUNCTION s.f(a text, b numeric, VARIADIC c int[]) IS 'f(a int)'`,
			],
		],
		['CREATE FUNCTION s.f() RETURNS int RETURN 1', ['GRANT ALL ON FUNCTION s.f() TO x']],
		[
			`CREATE PROCEDURE s."P,(" (INOUT "x, y" double precision) LANGUAGE sql AS 'SELECT x'`,
			['GRANT ALL ON PROCEDURE s."P,("(INOUT "x, y" double precision) TO x'],
		],
		['CREATE DOMAIN s.d AS int', ['GRANT ALL ON TYPE s.d TO x', 'ALTER DOMAIN s.d OWNER TO x']],
		['CREATE SCHEMA s', ['GRANT USAGE ON SCHEMA s TO x', 'ALTER SCHEMA s OWNER TO x']],
	])('is told by its arguments, without their defaults (%s)', (created, others) => {
		for (const other of others) expect(keyOf(other)).toBe(keyOf(created));
	});

	it('differs where the arguments do, in more than its name', () => {
		const [one, two] = ['CREATE FUNCTION s.f(a int)', 'CREATE FUNCTION s.f(a text)'];
		expect(keyOf(one)).not.toBe(keyOf(two));
		expect(nameKey(describeStatement(one))).toBe(nameKey(describeStatement(two)));
		expect(keyOf(one)).not.toBe(keyOf('CREATE FUNCTION s.f(a int, b int)'));
		expect(keyOf('CREATE TYPE s.f')).not.toBe(keyOf('CREATE SCHEMA f'));
	});
});

describe('a table that is made', () => {
	it.each([
		['CREATE TABLE s.t (a int)', true],
		['CREATE UNLOGGED TABLE s.t ()', true],
		['CREATE TABLE s.t PARTITION OF s.p DEFAULT', true],
		['CREATE TABLE s.t (a int) PARTITION BY LIST (a)', undefined],
		['CREATE TABLE s.t PARTITION OF s.p DEFAULT PARTITION BY LIST (a)', undefined],
		['CREATE TABLE s.t AS SELECT 1', undefined],
		['CREATE FOREIGN TABLE s.t (a int) SERVER x', undefined],
		['CREATE VIEW s.t AS SELECT 1', undefined],
		['ALTER TABLE s.t ADD COLUMN a int', undefined],
	])('%s holds rows of its own: %s', (statement, holdsRows) => {
		expect(describeStatement(statement).holdsRows).toBe(holdsRows);
	});
});
