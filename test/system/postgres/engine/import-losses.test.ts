import { afterAll, beforeAll, expect, it } from 'vitest';

import { databaseWith, failureOf } from '../../../integration/postgres/engine/support';
import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { importing, into } from './importing';

let server: PostgresServer;
const { count, dump, importInto } = importing(() => server);

beforeAll(async () => {
	server = await startPostgres({ version: 15 });
});

afterAll(async () => {
	await server?.stop();
});

const FORMATS: string[][] = [[], ['-Fc']];
const TWO = `CREATE TABLE a AS SELECT generate_series(1, 5) AS id; CREATE TABLE b AS SELECT generate_series(1, 7) AS id`;

it.each(FORMATS)('neither empties nor drops tables whose rows a dump does not hold (%s)', async (...format) => {
	const database = await databaseWith(server, TWO);
	const definitions = await dump(database, '--schema-only', ...format);
	const emptying = { target: into(database, 'truncate'), selection: { dataOnly: true } };
	await failureOf(importInto(definitions, emptying), 'INVALID_INPUT');
	const partial = await dump(database, '--exclude-table-data=b', ...format);
	const { warnings } = await importInto(partial, emptying);
	expect(warnings).toEqual([expect.stringContaining('no rows of public.b')]);
	const dropping = { target: into(database, 'drop'), selection: { schemas: ['public'] } };
	for (const path of [definitions, partial]) await failureOf(importInto(path, dropping), 'INVALID_INPUT');
	expect([await count(database, 'a'), await count(database, 'b')]).toEqual(['5', '7']);
});

it.each(FORMATS)('empties a table of which a dump holds that it is empty (%s)', async (...format) => {
	const database = await databaseWith(server, TWO, 'DELETE FROM b');
	const path = await dump(database, ...format);
	await server.query(database, 'INSERT INTO b VALUES (1)');
	await importInto(path, { target: into(database, 'truncate'), selection: { dataOnly: true } });
	expect([await count(database, 'a'), await count(database, 'b')]).toEqual(['5', '0']);
});

it.each(FORMATS)('looks before it empties whether the columns fit (%s)', async (...format) => {
	const database = await databaseWith(server, TWO);
	const path = await dump(database, ...format);
	await server.query(database, 'ALTER TABLE b RENAME id TO number');
	const run = importInto(path, { target: into(database, 'truncate'), selection: { dataOnly: true } });
	expect((await failureOf(run, 'TARGET_FAILED')).message).toContain('public.b lacks the column "id"');
	expect([await count(database, 'a'), await count(database, 'b')]).toEqual(['5', '7']);
});

it.each(FORMATS)('tells of rows that refer to none and of what is to be refreshed (%s)', async (...format) => {
	const database = await databaseWith(
		server,
		'CREATE TABLE pa (id int PRIMARY KEY) PARTITION BY LIST (id); CREATE TABLE pa_1 PARTITION OF pa DEFAULT; INSERT INTO pa VALUES (1), (2)',
		'CREATE TABLE ch (id int CONSTRAINT to_pa REFERENCES pa); INSERT INTO ch VALUES (1), (2); CREATE MATERIALIZED VIEW m AS TABLE ch',
	);
	const path = await dump(database, ...format);
	await server.query(database, 'DELETE FROM ch WHERE id = 2; DELETE FROM pa WHERE id = 2');
	const { warnings } = await importInto(path, {
		target: into(database, 'truncate'),
		selection: { dataOnly: true, tables: ['ch'] },
	});
	expect(warnings).toEqual([
		expect.stringContaining('public.m.'),
		expect.stringMatching(/^1 rows of public\.ch .* \(foreign key "to_pa"\)/),
	]);
});
