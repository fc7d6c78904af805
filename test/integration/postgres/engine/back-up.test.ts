import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';

import { backUpDatabase, type DumpSelection } from '../../../../engine/postgres';
import { compareDatabases } from '../../../fidelity/compare';
import { type PostgresServer, startPostgres } from '../../../services/postgres';
import {
	anotherSession,
	backUp,
	connectionTo,
	databaseWith,
	failureOf,
	newName,
	restore,
	scalar,
	temporaryStorage,
	until,
	untilNoEngineSession,
} from './support';

let server: PostgresServer;

beforeAll(async () => {
	server = await startPostgres({ version: 18 });
});

afterAll(async () => {
	await server?.stop();
});

const waitingForLocks = async () =>
	(await server.query('postgres', `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'`)).rowCount ?? 0;

describe('what is backed up', () => {
	let database: string;

	beforeAll(async () => {
		database = await databaseWith(
			server,
			`CREATE ROLE shopkeeper; CREATE ROLE clerk; CREATE SCHEMA sales; CREATE SCHEMA audit; CREATE SCHEMA "We ird"`,
			`CREATE TABLE sales.orders (id int PRIMARY KEY, parent int REFERENCES sales.orders); INSERT INTO sales.orders VALUES (1, 2), (2, 1)`,
			`CREATE TABLE sales.lines (id int); INSERT INTO sales.lines VALUES (11); GRANT SELECT ON sales.lines TO clerk; ALTER TABLE sales.lines OWNER TO shopkeeper`,
			`CREATE TABLE audit.log (id int); INSERT INTO audit.log VALUES (21), (22)`,
			`CREATE TABLE "We ird"."T ab" (id int); INSERT INTO "We ird"."T ab" VALUES (31)`,
			`COMMENT ON TABLE sales.lines IS 'a comment'; SELECT lo_from_bytea(77, '\\x1234')`,
		);
	});

	const ALL = ['sales.orders', 'sales.lines', 'audit.log', '"We ird"."T ab"'];
	const cases: Array<{ selection: DumpSelection; tables: string[]; holds?: RegExp[]; lacks?: RegExp[] }> = [
		{ selection: {}, tables: ALL, holds: [/lo_put\(77/, /OWNER TO shopkeeper/, /GRANT SELECT/] },
		{ selection: { schemas: ['sales'] }, tables: ALL.slice(0, 2), lacks: [/audit/, /lo_put/] },
		{ selection: { schemas: ['s*', '"We ird"'] }, tables: ['sales.orders', 'sales.lines', '"We ird"."T ab"'] },
		{ selection: { excludeSchemas: ['a*|sales'] }, tables: ['"We ird"."T ab"'], lacks: [/CREATE SCHEMA audit/] },
		{ selection: { tables: ['sales.l*', '"We ird"."T ab"'] }, tables: ['sales.lines', '"We ird"."T ab"'] },
		{ selection: { excludeTables: ['*.log', 'sales.o?ders'] }, tables: ['sales.lines', '"We ird"."T ab"'] },
		{
			selection: { excludeTableData: ['sales.*'] },
			tables: ['audit.log', '"We ird"."T ab"'],
			holds: [/CREATE TABLE sales.lines/],
		},
		{ selection: { content: 'schema' }, tables: [], holds: [/CREATE TABLE sales.orders/], lacks: [/COPY/, /lo_put/] },
		{ selection: { content: 'data' }, tables: ALL, lacks: [/CREATE TABLE/, /ADD CONSTRAINT/], holds: [/lo_put\(77/] },
		{ selection: { noOwner: true, noPrivileges: true }, tables: ALL, lacks: [/OWNER TO/, /GRANT/] },
		{ selection: { clean: true, ifExists: true }, tables: ALL, holds: [/DROP TABLE IF EXISTS sales.orders;/] },
		{ selection: { clean: true, schemas: ['audit'] }, tables: ['audit.log'], holds: [/DROP TABLE audit.log;/] },
		{ selection: { largeObjects: 'exclude' }, tables: ALL, lacks: [/lo_put/, /lo_create/] },
		{ selection: { largeObjects: 'include', schemas: ['audit'] }, tables: ['audit.log'], holds: [/lo_put\(77/] },
		{
			selection: { extraArguments: `--no-comments --exclude-table-and-children '"We ird"."T ab"'` },
			tables: ALL.slice(0, 3),
			lacks: [/a comment/],
		},
		{
			selection: { extraArguments: '--quote-all-identifiers', tables: ['audit.log'] },
			tables: ['"audit"."log"'],
			holds: [/CREATE TABLE "audit"."log"/],
		},
		{ selection: { lockTimeout: 60_000, extraArguments: '--strict-names --no-tablespaces' }, tables: ALL },
	];

	it.each(cases)('$selection', async ({ selection, tables, holds = [], lacks = [] }) => {
		const backup = await backUp(server, database, { selection });
		const script = await backup.script();
		const copied = [...script.matchAll(/^COPY (.*) \(/gm)].map(([, table]) => table);
		expect(copied.sort()).toEqual([...tables].sort());
		for (const text of holds) expect(script).toMatch(text);
		for (const text of lacks) expect(script).not.toMatch(text);
		expect(backup.manifest.tables).toHaveLength(tables.length);
		const whole = tables.length === ALL.length && !selection.content && selection.largeObjects !== 'exclude';
		expect(backup.manifest.partial === undefined).toBe(whole);
		if (selection.content !== 'data' && selection.largeObjects !== 'include' && !selection.clean)
			await restore(server, backup);
	});

	it.each([
		[{ schemas: ['nowhere'] }, 'no matching schemas'],
		[{ tables: ['nowhere'] }, 'no matching tables'],
		[{ schemas: [' '] }, 'is empty'],
		[{ tables: ['a.b.c.d'] }, 'improper'],
	])('is refused with a hint where nothing can match: %o', async (selection, message) => {
		const { storage, files } = temporaryStorage();
		const run = backUpDatabase({
			connection: connectionTo(server, database),
			storage,
			codec: { name: 'zstd' },
			selection,
		});
		const failure = await failureOf(run, 'INVALID_INPUT');
		expect(failure.message).toContain(message);
		expect(failure.hint).toBeTruthy();
		expect(files()).toEqual([]);
	});

	it('is read with the rights of another role by --role', async () => {
		await server.query(
			'postgres',
			`CREATE ROLE reader LOGIN NOINHERIT PASSWORD 'p'; GRANT pg_read_all_data TO reader WITH INHERIT FALSE`,
		);
		const connection = { ...connectionTo(server, database), user: 'reader', password: 'p' };
		const choices = { connection, parallel: 3, selection: { schemas: ['sales', 'audit'] } };
		await failureOf(backUp(server, database, choices), 'ACCESS_DENIED');
		const selection = { ...choices.selection, extraArguments: '--role pg_read_all_data' };
		expect((await backUp(server, database, { ...choices, selection })).manifest.counts['rows']).toBe(5);
	});
});

describe('a backup while others write', () => {
	it.each([1, 2, 4])('is not stopped by a session that waits for its locks, over %i connections', async (parallel) => {
		const database = await databaseWith(
			server,
			'CREATE TABLE a (id int); CREATE TABLE b (id int); CREATE TABLE c (id int)',
			'INSERT INTO a VALUES (1)',
		);
		const holder = await anotherSession(server, database);
		const waiter = await anotherSession(server, database);
		await holder.query('BEGIN; LOCK TABLE c');
		const run = backUp(server, database, { parallel });
		run.catch(() => {});
		await until(async () => (await waitingForLocks()) === 1);
		// pg_dump holds a and b by now, and waits for c.
		const altered = waiter.query('ALTER TABLE a ADD COLUMN more int');
		await until(async () => (await waitingForLocks()) === 2);
		await holder.query('COMMIT');
		expect((await run).manifest.counts).toMatchObject({ tables: 3, rows: 1 });
		await altered;
	});

	it('begins again where a table is dropped between pg_dump’s first look and its lock', async () => {
		const database = await databaseWith(server, 'CREATE TABLE a AS SELECT 1 AS id; CREATE TABLE b (id int)');
		const holder = await anotherSession(server, database);
		await holder.query('BEGIN; LOCK TABLE a');
		const run = backUp(server, database);
		run.catch(() => {});
		await until(async () => (await waitingForLocks()) === 1);
		await server.query(database, 'DROP TABLE b');
		await holder.query('COMMIT');
		expect((await run).manifest.tables).toMatchObject([{ name: 'a', rows: 1 }]);
	});

	it('has left the server, with its locks and its snapshot, when its manifest is stored', async () => {
		const database = await databaseWith(server, 'CREATE TABLE a AS SELECT 1 AS id');
		const { storage } = temporaryStorage();
		const replace = storage.replace.bind(storage);
		let isStored = false;
		storage.replace = async (key, ...rest) => {
			if (key.endsWith('.manifest.json')) {
				await untilNoEngineSession(server);
				isStored = true;
			}
			return await replace(key, ...rest);
		};
		await backUpDatabase({ connection: connectionTo(server, database), storage, codec: { name: 'zstd' } });
		expect(isStored).toBe(true);
	});

	it('ends with a clear error when a lock cannot be had in time', async () => {
		const database = await databaseWith(server, 'CREATE TABLE locked (id int)');
		const holder = await anotherSession(server, database);
		await holder.query('BEGIN; LOCK TABLE locked');
		const failure = await failureOf(backUp(server, database, { selection: { lockTimeout: 100 } }), 'SOURCE_FAILED');
		expect(failure.message).toBe('The lock on the tables could not be had in time (public.locked).');
		expect(failure.hint).toContain('Lock Timeout');
	});
});

describe('rows of any kind', () => {
	it('in a database without encoding come back byte by byte', async () => {
		const database = newName();
		await server.query('postgres', `CREATE DATABASE ${database} ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0`);
		await server.query(
			database,
			`CREATE TABLE t (id int, v text); INSERT INTO t VALUES (1, convert_from('\\xe4f6fc00'::bytea || '', 'SQL_ASCII'))`.replace(
				'00',
				'',
			),
		);
		const backup = await backUp(server, database);
		const { database: restored } = await restore(server, backup);
		expect(await scalar(server, restored, `SELECT encode(v::bytea, 'hex') FROM t`)).toBe('e4f6fc');
		expect(await scalar(server, restored, 'SHOW server_encoding')).toBe('SQL_ASCII');
	});

	it('in a LATIN1 database come back with their names', async () => {
		const database = newName();
		await server.query('postgres', `CREATE DATABASE ${database} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0`);
		await server.query(
			database,
			`CREATE TABLE "Größe" ("Maß" text, "naïve" int); INSERT INTO "Größe" VALUES ('Fußgänger', 1); COMMENT ON TABLE "Größe" IS 'é'`,
		);
		const backup = await backUp(server, database);
		expect(backup.manifest.tables).toMatchObject([{ name: 'Größe', rows: 1 }]);
		const { database: restored } = await restore(server, backup);
		expect(await compareDatabases({ server, database }, { server, database: restored })).toEqual([]);
		expect(await scalar(server, restored, 'SELECT "Maß" FROM "Größe"')).toBe('Fußgänger');
	});

	it('in hundreds of tables come back', async () => {
		const database = await databaseWith(
			server,
			`DO $$ BEGIN FOR n IN 1..400 LOOP EXECUTE format('CREATE TABLE t%s AS SELECT %s AS x FROM generate_series(1, %s)', n, n, n % 5); END LOOP; END $$`,
		);
		const backup = await backUp(server, database, { parallel: 4 });
		expect(backup.manifest.counts).toMatchObject({ tables: 400, rows: 800 });
		expect((await restore(server, backup, { parallel: 4 })).rows).toBe(800);
	});

	it('without any table come back as an empty database', async () => {
		const backup = await backUp(server, await databaseWith(server));
		expect(backup.manifest.counts).toMatchObject({ tables: 0, rows: 0 });
		expect((await restore(server, backup)).tables).toEqual([]);
	});
});

describe('the thread of pg_dump', () => {
	it('goes on only when its answer is there, whatever else wakes it', async () => {
		const database = await databaseWith(server, `CREATE TABLE t AS SELECT 1 AS x`);
		// The call after an answer may come so late that the thread is waiting for the next one already.
		const notify = vi.spyOn(Atomics, 'notify').mockImplementation((...place: unknown[]) => {
			notify.mockRestore();
			const [array, index] = place as [Int32Array, number];
			const again = setInterval(() => Atomics.notify(array, index), 0);
			onTestFinished(() => clearInterval(again));
			return Atomics.notify(array, index);
		});
		expect((await backUp(server, database)).manifest.counts).toMatchObject({ tables: 1, rows: 1 });
		expect(vi.isMockFunction(Atomics.notify)).toBe(false);
	});
});

describe('secrets', () => {
	it('are neither in the manifest nor, beside an encrypted archive, anywhere else', async () => {
		const database = await databaseWith(server, `CREATE TABLE t (id int); INSERT INTO t VALUES (1)`);
		await server.query('postgres', `ALTER DATABASE ${database} SET app.jwt_secret = 'hunter2'`);
		const backup = await backUp(server, database, { encryption: { passphrase: 'open sesame' } });
		const folder = join(backup.root, 'postgres');
		for (const file of readdirSync(folder)) {
			const content = readFileSync(join(folder, file), 'latin1');
			expect(content).not.toMatch(new RegExp(`hunter2|open sesame|${server.password}`));
		}
		const { database: restored } = await restore(server, backup, { keys: { passphrase: 'open sesame' } });
		expect(await scalar(server, restored, `SELECT current_setting('app.jwt_secret')`)).toBe('hunter2');
	});
});
