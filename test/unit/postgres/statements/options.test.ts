import { describe, expect, it } from 'vitest';

import { optionLists, settingClauses, withoutText } from '../../../../engine/postgres/statements/options';

const named = (statement: string) =>
	optionLists(statement).map(({ word, options, alone }) => [word, options.map(({ name }) => name), alone]);

describe('optionLists', () => {
	it('reads the lists of tables, indexes, views and columns', () => {
		expect(
			named(`CREATE TABLE public.t (\n    i integer\n)\nWITH (fillfactor='70', toast.autovacuum_enabled='false')`),
		).toEqual([['WITH', ['fillfactor', 'toast.autovacuum_enabled'], true]]);
		expect(named(`CREATE INDEX x ON public.t USING btree (i) WITH (fillfactor='70') WHERE (i > 0)`)).toEqual([
			['WITH', ['fillfactor'], false],
		]);
		expect(named('ALTER TABLE ONLY public.t ALTER COLUMN i SET (pg_attver=22158952, n_distinct=5)')).toEqual([
			['SET', ['pg_attver', 'n_distinct'], true],
		]);
		expect(named(`create view v with (security_barrier) as select 1 AS "WITH (a=1)"`)).toEqual([
			['WITH', ['security_barrier'], false],
		]);
	});

	it('takes nothing for a list that is in a string, a name, a comment, a body or in parentheses', () => {
		for (const statement of [
			`CREATE TABLE t (a text DEFAULT 'x) WITH (b=1)')`,
			'CREATE TABLE "t WITH (b=1)" (a int)',
			'CREATE TABLE t (a int) /* WITH (b=1) */',
			'CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1 WITH (b=1) $$',
			'ALTER TABLE t ADD CONSTRAINT e EXCLUDE USING gist (c WITH &&)',
			'CREATE TABLE p PARTITION OF t FOR VALUES WITH (modulus 4, remainder 0)',
		])
			expect(optionLists(statement)).toEqual([]);
	});

	it('tells where each option stands, whatever its value holds', () => {
		const statement = `CREATE TABLE t ("odd, name" int) WITH ("Odd)" = 'a, (b', other=1)`;
		const [list] = optionLists(statement);
		expect(list?.options.map(({ start, end }) => statement.slice(start, end))).toEqual([`"Odd)" = 'a, (b'`, 'other=1']);
		expect(statement.slice(list?.open, (list?.close ?? 0) + 1)).toBe(`("Odd)" = 'a, (b', other=1)`);
	});

	it('does not take an action among others for the whole of its statement', () => {
		expect(named('ALTER TABLE t SET (a=1), ADD COLUMN b int')).toEqual([['SET', ['a'], false]]);
	});
});

describe('settingClauses', () => {
	it('reads a function’s settings with all of their values', () => {
		const statement = `CREATE FUNCTION f() RETURNS int\n    LANGUAGE sql\n    SET search_path TO 'a', 'b'\n    SET "my.own" TO 'it''s SET x TO 1'\n    AS $$SET y TO 2$$`;
		const found = settingClauses(statement);
		expect(found.map(({ name }) => name)).toEqual(['search_path', 'my.own']);
		const [first] = found;
		expect(withoutText(statement, first!.start, first!.end)).toBe(
			`CREATE FUNCTION f() RETURNS int\n    LANGUAGE sql\n    SET "my.own" TO 'it''s SET x TO 1'\n    AS $$SET y TO 2$$`,
		);
	});
});
