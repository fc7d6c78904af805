import { expect, it } from 'vitest';

import { objectName } from '../../../../engine/postgres/statements/naming';

it.each([
	['-- Name: t; Type: TABLE; Schema: public; Owner: me', 'CREATE TABLE public.t ()', 'TABLE public.t'],
	['-- Name: x; Type: SCHEMA; Schema: -; Owner: me', 'CREATE SCHEMA x', 'SCHEMA x'],
	['', 'CREATE  TABLE\n t ()', 'CREATE TABLE t ()'],
	[
		'',
		`CREATE USER MAPPING FOR a SERVER s OPTIONS (password 'p')`,
		'CREATE USER MAPPING FOR a SERVER s OPTIONS (password…',
	],
	['', 'CREATE FUNCTION f() RETURNS int AS $$SELECT 1$$', 'CREATE FUNCTION f() RETURNS int AS…'],
	['', 'insert into t values (42)', 'insert into t…'],
	['', `CREATE TABLE ${'x'.repeat(100)} ()`, `CREATE TABLE ${'x'.repeat(67)}…`],
])('%s %s is called by its name, or by its words up to the first value', (comment, statement, name) => {
	expect(objectName(comment, statement)).toBe(name);
});
