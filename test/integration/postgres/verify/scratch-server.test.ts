import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { openArchive } from '../../../../engine/archive';
import { BackupError } from '../../../../engine/errors';
import { markScratch, scratchName, scratchTime } from '../../../../engine/postgres/verify/scratchDatabase';
import { testRestore } from '../../../../engine/postgres/verify/testRestore';
import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { forge } from '../../verify/forge';
import {
	type Backup,
	backUp,
	connectionTo,
	databaseNames,
	databaseWith,
	failureOf,
	until,
	untilNoEngineSession,
} from '../engine/support';
import { keepingContext, onServer, tested } from './support';

const DAY_MS = 24 * 60 * 60 * 1000;
const OWNERS =
	'warning: Owners and privileges were left out of the test restore: the scratch server has roles of its own.';
const SUPERUSER =
	'warning: The test restore ran on the scratch server as the role "postgres", which is a superuser: code in a backup runs with its rights, and could run programs there.';

let server: PostgresServer;
let backup: Backup;
let slow: Backup;

beforeAll(async () => {
	server = await startPostgres({ version: 18 });
	await server.query('postgres', `CREATE ROLE clerk`);
	await server.query('postgres', `CREATE ROLE tester LOGIN CREATEDB PASSWORD 'test'`);
	const shop = await databaseWith(
		server,
		`CREATE TABLE users (id int PRIMARY KEY, name text)`,
		`INSERT INTO users SELECT n, 'user ' || n FROM generate_series(1, 100) n`,
		`CREATE TABLE orders (id int, owner int REFERENCES users)`,
		`INSERT INTO orders SELECT n, n FROM generate_series(1, 100) n`,
		`ALTER TABLE users OWNER TO clerk`,
		`GRANT SELECT ON orders TO clerk`,
	);
	await server.query('postgres', `ALTER DATABASE "${shop}" CONNECTION LIMIT 0`);
	await server.query('postgres', `ALTER DATABASE "${shop}" SET default_transaction_read_only = on`);
	backup = await backUp(server, shop);
	const waiting = await databaseWith(
		server,
		`CREATE FUNCTION slow() RETURNS int LANGUAGE sql VOLATILE AS $$ SELECT pg_sleep(600); SELECT 1 $$`,
		`CREATE MATERIALIZED VIEW waits AS SELECT 1 AS one WITH NO DATA`,
		`CREATE TABLE t (v int)`,
		`INSERT INTO t VALUES (1)`,
		`CREATE FUNCTION pause(int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
			IF current_database() LIKE 'stack_backup_verify_%' THEN PERFORM pg_sleep(600); END IF; RETURN true; END $$`,
		`ALTER TABLE t ADD CHECK (pause(v))`,
	);
	slow = await backUp(server, waiting);
});

afterAll(async () => {
	await server.stop();
});

async function isAsleep(of: PostgresServer): Promise<boolean> {
	const sleeping = await of.query('postgres', `SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep'`);
	return sleeping.rowCount === 1;
}

async function scratchDatabases(of = server): Promise<string[]> {
	return (await databaseNames(of)).filter((name) => name.startsWith('stack_backup_verify_'));
}

const target = () => onServer(connectionTo(server, 'postgres'));

