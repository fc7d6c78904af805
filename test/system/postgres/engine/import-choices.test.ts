import { createReadStream, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { openForeignDump, restoreDatabase, type RestoreDatabaseOptions } from '../../../../engine/postgres';
import { compareDatabases } from '../../../fidelity/compare';
import { runNative } from '../../../fidelity/native';
import {
	backUp,
	connectionTo,
	databaseWith,
	failureOf,
	newName,
	restore,
	scalar,
} from '../../../integration/postgres/engine/support';
import { temporaryFolder } from '../../../services/guard';
import { type PostgresServer, startPostgres } from '../../../services/postgres';

let server: PostgresServer;
let shop: string;
const folder = temporaryFolder('chosen-dumps');

beforeAll(async () => {
	server = await startPostgres({ version: 15 });
	await server.query('postgres', 'CREATE ROLE clerk SUPERUSER; CREATE ROLE auditor');
	shop = await databaseWith(
		server,
		'CREATE SCHEMA sales; CREATE SCHEMA other; CREATE EXTENSION citext',
		'CREATE TABLE sales.orders (id int GENERATED ALWAYS AS IDENTITY, "Note; (x)" text, raw bytea)',
		`INSERT INTO sales.orders ("Note; (x)", raw) SELECT E'it''s (n), \\\\ ' || n, '\\x00ff' FROM generate_series(1, 120) n`,
		'CREATE TABLE other.orders (id int PRIMARY KEY)',
		'INSERT INTO other.orders SELECT generate_series(1, 7)',
		'CREATE TABLE other.nothing (); INSERT INTO other.nothing SELECT FROM generate_series(1, 3)',
		'CREATE TABLE other.generated (id int, twice int GENERATED ALWAYS AS (id * 2) STORED)',
		'INSERT INTO other.generated VALUES (1), (2)',
		'ALTER TABLE sales.orders OWNER TO clerk; GRANT SELECT ON other.orders TO auditor',
		`SELECT lo_from_bytea(7001, 'large object')`,
	);
});

afterAll(async () => {
	await server?.stop();
});

let files = 0;

async function dump(database: string, ...args: string[]): Promise<string> {
	const file = join(folder, `dump_${++files}`);
	await runNative(server, 'pg_dump', [...args, `--file=${file}`, `--dbname=${database}`]);
	return file;
}

function script(content: string): string {
	const file = join(folder, `script_${++files}`);
	writeFileSync(file, content);
	return file;
}

type Choices = Partial<Omit<RestoreDatabaseOptions, 'source'>>;

async function importInto(file: string, choices: Choices = {}) {
	return await restoreDatabase({
		connection: connectionTo(server, 'postgres'),
		source: await openForeignDump({ name: 'dump.sql', open: () => Promise.resolve(createReadStream(file)) }),
		target: { type: 'newDatabase', database: newName() },
		...choices,
	});
}

async function copyOf(database: string, ...statements: string[]): Promise<string> {
	const copy = newName();
	await server.query('postgres', `CREATE DATABASE ${copy} TEMPLATE ${database}`);
	for (const sql of statements) await server.query(copy, sql);
	return copy;
}

const into = (database: string, before: 'nothing' | 'truncate' | 'drop' = 'nothing') =>
	({ type: 'existing', database, confirmation: database, before }) as const;

const count = async (database: string, table: string) =>
	await scalar(server, database, `SELECT count(*) FROM ${table}`);

const INSERTS: string[][] = [
	['--inserts'],
	['--column-inserts'],
	['--rows-per-insert=50'],
	['-Fc', '--inserts'],
	['-Fc', '--column-inserts', '--rows-per-insert=7'],
];

describe('a dump of INSERT statements', () => {
	it.each(INSERTS.map((args) => [args]))('gives a chosen table its rows and nobody else’s (%o)', async (args) => {
		const { database, rows, tables, failures } = await importInto(await dump(shop, ...args), {
			selection: { tables: ['sales.orders'] },
		});
		expect(failures).toEqual([]);
		expect(await count(database, 'sales.orders')).toBe('120');
		expect(await scalar(server, database, `SELECT to_regclass('other.orders')`)).toBeNull();
		expect(rows).toBe(120);
		expect(tables).toEqual([{ schema: 'sales', name: 'orders', rows: 120, expected: 120 }]);
	});

	it.each(INSERTS.map((args) => [args]))('brings rows alone into tables that are there (%o)', async (args) => {
		const target = await copyOf(shop, 'DELETE FROM sales.orders WHERE id > 3');
		await importInto(await dump(shop, ...args), { selection: { dataOnly: true }, target: into(target, 'truncate') });
		expect(await compareDatabases({ server, database: shop }, { server, database: target })).toEqual([]);
	});

	it.each(INSERTS.map((args) => [args]))('is held against its own rows, table by table (%o)', async (args) => {
		const { database, tables, objects } = await importInto(await dump(shop, ...args));
		expect(await compareDatabases({ server, database: shop }, { server, database })).toEqual([]);
		expect(Object.fromEntries(tables.map(({ schema, name, rows }) => [`${schema}.${name}`, rows]))).toMatchObject({
			'sales.orders': 120,
			'other.orders': 7,
			'other.nothing': 3,
			'other.generated': 2,
		});
		for (const { rows, expected } of tables) expect(rows).toBe(expected);
		expect(objects).toBeLessThan(100);
	});

	it('is not promised rows that are left out where they are there already', async () => {
		const target = await copyOf(shop, 'DELETE FROM other.orders WHERE id > 4');
		const file = await dump(shop, '--inserts', '--on-conflict-do-nothing', '--table=other.orders');
		const { tables } = await importInto(file, { selection: { dataOnly: true }, target: into(target) });
		expect(tables).toMatchObject([{ name: 'orders', rows: 3 }]);
		expect(await count(target, 'other.orders')).toBe('7');
	});
});

describe('a table without columns', () => {
	it('keeps its rows in our archives, whole and chosen, and is counted', async () => {
		const backup = await backUp(server, shop);
		expect(backup.manifest.tables).toContainEqual(
			expect.objectContaining({ schema: 'other', name: 'nothing', rows: 3 }),
		);
		expect(backup.manifest.counts.rows).toBe(132);
		const whole = await restore(server, backup);
		expect(await compareDatabases({ server, database: shop }, { server, database: whole.database })).toEqual([]);
		expect(whole.tables).toContainEqual({ schema: 'other', name: 'nothing', rows: 3, expected: 3 });
		const chosen = await restore(server, backup, { selection: { tables: ['other.nothing'] } });
		expect(await count(chosen.database, 'other.nothing')).toBe('3');
		const target = await copyOf(shop, 'TRUNCATE other.nothing');
		await restore(server, backup, { selection: { dataOnly: true }, target: into(target, 'truncate') });
		expect(await count(target, 'other.nothing')).toBe('3');
	});
});

describe('large objects of a plain dump', () => {
	it.each([[['--inserts']], [[]]])('come with Data Only (%o)', async (args) => {
		const target = await copyOf(shop, 'SELECT lo_unlink(7001)');
		await importInto(await dump(shop, ...args), { selection: { dataOnly: true }, target: into(target, 'truncate') });
		expect(await scalar(server, target, `SELECT convert_from(lo_get(7001), 'UTF8')`)).toBe('large object');
	});
});

describe('a dump that speaks as the owners', () => {
	it.each([['none'], ['role']] as const)('needs none of them where the owner is %s', async (type) => {
		const file = await dump(shop, '--use-set-session-authorization');
		writeFileSync(
			file,
			readFileSync(file, 'utf8').replaceAll('clerk', 'nobody_here').replaceAll('auditor', 'nobody_else'),
		);
		const { database } = await importInto(file, {
			owner: type === 'none' ? { type } : { type, role: server.user },
			privileges: false,
		});
		expect(await count(database, 'sales.orders')).toBe('120');
		const failure = await failureOf(importInto(file), 'TARGET_FAILED');
		expect(failure.message).toMatch(/nobody_here/);
	});

	it('keeps them as dumped', async () => {
		const { database } = await importInto(await dump(shop, '--use-set-session-authorization'));
		expect(await compareDatabases({ server, database: shop }, { server, database })).toEqual([]);
	});
});
