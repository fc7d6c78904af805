import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { backUp, databaseWith, restore, scalar } from './support';

let server: PostgresServer;

beforeAll(async () => {
	server = await startPostgres({ version: 18 });
});

afterAll(async () => {
	await server?.stop();
});

const DEFINITIONS = [
	'CREATE TABLE c_parents (id int PRIMARY KEY, filler text)',
	'CREATE TABLE b_children (id int PRIMARY KEY, parent int REFERENCES c_parents, filler text)',
	'CREATE TABLE a_grandchildren (child int REFERENCES b_children, filler text)',
];

describe('a backup of data only', () => {
	it('keeps the order of foreign keys, whatever the size of the tables', async () => {
		const database = await databaseWith(
			server,
			...DEFINITIONS,
			`INSERT INTO c_parents SELECT n, 'x' FROM generate_series(1, 10) n`,
			`INSERT INTO b_children SELECT n, n % 10 + 1, repeat('x', 500) FROM generate_series(1, 1000) n`,
			`INSERT INTO a_grandchildren SELECT n % 1000 + 1, repeat('x', 500) FROM generate_series(1, 5000) n`,
		);
		const backup = await backUp(server, database, { selection: { content: 'data' }, parallel: 3 });
		const { parts, tables = [] } = backup.manifest;
		const order = parts.flatMap(({ table }) => (table === undefined ? [] : [tables[table]?.name]));
		expect(order).toEqual(['c_parents', 'b_children', 'a_grandchildren']);

		// A user who may not switch triggers off loads it all the same.
		const target = await databaseWith(
			server,
			...DEFINITIONS,
			`CREATE ROLE loader LOGIN PASSWORD 'p'; GRANT INSERT ON ALL TABLES IN SCHEMA public TO loader`,
		);
		const { host, port } = server;
		const report = await restore(server, backup, {
			connection: { host, port, database: 'postgres', user: 'loader', password: 'p' },
			target: { type: 'existing', database: target, confirmation: target, before: 'nothing' },
			selection: { dataOnly: true },
		});
		expect(report.rows).toBe(6010);
		expect(report.warnings).toEqual([expect.stringContaining('session_replication_role')]);
	});

	it('says in the manifest which sequences belong to which table', async () => {
		const database = await databaseWith(
			server,
			`CREATE SEQUENCE "its own"; CREATE SEQUENCE nobodys`,
			'CREATE TABLE t (a serial, b bigint GENERATED ALWAYS AS IDENTITY, c int)',
			`ALTER SEQUENCE "its own" OWNED BY t.c; CREATE TABLE plain (id int)`,
		);
		const sequences = async (choices: Parameters<typeof backUp>[2]) =>
			(await backUp(server, database, choices)).manifest.tables?.map((table) => [table.name, table.sequences]);
		const owned = [
			{ schema: 'public', name: 't_a_seq' },
			{ schema: 'public', name: 't_b_seq' },
			{ schema: 'public', name: 'its own' },
		];
		const dataOnly = await sequences({ selection: { content: 'data' } });
		expect(dataOnly?.sort()).toEqual([
			['plain', undefined],
			['t', owned],
		]);
		expect((await sequences({}))?.map(([, found]) => found)).toEqual([undefined, undefined]);
	});

	it('of tables that refer to each other carries pg_dump’s warning, and goes back all the same', async () => {
		const definitions = [
			'CREATE TABLE heads (id int PRIMARY KEY, tail int)',
			'CREATE TABLE tails (id int PRIMARY KEY, head int REFERENCES heads)',
			'ALTER TABLE heads ADD FOREIGN KEY (tail) REFERENCES tails',
		];
		const database = await databaseWith(
			server,
			...definitions,
			'INSERT INTO heads VALUES (1); INSERT INTO tails VALUES (1, 1); UPDATE heads SET tail = 1',
		);
		const backup = await backUp(server, database, { selection: { content: 'data' } });
		expect(backup.manifest.warnings).toEqual([
			expect.stringMatching(/^pg_dump: there are circular foreign-key constraints among these tables: .*heads.*tails/s),
		]);
		const target = await databaseWith(server, ...definitions);
		await restore(server, backup, {
			target: { type: 'existing', database: target, confirmation: target, before: 'nothing' },
			selection: { dataOnly: true },
		});
		expect(await scalar(server, target, 'SELECT count(*)::text FROM heads JOIN tails ON tail = tails.id')).toBe('1');
	});

	it('without anything odd carries no warning', async () => {
		const { manifest } = await backUp(server, await databaseWith(server, 'CREATE TABLE t (id int)'));
		expect(manifest.warnings).toEqual([]);
	});
});