describe('a test restore on a server', () => {
	it('restores into a database of its own, compares it and drops it', async () => {
		const { counts, findings, log, restoreDuration } = await tested(backup, target());
		expect(findings).toEqual([OWNERS, SUPERUSER]);
		expect(counts).toEqual({ tables: 2, rows: 200 });
		expect(restoreDuration).toBeGreaterThan(0);
		expect(log.at(-1)).toMatch(/^the scratch database "stack_backup_verify_\w{10}" was dropped$/);
		expect(await scratchDatabases()).toEqual([]);
	});

	it('marks the database, so that another run knows it for one of ours', async () => {
		const assertions = [
			`SELECT shobj_description(oid, 'pg_database') LIKE 'Of a test restore%' FROM pg_database WHERE datname = current_database()`,
		];
		const { findings } = await tested(backup, { ...target(), assertions });
		expect(findings).toEqual([OWNERS, SUPERUSER]);
	});

	it('needs no rights but to log in and to create databases, and none of the source’s roles', async () => {
		const { host, port } = server;
		const connection = { host, port, user: 'tester', password: 'test', database: 'postgres' };
		const { findings } = await tested(backup, onServer(connection));
		expect(findings).toEqual([OWNERS]);
		expect(await scratchDatabases()).toEqual([]);
	});

	it('warns of a role that could do more than that', async () => {
		await server.query(
			'postgres',
			`CREATE ROLE helper LOGIN CREATEDB PASSWORD 'test' IN ROLE pg_execute_server_program`,
		);
		const { host, port } = server;
		const connection = { host, port, user: 'helper', password: 'test', database: 'postgres' };
		const { found } = await tested(backup, onServer(connection));
		expect(found[1]).toMatchObject({ severity: 'warning', hint: expect.stringContaining('LOGIN CREATEDB') as unknown });
		expect(found[1]?.message).toContain('as the role "helper", which is a member of pg_execute_server_program');
	});

	it('tells by number and text which assertions do not hold, and nothing of the data', async () => {
		const assertions = [
			'SELECT count(*) = 100 FROM users',
			'SELECT count(*) > 100 FROM users',
			'SELECT NULL::boolean',
			'SELECT name FROM users LIMIT 1',
			'SELECT true FROM users',
			'SELECT true FROM no_such_table',
			`SELECT name::int > 0 FROM users`,
			'DELETE FROM users',
			'SELECT true; DROP TABLE users',
			'SELECT count(*) = 100 FROM users -- still there',
		];
		const { counts, findings } = await tested(backup, { ...target(), assertions });
		expect(counts).toMatchObject({ assertions: 10 });
		expect(findings.filter((finding) => ![OWNERS, SUPERUSER].includes(finding))).toEqual([
			'error: Assertion 2 (SELECT count(*) > 100 FROM users) is false.',
			'error: Assertion 3 (SELECT NULL::boolean) gives NULL instead of true.',
			'error: Assertion 4 (SELECT name FROM users LIMIT 1) gives something that is neither true nor false.',
			'error: Assertion 5 (SELECT true FROM users) gives 100 rows instead of one.',
			'error: Assertion 6 (SELECT true FROM no_such_table) fails: relation "no_such_table" does not exist.',
			'error: Assertion 7 (SELECT name::int > 0 FROM users) fails with SQLSTATE 22P02.',
			'error: Assertion 8 (DELETE FROM users) fails with SQLSTATE 25006.',
			'error: Assertion 9 (SELECT true; DROP TABLE users) fails: cannot insert multiple commands into a prepared statement.',
		]);
		expect(await scratchDatabases()).toEqual([]);
	});

	it('lets assertions change nothing, and holds none of the rows that they give', async () => {
		const before = process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed;
		let highest = 0;
		const timer = setInterval(() => {
			const { arrayBuffers, heapUsed } = process.memoryUsage();
			highest = Math.max(highest, arrayBuffers + heapUsed - before);
		}, 20);
		const assertions = [
			`SELECT repeat('x', 1000) FROM generate_series(1, 300000)`,
			'COMMIT',
			'SET TRANSACTION READ WRITE',
			`SELECT set_config('transaction_read_only', 'off', true) = 'off'`,
			`WITH gone AS (DELETE FROM users RETURNING true) SELECT count(*) > 0 FROM gone`,
			`DO 'BEGIN DELETE FROM users; END'`,
			'CREATE TEMPORARY TABLE users AS SELECT 1 AS id',
			'LISTEN somebody',
			'SELECT pg_advisory_lock(1) IS NOT NULL',
			'SELECT count(*) = 100 FROM users',
			'',
		];
		const { findings } = await tested(backup, { ...target(), assertions });
		clearInterval(timer);
		expect(
			findings
				.filter((finding) => ![OWNERS, SUPERUSER].includes(finding))
				.map((finding) => finding.replace(/ \(.*\) /s, ' ')),
		).toEqual([
			'error: Assertion 1 gives 300000 rows instead of one.',
			'error: Assertion 2 gives 0 rows instead of one.',
			'error: Assertion 3 gives 0 rows instead of one.',
			'error: Assertion 4 fails with SQLSTATE 25001.',
			'error: Assertion 5 fails with SQLSTATE 25006.',
			'error: Assertion 6 fails with SQLSTATE 25006.',
			'error: Assertion 7 fails with SQLSTATE 25006.',
			'error: Assertion 8 gives 0 rows instead of one.',
			'error: Assertion 11 gives 0 rows instead of one.',
		]);
		expect(highest).toBeLessThan(150_000_000);
		expect(await scratchDatabases()).toEqual([]);
	});

	it('finds that a dump cannot be restored, and drops what was made of it', async () => {
		const key = await forge(
			backup.storage,
			{ manifest: backup.manifest, folder: 'postgres' },
			{
				parts: (parts) =>
					parts.map((part) => ({
						...part,
						raw: Buffer.from(part.raw.toString().replace('50\tuser 50\n', '51\tuser 50\n')),
					})),
			},
		);
		const { found } = await tested({ ...backup, key }, target());
		expect(found[0]).toMatchObject({ severity: 'error', code: 'TARGET_FAILED' });
		expect(found[0]?.message).toContain('users_pkey');
		expect(JSON.stringify(found)).not.toContain('user 50');
		expect(await scratchDatabases()).toEqual([]);
	});

	it('finds the rows of two tables under each other’s names', async () => {
		const key = await forge(
			backup.storage,
			{ manifest: backup.manifest, folder: 'postgres' },
			{
				parts: (parts) => {
					const rows = parts.filter(({ part }) => part.type === 'data');
					const raws = rows.map(({ raw }) => raw).reverse();
					return parts.map((part) => (part.part.type === 'data' ? { ...part, raw: raws.shift() as Buffer } : part));
				},
			},
		);
		await failureOf(tested({ ...backup, key }, target()), 'ARCHIVE_CORRUPT');
		expect(await scratchDatabases()).toEqual([]);
	});

	it('says nothing against the backup where the server cannot be reached or lacks what the dump asks for', async () => {
		await failureOf(tested(backup, onServer({ ...connectionTo(server, 'postgres'), port: 1 })), 'TARGET_UNREACHABLE');
		const wrong = { ...connectionTo(server, 'postgres'), password: 'wrong' };
		const { found } = await tested(backup, onServer(wrong));
		expect(found).toMatchObject([{ severity: 'inconclusive', code: 'ACCESS_DENIED' }]);
		await server.query('postgres', `CREATE ROLE visitor`);
		const guarded = await databaseWith(
			server,
			`CREATE TABLE t (v int)`,
			`CREATE POLICY own ON t TO visitor USING (v > 0)`,
		);
		const policies = await backUp(server, guarded);
		await server.query(guarded, `DROP TABLE t`);
		await server.query('postgres', `DROP ROLE visitor`);
		const missing = await tested(policies, target());
		expect(missing.findings).toEqual([
			'warning: POLICY public.t own was left out: the server has no role visitor.',
			OWNERS,
			SUPERUSER,
		]);
		expect(await scratchDatabases()).toEqual([]);
	});

	it('leaves nothing behind when it is cancelled in the middle of the restore', async () => {
		const controller = new AbortController();
		const running = failureOf(tested(slow, target(), controller.signal), 'CANCELLED');
		await until(async () => (await scratchDatabases()).length > 0);
		await until(async () => await isAsleep(server));
		controller.abort();
		await running;
		expect(await scratchDatabases()).toEqual([]);
		await untilNoEngineSession(server);
	});

	it('leaves nothing behind when its connection is lost', async () => {
		const running = tested(slow, target()).catch((error: unknown) => error);
		await until(async () => await isAsleep(server));
		await server.query(
			'postgres',
			`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'n8n-nodes-stack-backup'`,
		);
		const result = await running;
		const found =
			result instanceof BackupError
				? [{ severity: 'inconclusive', code: result.code }]
				: (result as Awaited<ReturnType<typeof tested>>).found;
		expect(found).toMatchObject([{ severity: 'inconclusive' }]);
		expect(await scratchDatabases()).toEqual([]);
	});

	it('names the database that it could not drop', async () => {
		const dying = await startPostgres({ version: 18 });
		try {
			const { context, found } = keepingContext();
			const reader = await openArchive(slow.storage, { manifest: slow.manifest, folder: 'postgres' });
			const running = testRestore(reader, onServer(connectionTo(dying, 'postgres')), context);
			const failed = failureOf(running, 'TARGET_UNREACHABLE');
			await until(async () => await isAsleep(dying));
			const [left = ''] = await scratchDatabases(dying);
			await dying.kill('SIGKILL');
			await failed;
			expect(found).toMatchObject([{ severity: 'warning' }]);
			expect(found[0]?.message).toContain(
				`The scratch database "${left.replace(/_restoring_.*/, '')}" could not be dropped`,
			);
		} finally {
			await dying.stop();
		}
	});

	it('never drops a database that another test restore has made under its name', async () => {
		const go = `${scratchName()}_go`;
		const waiting = await databaseWith(
			server,
			`CREATE TABLE t (v int)`,
			`INSERT INTO t VALUES (1)`,
			`CREATE FUNCTION waits(int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
				WHILE current_database() LIKE 'stack_backup_verify_%' AND NOT EXISTS (SELECT FROM pg_database WHERE datname = '${go}')
				LOOP PERFORM pg_sleep(0.02); END LOOP; RETURN true; END $$`,
			`ALTER TABLE t ADD CHECK (waits(v))`,
		);
		const { context } = keepingContext();
		const { storage, manifest } = await backUp(server, waiting);
		const reader = await openArchive(storage, { manifest, folder: 'postgres' });
		const refused = failureOf(testRestore(reader, target(), context), 'TARGET_EXISTS');
		await until(async () => (await scratchDatabases()).length === 1);
		const [unfinished = ''] = await scratchDatabases();
		const others = unfinished.replace(/_restoring_.*/, '');
		for (const name of [others, go]) await server.createDatabase(name);
		await refused;
		expect(await scratchDatabases()).toEqual([others, go].sort());
		for (const name of [others, go]) await server.query('postgres', `DROP DATABASE "${name}"`);
	});

	it('drops what killed test restores have left, once it is a day old and nobody is connected', async () => {
		const old = scratchName(Date.now() - DAY_MS - 60_000);
		const unfinished = `${scratchName(Date.now() - 2 * DAY_MS)}_restoring_20260101_010101_abcdef`;
		const recent = scratchName(Date.now() - DAY_MS + 120_000);
		// The name of the last one could be that of a scratch database of 2017.
		const others = ['stack_backup_verify_mine', 'stack_backup_verify_everything'];
		for (const name of [old, unfinished, recent, ...others]) await server.createDatabase(name);
		for (const name of [old, recent]) await markScratch(connectionTo(server, 'postgres'), name);
		await tested(backup, target());
		expect(await scratchDatabases()).toEqual([...others, recent].sort());
		for (const name of [recent, ...others]) await server.query('postgres', `DROP DATABASE "${name}"`);
	});
});

describe('the name of a scratch database', () => {
	it('tells when it was made, and stays whole under the name of an unfinished restore', () => {
		const now = Date.parse('2037-12-31T23:59:00Z');
		const name = scratchName(now + 59_999);
		expect(scratchTime(name)).toBe(now);
		expect(`${name}_restoring_20371231_235959_abcdef`.length).toBeLessThanOrEqual(63);
		expect(scratchTime(`${name}_restoring_20371231_235959_abcdef`)).toBe(now);
		expect(scratchTime('stack_backup_verify_')).toBeUndefined();
		expect(scratchTime(`x${name}`)).toBeUndefined();
	});
});
