import { readFileSync, writeFileSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { compareDatabases } from '../../../fidelity/compare';
import { backUp, databaseWith, failureOf, restore, scalar } from '../../../integration/postgres/engine/support';
import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { importing, into } from './importing';

let server: PostgresServer;
let shop: string;
const { copyOf, count, dump, importInto } = importing(() => server);

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

const INSERTS: string[][] = [
	['--inserts'],
	['--column-inserts'],
	['--rows-per-insert=50'],
	['-Fc', '--inserts'],
	['-Fc', '--column-inserts', '--rows-per-insert=7'],
];

it.each([[[]], [['--inserts']]])(
	'refuses a partition whose rows are written as those of the whole table (%o)',
	async (more: string[]) => {
		const database = await databaseWith(
			server,
			'CREATE TABLE log (day int) PARTITION BY LIST (day)',
			'CREATE TABLE log_1 PARTITION OF log FOR VALUES IN (1); CREATE TABLE log_2 PARTITION OF log FOR VALUES IN (2)',
			'INSERT INTO log VALUES (1), (2), (2)',
		);
		const astray = await dump(database, '--load-via-partition-root', ...more);
		const { message } = await failureOf(
			importInto(astray, { selection: { tables: ['public.log_2'] } }),
			'INVALID_INPUT',
		);
		expect(message).toContain('rows of the partition public.log_2 among those of public.log');
		expect((await importInto(astray, { selection: { tables: ['public.log'] } })).rows).toBe(3);
		const own = await importInto(await dump(database, ...more), { selection: { tables: ['public.log_2'] } });
		expect(own.rows).toBe(2);
	},
);

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

describe('a dump of the database itself (--create)', () => {
	it.each([[[]], [['-Fc']]])('changes no other database, and says what it left out (%o)', async (args) => {
		const live = await copyOf(shop);
		await server.query(
			'postgres',
			`ALTER DATABASE ${live} SET work_mem = '5MB'; ALTER ROLE auditor IN DATABASE ${live} SET work_mem = '6MB'; COMMENT ON DATABASE ${live} IS 'then'; GRANT CONNECT ON DATABASE ${live} TO auditor`,
		);
		const file = await dump(live, '--create', ...args);
		await server.query(
			'postgres',
			`ALTER DATABASE ${live} SET work_mem = '7MB'; ALTER ROLE auditor IN DATABASE ${live} SET work_mem = '8MB'; COMMENT ON DATABASE ${live} IS 'now'; REVOKE CONNECT ON DATABASE ${live} FROM auditor`,
		);
		const facts = `SELECT (SELECT string_agg(setconfig::text, ' ' ORDER BY setrole) FROM pg_db_role_setting WHERE setdatabase = d.oid) || shobj_description(d.oid, 'pg_database') || datacl::text FROM pg_database d WHERE datname = '${live}'`;
		const before = await scalar(server, 'postgres', facts);
		const { database, warnings } = await importInto(file);
		expect(await scalar(server, 'postgres', facts)).toBe(before);
		expect(await count(database, 'sales.orders')).toBe('120');
		expect(warnings).toEqual([expect.stringMatching(/ALTER DATABASE.*GRANT ON DATABASE|COMMENT ON DATABASE.*GRANT/)]);
		expect((await importInto(file, { selection: { tables: ['sales.orders'] } })).warnings).toEqual([
			expect.stringContaining('large objects'),
			expect.stringMatching(/Beside the selection.*: SCHEMA sales\.$/),
		]);
	});
});

describe('a dump that drops first (--clean)', () => {
	const kept = `SELECT (SELECT count(*) FROM pg_extension WHERE extname = 'citext') + (SELECT count(*) FROM other.orders) + count(*) FROM pg_tables WHERE schemaname IN ('other', 'sales')`;

	it.each([[[]], [['--if-exists']], [['-Fc']]])('lets drop only what was chosen (%o)', async (args) => {
		const target = await copyOf(shop, 'UPDATE sales.orders SET raw = NULL', 'INSERT INTO other.orders VALUES (99)');
		const before = await scalar(server, target, kept);
		const extension = `SELECT oid::text FROM pg_extension WHERE extname = 'citext'`;
		const oid = await scalar(server, target, extension);
		const { warnings } = await importInto(await dump(shop, '--clean', ...args), {
			selection: { tables: ['sales.orders'] },
			target: into(target, 'drop'),
		});
		expect(await count(target, 'sales.orders WHERE raw IS NOT NULL')).toBe('120');
		expect(await scalar(server, target, kept)).toBe(before);
		expect(await scalar(server, target, extension)).toBe(oid);
		expect(warnings).toEqual([expect.stringContaining('large objects')]);
	});

	it('comes into a database in which there is nothing to be dropped', async () => {
		const { database, failures, warnings } = await importInto(await dump(shop, '--clean'));
		expect([...failures, ...warnings]).toEqual([]);
		expect(await compareDatabases({ server, database: shop }, { server, database })).toEqual([]);
	});
});
