import { describe, expect, it } from 'vitest';

import type { RestoreSelection } from '../../../../../engine/postgres';
import { SelectionFilter } from '../../../../../engine/postgres/restore/source/selection';
import { StatementReader } from '../../../../../engine/postgres/statements/reader';
import { StatementSurvey } from '../../../../../engine/postgres/restore/source/survey';

const DUMP = [
	`SET client_encoding = 'UTF8'`,
	`SELECT pg_catalog.set_config('search_path', '', false)`,
	'CREATE SCHEMA ext',
	'CREATE SCHEMA sales',
	'CREATE EXTENSION IF NOT EXISTS hstore WITH SCHEMA ext',
	`COMMENT ON EXTENSION hstore IS 'x'`,
	'CREATE TYPE sales.state AS ENUM ()',
	'CREATE TABLE sales.orders (id int)',
	'CREATE TABLE sales."Lines" (id int)',
	'ALTER TABLE sales.orders ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY ( SEQUENCE NAME sales.orders_id_seq )',
	'CREATE TABLE sales.parts (id int) PARTITION BY RANGE (id)',
	'CREATE TABLE hidden.part_1 (id int)',
	'ALTER TABLE ONLY sales.parts ATTACH PARTITION hidden.part_1 DEFAULT',
	`SELECT pg_catalog.lo_create('7')`,
	`SELECT pg_catalog.setval('sales.orders_id_seq', 3, true)`,
	'CREATE INDEX parts_id ON ONLY sales.parts USING btree (id)',
	'CREATE INDEX part_1_id ON hidden.part_1 USING btree (id)',
	'ALTER INDEX sales.parts_id ATTACH PARTITION hidden.part_1_id',
	'ALTER TABLE ONLY sales."Lines" ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES sales.orders(id)',
	'CREATE VIEW sales.v AS SELECT 1',
];

function decisions(selection: RestoreSelection, dump = DUMP): Record<string, string> {
	const survey = new StatementSurvey();
	for (const statement of dump)
		if (statement.startsWith('COPY ')) survey.copied(statement);
		else survey.add(statement);
	const filter = survey.filter(selection);
	const reader = new StatementReader();
	return Object.fromEntries(
		dump
			.map((statement) => [statement, filter.decide(reader.read(statement))])
			.filter(([, decision]) => decision !== 'no'),
	);
}

