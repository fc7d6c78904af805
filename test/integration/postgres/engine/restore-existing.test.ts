import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { RestoreTarget } from '../../../../engine/postgres';
import { compareDatabases } from '../../../fidelity/compare';
import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { SHOP } from './shop';
import { backUp, type Backup, databaseWith, failureOf, newName, restore, scalar } from './support';

let server: PostgresServer;
let shop: string;
let backup: Backup;

beforeAll(async () => {
	server = await startPostgres({ version: 18 });
	shop = await databaseWith(server, ...SHOP);
	backup = await backUp(server, shop);
});

afterAll(async () => {
	await server?.stop();
});

/** Fails unless the database is as the shop in all that a dump carries. */
async function expectShop(database: string): Promise<void> {
	expect(await compareDatabases({ server, database: shop }, { server, database })).toEqual([]);
}

const into = (database: string, before: 'nothing' | 'truncate' | 'drop'): RestoreTarget => ({
	type: 'existing',
	database,
	confirmation: database,
	before,
});

describe('restoring into an existing database', () => {
	const copyOfShop = async () => {
		const name = newName();
		await server.query('postgres', `CREATE DATABASE ${name} TEMPLATE ${shop}`);
		return name;
	};

	it('fills an empty one', async () => {
		const database = await databaseWith(server);
		await restore(server, backup, { target: into(database, 'nothing') });
		await expectShop(database);
	});

	it('gives rows alone back, past foreign keys and triggers, after emptying the tables', async () => {
		const database = await copyOfShop();
		await server.query(
			database,
			`UPDATE sales.orders SET note = 'changed'; DELETE FROM sales.events; INSERT INTO sales.customers (name) VALUES ('more')`,
		);
		await server.query(database, 'SELECT lo_unlink(4242)');
		const report = await restore(server, backup, { target: into(database, 'truncate'), selection: { dataOnly: true } });
		expect(report).toMatchObject({ failures: [], warnings: [] });
		await expectShop(database);
	});

	it('gives a data-only backup back into tables that refer to one another', async () => {
		const stored = await backUp(server, shop, { selection: { content: 'data', largeObjects: 'exclude' } });
		const database = await copyOfShop();
		await restore(server, stored, { target: into(database, 'truncate'), selection: { dataOnly: true }, parallel: 4 });
		await expectShop(database);
	});

	it('replaces chosen tables and nothing else', async () => {
		const database = await copyOfShop();
		await server.query(
			database,
			'ALTER TABLE sales.events ADD COLUMN more int; DELETE FROM sales.customers WHERE id NOT IN (SELECT customer FROM sales.orders)',
		);
		await restore(server, backup, { target: into(database, 'drop'), selection: { tables: ['sales.events'] } });
		await expectShop(database);
	});

	it('names what is in the way of dropping or emptying, and changes nothing', async () => {
		const database = await copyOfShop();
		for (const before of ['drop', 'truncate'] as const) {
			const selection = { tables: ['sales.customers'], dataOnly: before === 'truncate' };
			const { message, hint } = await failureOf(
				restore(server, backup, { target: into(database, before), selection }),
				'TARGET_FAILED',
			);
			expect(message).toContain('nothing was changed');
			expect(hint).toContain('outside of the selection');
		}
		await expectShop(database);
	});

	it('refuses to drop all tables of a database', async () => {
		await failureOf(restore(server, backup, { target: into(shop, 'drop') }), 'INVALID_INPUT');
	});

	it('stops at the first object that is there already, or collects them all by name', async () => {
		const database = await databaseWith(server, 'CREATE SCHEMA sales; CREATE TABLE sales.customers (id int)');
		const { message, hint } = await failureOf(
			restore(server, backup, { target: into(database, 'nothing') }),
			'TARGET_FAILED',
		);
		expect(message).toContain('SCHEMA sales');
		expect(hint).toBeTruthy();
		const report = await restore(server, backup, { target: into(database, 'nothing'), collectErrors: true });
		expect(report.failures.map(({ object }) => object)).toContain('TABLE sales.customers');
		expect(await scalar(server, database, 'SELECT count(*) FROM sales.events')).toBe('500');
	});
});

