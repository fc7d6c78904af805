import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { openArchive } from '../../../../engine/archive';
import { backUpGlobals } from '../../../../engine/postgres';
import { testRestoreGlobals } from '../../../../engine/postgres/verify/globalsRestore';
import { MAJOR_VERSION } from '../../../../engine/postgres/verify/inProcess/pglite';
import { testRestore } from '../../../../engine/postgres/verify/testRestore';

import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { forge } from '../../verify/forge';
import { backUp, connectionTo, databaseWith, failureOf, temporaryStorage, until } from '../engine/support';
import { IN_MEMORY, keepingContext, onServer, tested } from './support';

let server: PostgresServer;
/** What processes leave open; the server has some of its own. */
const resources = () => process.getActiveResourcesInfo().filter((name) => /^(?:Process|Pipe)Wrap$|Timeout/.test(name));

/** Those that this process has started and that are at work: their names. */
function children(): string[] {
	const pids = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').split(' ').filter(Boolean);
	return pids.map((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[1] ?? '');
}

const isPGlite = (name: string) => name.includes('inProcess');

beforeAll(async () => {
	server = await startPostgres({ version: 18 });
});

afterAll(async () => {
	await server.stop();
});

/** Values whose text depends on settings, and on how they are escaped. */
const VALUES = [
	`CREATE TABLE val (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, t text, at timestamptz, b bytea, f float8, r real,
		m money, i interval, n numeric, j jsonb, a text[], twice int GENERATED ALWAYS AS (id * 2) STORED)`,
	String.raw`INSERT INTO val (t, at, b, f, r, m, i, n, j, a) SELECT E'line\nfeed\ttab\\back\r\\.' || n, '2026-03-29 01:30:00+01'::timestamptz + n * interval '1 hour',
		decode('00ff0a5c', 'hex'), 0.1 + n / 3.0, n / 7.0, 12.34, '1 year 2 days 03:04:05', 1e-20 + n, '{"a": [1, null]}', ARRAY['x,y', NULL, '"'] FROM generate_series(1, 500) n`,
	`INSERT INTO val (t) VALUES (NULL), (NULL), (''), ('\\.'), ('\\N')`,
	`CREATE TABLE bare ()`,
	`INSERT INTO bare DEFAULT VALUES`,
	`INSERT INTO bare DEFAULT VALUES`,
	`CREATE TABLE nothing (id int)`,
	`CREATE TABLE "Odd ""name"" ; x" ("a b" int, "select" text)`,
	`INSERT INTO "Odd ""name"" ; x" VALUES (1, 'x'), (1, 'x')`,
	`CREATE TABLE parent (id int)`,
	`CREATE TABLE child (extra text) INHERITS (parent)`,
	`INSERT INTO parent VALUES (1)`,
	`INSERT INTO child VALUES (2, 'c')`,
	`CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')`,
	`CREATE TABLE part (m mood, v int) PARTITION BY HASH (m)`,
	`CREATE TABLE part0 (v int, m mood)`,
	`CREATE TABLE part1 PARTITION OF part FOR VALUES WITH (MODULUS 2, REMAINDER 1)`,
	`ALTER TABLE part ATTACH PARTITION part0 FOR VALUES WITH (MODULUS 2, REMAINDER 0)`,
	`INSERT INTO part SELECT (enum_range(NULL::mood))[1 + n % 3], n FROM generate_series(1, 90) n`,
	`CREATE SEQUENCE serial START 5`,
	`SELECT nextval('serial')`,
	`SELECT lo_from_bytea(4711, decode(repeat('00112233', 50000), 'hex'))`,
	`SELECT lo_create(4712)`,
	`CREATE TABLE wide (w text)`,
	`INSERT INTO wide SELECT repeat(md5(n::text), 60000) FROM generate_series(1, 3) n`,
];

describe('a test restore in memory', () => {
	it('finds every row, sequence and large object again, whatever the source’s settings are', async () => {
		const database = await databaseWith(server, ...VALUES);
		for (const setting of [
			`timezone = 'Europe/Berlin'`,
			`bytea_output = 'escape'`,
			`extra_float_digits = 0`,
			`intervalstyle = 'iso_8601'`,
		])
			await server.query('postgres', `ALTER DATABASE "${database}" SET ${setting}`);
		const backup = await backUp(server, database);
		const { counts, findings, restoreDuration } = await tested(backup, IN_MEMORY);
		expect(findings).toEqual([]);
		expect(counts).toEqual({ tables: 8, rows: 505 + 2 + 2 + 2 + 90 + 3, sequences: 2, largeObjects: 2 });
		expect(restoreDuration).toBeGreaterThan(0);
	});

	it('restores owners, privileges and policies of roles that only the source has', async () => {
		await server.query('postgres', `CREATE ROLE "the boss"`);
		await server.query('postgres', `CREATE ROLE guest`);
		const database = await databaseWith(
			server,
			`CREATE TABLE t (v int)`,
			`INSERT INTO t VALUES (1)`,
			`ALTER TABLE t OWNER TO "the boss"`,
			`ALTER TABLE t ENABLE ROW LEVEL SECURITY`,
			`ALTER TABLE t FORCE ROW LEVEL SECURITY`,
			`CREATE POLICY none ON t FOR SELECT TO guest, PUBLIC USING (false)`,
			`GRANT SELECT ON t TO guest`,
			`CREATE TABLE "COPY x FROM stdin;" ("COPY y FROM stdin" int)`,
			`INSERT INTO "COPY x FROM stdin;" VALUES (1)`,
		);
		const { counts, findings } = await tested(await backUp(server, database), IN_MEMORY);
		expect(findings).toEqual([]);
		expect(counts).toEqual({ tables: 2, rows: 2 });
	});

	it('gives up what never ends, and says nothing against the backup', async () => {
		const database = await databaseWith(
			server,
			`CREATE FUNCTION pause(int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
				IF current_database() = 'postgres' THEN LOOP END LOOP; END IF; RETURN true; END $$`,
			`CREATE TABLE t (v int CHECK (pause(v)))`,
			`INSERT INTO t VALUES (1)`,
		);
		const backup = await backUp(server, database);
		const reader = await openArchive(backup.storage, { manifest: backup.manifest, folder: 'postgres' });
		const target = { ...IN_MEMORY, idleTimeout: 5_000 };
		const failure = await failureOf(testRestore(reader, target, keepingContext().context), 'TARGET_UNREACHABLE');
		expect(failure.message).toContain('it gave no answer for 5 seconds');
		expect(failure.hint).toContain('takes for ever');
		expect(children().filter(isPGlite)).toEqual([]);
	});

	it('finds rows that the restore itself has made', async () => {
		const database = await databaseWith(
			server,
			`CREATE TABLE audit (v int)`,
			`CREATE FUNCTION note(int) RETURNS boolean LANGUAGE plpgsql AS
				$$ BEGIN INSERT INTO public.audit VALUES ($1); RETURN true; END $$`,
			`CREATE TABLE t (v int CHECK (note(v)))`,
			`INSERT INTO t VALUES (1), (2)`,
		);
		const { findings } = await tested(await backUp(server, database), IN_MEMORY);
		expect(findings).toEqual(['error public.audit: It holds 4 rows after the restore; the backup has 2.']);
	});

	it('finds that a dump cannot be restored, and says nothing of its rows', async () => {
		const database = await databaseWith(
			server,
			`CREATE TABLE t (v text PRIMARY KEY)`,
			`INSERT INTO t VALUES ('secret'), ('sesame')`,
		);
		const backup = await backUp(server, database);
		const key = await forge(
			backup.storage,
			{ manifest: backup.manifest, folder: 'postgres' },
			{
				parts: (parts) =>
					parts.map((part) => ({
						...part,
						raw: Buffer.from(part.raw.toString().replace('sesame\n', 'secret\n')),
					})),
			},
		);
		const { found } = await tested({ ...backup, key }, IN_MEMORY);
		expect(found).toMatchObject([{ severity: 'error', code: 'TARGET_FAILED' }]);
		expect(JSON.stringify(found)).not.toContain('secret');
	});

	it('holds what only a later version knows against nobody', async () => {
		const backup = await backUp(server, await databaseWith(server, `CREATE TABLE t (v text)`));
		const { findings } = await tested(backup, {
			...IN_MEMORY,
			assertions: [`SELECT current_setting('server_version_num')::int / 10000 = ${MAJOR_VERSION}`],
		});
		expect(findings).toEqual([]);
		const where = { manifest: backup.manifest, folder: 'postgres' };
		const severities = [MAJOR_VERSION, MAJOR_VERSION + 1].map(async (major) => {
			const key = await forge(backup.storage, where, {
				parts: (parts) =>
					parts.map((part) => ({ ...part, raw: Buffer.from(part.raw.toString().replace('v text', 'v text ANEW')) })),
				manifest: { source: { ...backup.manifest.source, versionNumber: major * 10_000 } },
			});
			return (await tested({ ...backup, key }, IN_MEMORY)).found.map(({ severity }) => severity);
		});
		expect(await Promise.all(severities)).toEqual([['error'], ['inconclusive']]);
	});

	it('runs assertions with the settings of the database', async () => {
		const database = await databaseWith(
			server,
			`CREATE SCHEMA app`,
			`CREATE TABLE app.users (id int)`,
			`INSERT INTO app.users VALUES (1)`,
		);
		await server.query('postgres', `ALTER DATABASE "${database}" SET search_path = app, public`);
		const assertions = ['SELECT count(*) = 1 FROM users', 'SELECT count(*) = 2 FROM users'];
		const { findings } = await tested(await backUp(server, database), { ...IN_MEMORY, assertions });
		expect(findings).toEqual(['error: Assertion 2 (SELECT count(*) = 2 FROM users) is false.']);
	});

	it('asks for a server where the backup is too large or an extension is missing', async () => {
		const database = await databaseWith(server, `CREATE EXTENSION postgres_fdw`, `CREATE EXTENSION hstore`);
		const backup = await backUp(server, database);
		const { findings, found } = await tested(backup, IN_MEMORY);
		expect(findings).toEqual([
			'inconclusive: The dump creates the extension postgres_fdw, which PostgreSQL in memory does not have.',
		]);
		expect(found[0]?.hint).toBe('Give a scratch server that has it.');
		const tooLarge = await tested(backup, { ...IN_MEMORY, maxRawBytes: 100 });
		expect(tooLarge.findings[0]).toMatch(/^inconclusive: The backup holds 0\.0 MB; .* the limit is 0\.0 MB\.$/);
		const rows = await backUp(server, database, { selection: { content: 'data' } });
		expect((await tested(rows, IN_MEMORY)).findings).toEqual([
			'inconclusive: The backup holds rows without definitions, so there is nothing that they could be restored into.',
		]);
	});

	it('ends its process when it is cancelled, whatever it is at, and never keeps the event loop waiting', async () => {
		const database = await databaseWith(
			server,
			`CREATE FUNCTION spin(int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
				IF version() LIKE '%PGlite%' THEN LOOP END LOOP; END IF; RETURN true; END $$`,
			`CREATE TABLE t (v int CHECK (spin(v)))`,
			`INSERT INTO t VALUES (1)`,
		);
		const backup = await backUp(server, database);
		const before = resources();
		const controller = new AbortController();
		const { context, log } = keepingContext(controller.signal);
		const reader = await openArchive(backup.storage, { manifest: backup.manifest, folder: 'postgres' });
		const running = failureOf(testRestore(reader, IN_MEMORY, context), 'CANCELLED');
		await until(() => log.includes('loading into it'));
		for (let turn = 0; turn < 50; turn++) await setTimeout(20);
		expect(children().filter(isPGlite)).toHaveLength(1);
		controller.abort();
		await running;
		expect(children().filter(isPGlite)).toEqual([]);
		// Handles are closed in a later turn of the event loop.
		await until(() => resources().length <= before.length);
	});

	it('does not start where memory would not suffice, and says how much is missing', async () => {
		const backup = await backUp(server, await databaseWith(server, `CREATE TABLE t (v int)`));
		const available = () => 200_000_000;
		const { findings, found, log } = await tested(backup, { ...IN_MEMORY, available });
		expect(findings).toEqual([
			'inconclusive: A test restore in memory needs 404 MB of memory, and 200 MB are available.',
		]);
		expect(found[0]!.hint).toBe('Give more memory; or, for a database, a scratch database on a server.');
		expect(log).not.toContain('loading into it');
	});

	it('gives up before memory runs out, and says nothing against the backup', async () => {
		const database = await databaseWith(
			server,
			`CREATE FUNCTION spin(int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
				IF version() LIKE '%PGlite%' THEN LOOP END LOOP; END IF; RETURN true; END $$`,
			`CREATE TABLE t (v int CHECK (spin(v)))`,
			`INSERT INTO t VALUES (1)`,
		);
		const backup = await backUp(server, database);
		const { context, log } = keepingContext();
		const available = () => (log.includes('loading into it') ? 50_000_000 : 1_000_000_000);
		const reader = await openArchive(backup.storage, { manifest: backup.manifest, folder: 'postgres' });
		const running = testRestore(reader, { ...IN_MEMORY, available }, context);
		expect(await failureOf(running, 'TARGET_UNREACHABLE')).toMatchObject({
			message: expect.stringMatching(/^PostgreSQL in memory gave up: .*memory was about to run out/),
			hint: expect.stringMatching(/scratch database on a server/),
		});
		expect(children().filter(isPGlite)).toEqual([]);
	});
});

describe('the process of PostgreSQL in memory', () => {
	const hooks = join(__dirname, '../../../../scripts/typescript-hooks.mjs');
	const script = [process.execPath, '--import', hooks, join(__dirname, 'in-memory.ts')];
	/** Of one that has ended and that nobody has asked for yet, nothing is left but its id. */
	const isAtWork = (pid: number) => existsSync(`/proc/${pid}`) && readFileSync(`/proc/${pid}/cmdline`).length > 0;
	/** Of processor time, in hundredths of a second: proc(5), the fourteenth field. */
	const timeOf = (pid: number) => Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[13]);

	it('ends with the one that has started it, though PostgreSQL be at work and that one be killed', async () => {
		const [program = '', ...rest] = script;
		const parent = spawn(program, [...rest, 'busy'], { stdio: ['ignore', 'pipe', 'inherit'] });
		const [printed] = (await once(parent.stdout, 'data')) as [Buffer];
		const pid = Number(printed.toString());
		onTestFinished(() => void (isAtWork(pid) && process.kill(pid, 'SIGKILL')));
		const begun = timeOf(pid);
		await until(() => timeOf(pid) > begun + 30);
		parent.kill('SIGKILL');
		await once(parent, 'exit');
		await until(() => !isAtWork(pid));
	});

	it('is one that the system may not give, which costs nobody but the test', async () => {
		const limited = ['-c', 'ulimit -n 100 && exec "$@"', 'sh', ...script, 'full'];
		const { stdout } = await promisify(execFile)('sh', limited);
		expect(stdout.trim()).toBe('TARGET_FAILED PostgreSQL could not be started in memory.');
	});
});

describe('a test restore of roles', () => {
	it('makes them all in memory, wherever databases are tried', async () => {
		await server.query('postgres', `CREATE ROLE team`);
		await server.query('postgres', `CREATE ROLE member LOGIN PASSWORD 'secret' IN ROLE team`);
		const { storage } = temporaryStorage();
		const manifest = await backUpGlobals({
			connection: connectionTo(server, 'postgres'),
			storage,
			codec: { name: 'zstd' },
		});
		const { context, found } = keepingContext();
		const reader = await openArchive(storage, { manifest, folder: 'postgres' });
		const counts = await testRestoreGlobals(reader, onServer(connectionTo(server, 'postgres')), context);
		expect(counts).toEqual({ roles: manifest.counts['roles'] });
		expect(found.filter(({ severity }) => severity !== 'warning')).toEqual([]);
		expect(JSON.stringify(found)).not.toContain('SCRAM');
	});
});