describe('a selection', () => {
	it('of nothing in particular takes all', () => {
		expect(Object.keys(decisions({}))).toEqual(DUMP);
	});

	it('of a partitioned table takes the partitions that older dumps make as such', () => {
		const dump = [
			'CREATE TABLE a.root (id int) PARTITION BY LIST (id)',
			'CREATE TABLE b.p PARTITION OF a.root DEFAULT',
		];
		expect(Object.keys(decisions({ tables: ['a.root'] }, dump))).toEqual(dump);
	});

	it('of a table takes what belongs to it, and what it may need where that is not there', () => {
		const chosen = decisions({ tables: ['sales.orders'] });
		expect(chosen).toMatchObject({
			[DUMP[7] as string]: 'yes',
			[DUMP[9] as string]: 'yes',
			[DUMP[14] as string]: 'yes',
			[DUMP[3] as string]: 'dependency',
			[DUMP[6] as string]: 'dependency',
		});
		expect(chosen).not.toHaveProperty([DUMP[13] as string]);
		expect(chosen).not.toHaveProperty([DUMP[18] as string]);
	});

	it('of a table takes the schemas that something of it may be in, and no others', () => {
		const dump = [...DUMP, 'CREATE SCHEMA hidden', 'CREATE SCHEMA idle', 'CREATE SCHEMA tools', 'CREATE TYPE tools.t'];
		const schemas = (table: string) =>
			Object.keys(decisions({ tables: [table] }, dump))
				.filter((statement) => statement.startsWith('CREATE SCHEMA'))
				.map((statement) => statement.slice('CREATE SCHEMA '.length));
		expect(schemas('sales.orders')).toEqual(['ext', 'sales', 'tools']);
		expect(schemas('sales.parts')).toEqual(['ext', 'sales', 'hidden', 'tools']);
		expect(schemas('orders')).toEqual(['ext', 'sales', 'hidden', 'idle', 'tools']);
	});

	it('of a table takes a foreign key to another only if it can be had', () => {
		expect(decisions({ tables: ['"Lines"'] })[DUMP[18] as string]).toBe('optional');
		expect(decisions({ tables: ['"Lines"', 'orders'] })[DUMP[18] as string]).toBe('yes');
	});

	it('of a partitioned table takes its partitions, wherever they are, and ties their indexes', () => {
		const chosen = decisions({ tables: ['sales.parts'] });
		for (const index of [10, 11, 12, 15, 16, 17]) expect(chosen[DUMP[index] as string]).toBe('yes');
		expect(decisions({ tables: ['hidden.part_1'] })).not.toHaveProperty([DUMP[17] as string]);
	});

	it('of a schema makes the schema of an extension, and takes nothing else of others', () => {
		const chosen = decisions({ schemas: ['sales'] });
		expect(chosen[DUMP[2] as string]).toBe('dependency');
		expect(chosen[DUMP[3] as string]).toBe('keep');
		expect(chosen[DUMP[19] as string]).toBe('yes');
	});

	it('of rows alone takes positions of sequences, and large objects where all is wanted', () => {
		expect(Object.keys(decisions({ dataOnly: true })).slice(2)).toEqual([DUMP[13], DUMP[14]]);
		expect(Object.keys(decisions({ dataOnly: true, tables: ['orders'] })).slice(2)).toEqual([DUMP[14]]);
	});

	it('takes the rows of INSERTs with their table', () => {
		const rows = [
			'INSERT INTO sales.orders VALUES (1)',
			'INSERT INTO other.t DEFAULT VALUES',
			'COPY sales.orders FROM stdin',
		];
		expect(decisions({ tables: ['orders'] }, rows)).toEqual({ [rows[0]!]: 'yes', [rows[2]!]: 'yes' });
		expect(decisions({ dataOnly: true, schemas: ['other'] }, rows)).toEqual({ [rows[1]!]: 'yes' });
		expect(Object.keys(decisions({ dataOnly: true }, rows))).toEqual(rows);
	});

	it('takes the contents of large objects with all rows, and with nothing less', () => {
		const contents = [
			"SELECT pg_catalog.lo_open('7', 1)",
			"SELECT pg_catalog.lowrite(0, 'x')",
			'SELECT pg_catalog.lo_close(0)',
		];
		expect(Object.keys(decisions({ dataOnly: true }, contents))).toEqual(contents);
		expect(decisions({ dataOnly: true, tables: ['t'] }, contents)).toEqual({});
		expect(decisions({ schemas: ['s'] }, contents)).toEqual({});
	});

	it('takes nothing away, whatever the dump says', () => {
		const drops = [
			'DROP EXTENSION IF EXISTS hstore',
			'DROP SCHEMA IF EXISTS sales',
			'ALTER TABLE IF EXISTS ONLY sales.orders DROP CONSTRAINT IF EXISTS c',
			'ALTER TABLE sales.orders ALTER COLUMN id DROP DEFAULT',
			'ALTER TABLE sales.parts DETACH PARTITION hidden.part_1',
			"SELECT pg_catalog.lo_unlink('7')",
			'DROP TABLE IF EXISTS sales.orders',
			'TRUNCATE TABLE ONLY sales.orders',
		];
		for (const selection of [{}, { tables: ['sales.orders'] }, { schemas: ['sales'] }, { dataOnly: true }])
			expect(decisions(selection, drops)).toEqual({});
	});

	it('takes owner and privileges of what it may make', () => {
		const rights = [
			'ALTER FUNCTION sales.f(a int) OWNER TO x',
			'REVOKE ALL ON FUNCTION sales.f(a int) FROM PUBLIC',
			'ALTER TYPE sales.state OWNER TO x',
			'GRANT USAGE ON SCHEMA sales TO x',
		];
		const cases: Array<[RestoreSelection, string]> = [
			[{ tables: ['sales.orders'] }, 'dependency'],
			[{ schemas: ['sales'] }, 'keep'],
			[{}, 'yes'],
		];
		for (const [selection, decision] of cases)
			expect(decisions(selection, rights)).toEqual(Object.fromEntries(rights.map((right) => [right, decision])));
		expect(decisions({ schemas: ['other'] }, rights)).toEqual({});
	});

	it('ties a partition to a table that was not chosen, and what is below it after that', () => {
		const dump = [
			'CREATE TABLE a.root (id int) PARTITION BY LIST (id)',
			'CREATE TABLE b.p (id int) PARTITION BY LIST (id)',
			'CREATE TABLE b.leaf (id int)',
			'ALTER TABLE ONLY b.p ATTACH PARTITION b.leaf DEFAULT',
			'ALTER TABLE ONLY a.root ATTACH PARTITION b.p DEFAULT',
			'CREATE INDEX p_id ON ONLY b.p USING btree (id)',
			'CREATE INDEX leaf_id ON b.leaf USING btree (id)',
			'ALTER INDEX b.p_id ATTACH PARTITION b.leaf_id',
		];
		const chosen = decisions({ schemas: ['b'] }, dump);
		expect(chosen).toEqual({
			...Object.fromEntries([1, 2, 5, 6].map((index) => [dump[index], 'yes'])),
			...Object.fromEntries([3, 4].map((index) => [dump[index], 'attach'])),
		});
		expect(new Set(Object.values(decisions({ tables: ['root'] }, dump)))).toEqual(new Set(['yes']));
	});

	it('never changes a database as a whole, or the server', () => {
		const server = [
			'ALTER ROLE r IN DATABASE d SET x = 1',
			'CREATE ROLE r',
			'DROP DATABASE d',
			'ALTER SYSTEM SET x = 1',
		];
		expect(decisions({}, server)).toEqual({});
	});

	it.each(['', 'a.b.c', 'a b', '"open', 'a.', '.a', 'a;b'])('is refused where %s is no name', (table) => {
		expect(() => new SelectionFilter({ tables: [table] })).toThrow(
			expect.objectContaining({ code: 'INVALID_INPUT' }) as Error,
		);
	});
});