describe('what is there already, where errors are collected', () => {
	it('keeps the positions of its sequences, which its rows have come from', async () => {
		const tables = 'CREATE TABLE t (id serial, i int GENERATED ALWAYS AS IDENTITY); CREATE SEQUENCE alone';
		const grow = `INSERT INTO t SELECT; SELECT nextval('alone')`;
		const database = await databaseWith(server, tables, grow);
		const stored = await backUp(server, database);
		await server.query(database, grow);
		await restore(server, stored, { target: into(database, 'nothing'), collectErrors: true });
		const next = `SELECT concat_ws(' ', nextval('t_id_seq'), nextval('t_i_seq'), nextval('alone'))`;
		expect(await scalar(server, database, next)).toBe('3 3 3');
	});
});

describe('emptying the tables of an existing database', () => {
	it('is refused without Data Only, before a row is lost', async () => {
		const database = await databaseWith(server, 'CREATE TABLE t AS SELECT 1 AS x');
		const stored = await backUp(server, database);
		const run = restore(server, stored, { target: into(database, 'truncate') });
		const { message, hint } = await failureOf(run, 'INVALID_INPUT');
		expect(message).toContain('needs Data Only');
		expect(hint).toBeTruthy();
		expect(await scalar(server, database, 'SELECT count(*) FROM t')).toBe('1');
	});

	it('leaves foreign tables alone', async () => {
		const database = await databaseWith(
			server,
			`CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw; CREATE TABLE t AS SELECT 1 AS x;
			CREATE FOREIGN TABLE far (line text) SERVER files OPTIONS (filename '/dev/null')`,
		);
		const stored = await backUp(server, database);
		await server.query(database, 'INSERT INTO t VALUES (2)');
		await restore(server, stored, { target: into(database, 'truncate'), selection: { dataOnly: true } });
		expect(await scalar(server, database, 'SELECT sum(x) FROM t')).toBe('1');
	});

	it('empties those that were empty, of a backup of rows alone too, and none that only the manifest names', async () => {
		const database = await databaseWith(
			server,
			'CREATE TABLE filled AS SELECT 1 AS x; CREATE TABLE bare (x int); CREATE TABLE other (x int)',
		);
		for (const content of ['all', 'data'] as const) {
			const stored = await backUp(server, database, { selection: { content, excludeTables: ['other'] } });
			stored.manifest.counts.tables = stored.manifest.tables!.push({
				schema: 'public',
				name: 'other',
				rows: 0,
				bytes: 0,
			});
			await server.query(
				database,
				'INSERT INTO filled VALUES (2); INSERT INTO bare VALUES (3); INSERT INTO other VALUES (4)',
			);
			await restore(server, stored, { target: into(database, 'truncate'), selection: { dataOnly: true } });
			expect(await scalar(server, database, 'SELECT sum(x) FROM filled')).toBe('1');
			expect(await scalar(server, database, 'SELECT count(*) FROM bare')).toBe('0');
			expect(await scalar(server, database, 'SELECT count(*) FROM other')).toBe('1');
			await server.query(database, 'TRUNCATE other');
		}
	});
});

