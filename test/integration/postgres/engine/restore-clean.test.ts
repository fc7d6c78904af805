import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { openForeignDump, restoreDatabase } from '../../../../engine/postgres';
import { compareDatabases } from '../../../fidelity/compare';
import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { IN_MEMORY, onServer, tested } from '../verify/support';
import { backUp, type Backup, connectionTo, databaseWith, newName, restore, scalar } from './support';

/** Whatever pg_dump cuts in two, because each half needs the other: with --clean it takes the pieces away one by one. */
const LOOPS = [
	`CREATE TABLE t (id int PRIMARY KEY, a text); INSERT INTO t VALUES (1, 'one')`,
	`CREATE VIEW v AS SELECT id, a FROM t GROUP BY id; CREATE VIEW vv WITH (security_barrier) AS SELECT id FROM v`,
	`CREATE FUNCTION f(v) RETURNS int LANGUAGE sql AS 'SELECT $1.id'; CREATE VIEW w AS SELECT f(v) AS n, 'from' AS "Odd ""name" FROM v`,
	`CREATE RULE v_insert AS ON INSERT TO v DO INSTEAD INSERT INTO t VALUES (NEW.id, NEW.a)`,
	`CREATE MATERIALIZED VIEW m AS SELECT id, a FROM t GROUP BY id; CREATE VIEW over_m AS SELECT a FROM m`,
	`CREATE FUNCTION grouped() RETURNS SETOF t LANGUAGE sql BEGIN ATOMIC SELECT id, a FROM t GROUP BY id; END`,
	`CREATE FUNCTION small(t) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1.id < 10'; ALTER TABLE t ADD CONSTRAINT small CHECK (small(t))`,
	`CREATE DOMAIN d AS int; ALTER DOMAIN d ADD CONSTRAINT later CHECK (VALUE > 0) NOT VALID; CREATE TABLE of_d (x d); INSERT INTO of_d VALUES (1)`,
	`CREATE TABLE s (id serial, n int DEFAULT 1); INSERT INTO s DEFAULT VALUES; CREATE TABLE p (id int PRIMARY KEY, up int REFERENCES p) PARTITION BY LIST (id)`,
	`CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); INSERT INTO p VALUES (1); SELECT lo_from_bytea(4242, 'x')`,
];

let server: PostgresServer;
let original: string;
const backups = new Map<string, Backup>();

beforeAll(async () => {
	server = await startPostgres({ version: 18 });
	original = await databaseWith(server, ...LOOPS);
	backups.set('clean', await backUp(server, original, { selection: { clean: true } }));
	backups.set('if exists', await backUp(server, original, { selection: { clean: true, ifExists: true } }));
});

afterAll(async () => {
	await server?.stop();
});

const backupOf = (name: string) => backups.get(name) as Backup;

async function expectOriginal(database: string): Promise<void> {
	expect(await compareDatabases({ server, database: original }, { server, database })).toEqual([]);
}

describe.each(['clean', 'if exists'])('a backup that drops before it makes (%s)', (name) => {
	it('holds stand-ins of views among its drops', async () => {
		const drops = (await backupOf(name).script()).split('CREATE TABLE')[0];
		expect(drops).toContain('CREATE OR REPLACE VIEW public.v AS');
		expect(drops).toMatch(/ALTER DOMAIN (?:IF EXISTS )?public\.d DROP CONSTRAINT/);
	});

	it('restores into a new database, and in the place of another one', async () => {
		const database = newName();
		const report = await restore(server, backupOf(name), { target: { type: 'newDatabase', database } });
		expect(report).toMatchObject({ failures: [], warnings: [] });
		await expectOriginal(database);
		await server.query(database, 'DROP VIEW w; DELETE FROM t');
		await restore(server, backupOf(name), { target: { type: 'safeSwap', database, confirmation: database } });
		await expectOriginal(database);
	});

	it('passes a test restore, in process and on a server', async () => {
		expect((await tested(backupOf(name), IN_MEMORY)).findings).toEqual([]);
		const { findings } = await tested(backupOf(name), onServer(connectionTo(server, 'postgres')));
		expect(findings).toEqual([
			expect.stringContaining('Owners and privileges were left out'),
			expect.stringContaining('superuser'),
		]);
	});

	it('restores as a plain script of others', async () => {
		const script = Buffer.from(await backupOf(name).script());
		const source = await openForeignDump({ name: 'clean.sql', open: () => Promise.resolve(blocks(script)) });
		const database = newName();
		const connection = connectionTo(server, 'postgres');
		const report = await restoreDatabase({ connection, source, target: { type: 'newDatabase', database } });
		expect(report).toMatchObject({ failures: [], warnings: [] });
		await expectOriginal(database);
	});
});

describe('a script that replaces views of its own', () => {
	it('is carried out as it stands', async () => {
		const script = `CREATE OR REPLACE VIEW a AS SELECT 1 AS x; CREATE OR REPLACE VIEW b AS SELECT x FROM a;
			CREATE OR REPLACE VIEW a AS SELECT 2 AS x; CREATE TABLE c AS SELECT x FROM b;`;
		const open = () => Promise.resolve(blocks(Buffer.from(script)));
		const source = await openForeignDump({ name: 'views.sql', open });
		const database = newName();
		const connection = connectionTo(server, 'postgres');
		await restoreDatabase({ connection, source, target: { type: 'newDatabase', database } });
		expect(await scalar(server, database, 'SELECT x FROM c')).toBe('2');
	});

	it('keeps one that no later statement makes anew, whatever is dropped around it', async () => {
		const script = `DROP VIEW IF EXISTS other; CREATE OR REPLACE VIEW kept AS SELECT NULL::integer AS x; DROP TABLE IF EXISTS t;
			CREATE OR REPLACE VIEW gone AS SELECT NULL::integer AS x; DROP VIEW gone; CREATE TABLE t (x int);`;
		const open = () => Promise.resolve(blocks(Buffer.from(script)));
		const source = await openForeignDump({ name: 'views.sql', open });
		const database = newName();
		const connection = connectionTo(server, 'postgres');
		await restoreDatabase({ connection, source, target: { type: 'newDatabase', database } });
		const { rows } = await server.query<{ viewname: string }>(
			database,
			`SELECT viewname FROM pg_views WHERE schemaname = 'public'`,
		);
		expect(rows).toEqual([{ viewname: 'kept' }]);
	});
});

async function* blocks(script: Buffer): AsyncGenerator<Buffer> {
	yield await Promise.resolve(script);
}