describe('dropping the chosen objects of an existing database', () => {
	const MIXED = [
		`CREATE SCHEMA s; CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw`,
		`CREATE SEQUENCE s.loose; CREATE TABLE s.t (id int DEFAULT nextval('s.loose'), v text)`,
		`CREATE FOREIGN TABLE s.far (line text) SERVER files OPTIONS (filename '/dev/null')`,
		`CREATE VIEW s.v AS SELECT v FROM s.t; CREATE MATERIALIZED VIEW s.m AS SELECT v FROM s.v; CREATE VIEW s.vm AS SELECT v FROM s.m`,
		`CREATE TABLE s.p (id int) PARTITION BY LIST (id); CREATE TABLE s.p1 PARTITION OF s.p FOR VALUES IN (1)`,
		`INSERT INTO s.t (v) VALUES ('kept'); REFRESH MATERIALIZED VIEW s.m; INSERT INTO s.p VALUES (1)`,
	];

	it('drops each as what it is, and makes them anew', async () => {
		const original = await databaseWith(server, ...MIXED);
		const stored = await backUp(server, original);
		const database = newName();
		await server.query('postgres', `CREATE DATABASE ${database} TEMPLATE ${original}`);
		await server.query(database, `UPDATE s.t SET v = 'changed'; SELECT nextval('s.loose'); DROP VIEW s.vm`);
		const report = await restore(server, stored, { target: into(database, 'drop'), selection: { schemas: ['s'] } });
		expect(report.failures).toEqual([]);
		expect(await compareDatabases({ server, database: original }, { server, database })).toEqual([]);
	});

	it('refuses where a view outside of the choice needs one of them, names it and drops nothing', async () => {
		const database = await databaseWith(server, ...MIXED);
		const stored = await backUp(server, database);
		await server.query(database, `CREATE VIEW public.outside AS SELECT v FROM s.vm; UPDATE s.t SET v = 'changed'`);
		const run = restore(server, stored, { target: into(database, 'drop'), selection: { schemas: ['s'] } });
		const { message, hint } = await failureOf(run, 'TARGET_FAILED');
		expect(message).toContain('nothing was changed');
		expect(message).toContain('view outside depends on view s.vm');
		expect(hint).toContain('outside of the selection');
		expect(await scalar(server, database, 'SELECT t.v FROM s.t, public.outside o WHERE o.v IS NOT NULL')).toBe(
			'changed',
		);
	});

	it('takes the drop back where something cannot be made anew', async () => {
		const original = await databaseWith(
			server,
			`CREATE TYPE colour AS ENUM ('red'); CREATE SCHEMA s; CREATE TABLE s.t (c colour); INSERT INTO s.t VALUES ('red');
			CREATE TABLE s.a (id int)`,
		);
		const stored = await backUp(server, original);
		await server.query(
			original,
			`ALTER TABLE s.t ALTER c TYPE text; DROP TYPE colour; UPDATE s.t SET c = 'blue'; INSERT INTO s.a VALUES (1)`,
		);
		const run = restore(server, stored, { target: into(original, 'drop'), selection: { schemas: ['s'] } });
		const { message } = await failureOf(run, 'TARGET_FAILED');
		expect(message).toContain('"public.colour" does not exist');
		expect(await scalar(server, original, 'SELECT c FROM s.t')).toBe('blue');
		expect(await scalar(server, original, 'SELECT count(*) FROM s.a')).toBe('1');
	});

	it('drops no table that only the manifest names', async () => {
		const database = await databaseWith(
			server,
			'CREATE SCHEMA s; CREATE TABLE s.t (id int); CREATE TABLE s.other AS SELECT 1 AS x',
		);
		const stored = await backUp(server, database, { selection: { excludeTables: ['s.other'] } });
		stored.manifest.counts.tables = stored.manifest.tables!.push({ schema: 's', name: 'other', rows: 0, bytes: 0 });
		await restore(server, stored, { target: into(database, 'drop'), selection: { schemas: ['s'] } });
		expect(await scalar(server, database, 'SELECT x FROM s.other')).toBe('1');
	});
});

describe('what a restore into an existing database says', () => {
	const TABLES = `CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY); CREATE TABLE c (id int PRIMARY KEY)`;
	const filled = () =>
		databaseWith(
			server,
			TABLES,
			...['a', 'b', 'c'].map((table) => `INSERT INTO ${table} SELECT generate_series(1, 10)`),
		);

	it.each([false, true])(
		'warns of each table that took fewer rows than the backup holds (collecting: %s)',
		async (collectErrors) => {
			const stored = await backUp(server, await filled());
			const database = await databaseWith(
				server,
				TABLES,
				`CREATE FUNCTION odd() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.id % 2 = 0 THEN RETURN NULL; END IF; RETURN NEW; END $$`,
				`CREATE TRIGGER odd BEFORE INSERT ON b FOR EACH ROW EXECUTE FUNCTION odd(); ALTER TABLE b ENABLE ALWAYS TRIGGER odd`,
			);
			const selection = { dataOnly: true, tables: ['a', 'b'] };
			const report = await restore(server, stored, { target: into(database, 'nothing'), selection, collectErrors });
			expect(report.warnings).toEqual(['public.b: 5 of 10 rows']);
			expect(report.tables).toEqual([
				{ schema: 'public', name: 'a', rows: 10, expected: 10 },
				{ schema: 'public', name: 'b', rows: 5, expected: 10 },
			]);
		},
	);

	it('when it fails half-way names the tables that are loaded, and how to go on', async () => {
		const stored = await backUp(server, await filled(), { parallel: 1 });
		const database = await databaseWith(server, TABLES, 'INSERT INTO c VALUES (7)');
		const run = restore(server, stored, {
			target: into(database, 'nothing'),
			selection: { dataOnly: true },
			parallel: 1,
		});
		const { message, hint, details } = await failureOf(run, 'TARGET_FAILED');
		expect(message).toContain('COPY public.c');
		expect(message).toContain(
			`The database "${database}" holds part of the backup now: of 3 tables with rows, 2 are loaded completely (public.a, public.b).`,
		);
		expect(hint).toContain('Empty the Tables');
		expect(details).toMatchObject({ loadedTables: ['public.a', 'public.b'] });
	});
});
