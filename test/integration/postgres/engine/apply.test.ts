import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import type { Client } from 'pg';

import { applySteps, type ApplyOptions, type ApplyResult } from '../../../../engine/postgres/restore/load/apply';
import type { RestoreStep } from '../../../../engine/postgres/restore/source/source';
import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { anotherSession, databaseWith, failureOf, scalar } from './support';

let server: PostgresServer;

beforeAll(async () => {
	server = await startPostgres({ version: 18 });
});

afterAll(async () => {
	await server?.stop();
});

const unhandled: unknown[] = [];
process.on('unhandledRejection', (reason) => unhandled.push(reason));
afterEach(() => expect(unhandled.splice(0)).toEqual([]));

const rowsOf = (table: string, text: string): RestoreStep => ({
	type: 'copy',
	statement: `COPY ${table} FROM stdin`,
	comment: '',
	rows: Buffer.from(text),
	table,
});

const toStep = (step: string | RestoreStep): RestoreStep =>
	typeof step === 'string' ? { type: 'statement', text: step, comment: '' } : step;

/** Applies the steps in a database, by several connections. */
async function apply(
	database: string,
	steps: Array<string | RestoreStep>,
	{
		connections = 2,
		onAnswer = () => {},
		...options
	}: Partial<ApplyOptions> & { connections?: number; onAnswer?: () => void } = {},
): Promise<ApplyResult> {
	const clients: Client[] = [];
	for (let opened = 0; opened < connections; opened++) clients.push(await anotherSession(server, database));
	for (const { connection } of clients) connection.on('readyForQuery', onAnswer);
	async function* source() {
		for (const step of steps) yield await Promise.resolve(toStep(step));
	}
	return await applySteps(source(), clients, {
		owner: { type: 'asDumped' },
		privileges: true,
		collectErrors: false,
		...options,
	});
}

describe('a transaction of the script’s own', () => {
	const IN_TRANSACTION = [
		'begin',
		'CREATE TABLE t (id int, v text)',
		rowsOf('t', '1\ta\n2\tb\n'),
		'CREATE INDEX t_v ON t (v)',
		'ALTER TABLE ONLY t ADD CONSTRAINT t_key PRIMARY KEY (id)',
		'CREATE TABLE u (id int)',
		rowsOf('u', '2\n'),
		'ALTER TABLE ONLY u ADD CONSTRAINT u_t FOREIGN KEY (id) REFERENCES t (id)',
		'Commit',
	];

	it('keeps rows, indexes and keys on the connection that began it', async () => {
		const database = await databaseWith(server);
		const { rows } = await apply(database, IN_TRANSACTION);
		expect(Object.fromEntries(rows)).toEqual({ t: 2, u: 1 });
		expect(
			await scalar(
				server,
				database,
				'SELECT count(*)::text FROM pg_constraint WHERE conrelid IN (SELECT oid FROM pg_class WHERE relname IN ($$t$$, $$u$$)) AND contype IN ($$p$$, $$f$$)',
			),
		).toBe('2');
	});

	it('loses nothing but what fails in it where errors are collected', async () => {
		const database = await databaseWith(server);
		const steps = [...IN_TRANSACTION];
		steps.splice(3, 0, 'CREATE TABLE broken (x no_such_type)', 'SET LOCAL no_such_setting = 1', rowsOf('t', 'x\ty\n'));
		const { failures, warnings, rows } = await apply(database, steps, { collectErrors: true });
		expect(failures.map(({ object }) => object)).toEqual(['CREATE TABLE broken (x no_such_type)', 'COPY t FROM stdin']);
		expect(warnings).toHaveLength(1);
		expect(Object.fromEntries(rows)).toEqual({ t: 2, u: 1 });
		expect(await scalar(server, database, 'SELECT count(*)::text FROM t JOIN u USING (id)')).toBe('1');
	});

	it('goes on after a setting that the server does not know', async () => {
		const database = await databaseWith(server);
		const { warnings } = await apply(database, ['BEGIN', 'set no_such_setting = 0', 'CREATE TABLE t ()', 'END']);
		expect(warnings).toEqual([
			'The server does not know the setting no_such_setting, which the dump sets to 0; it was left out.',
		]);
		expect(await scalar(server, database, 'SELECT count(*)::text FROM t')).toBe('0');
	});

	it('that cannot be committed is a failure, and what follows it is restored', async () => {
		const database = await databaseWith(
			server,
			'CREATE TABLE t (id int PRIMARY KEY, other int REFERENCES t DEFERRABLE INITIALLY DEFERRED)',
		);
		const steps = [
			'BEGIN',
			rowsOf('t', '1\t2\n'),
			'COMMIT',
			'CREATE TABLE after ()',
			'BEGIN',
			'CREATE TABLE u ()',
			'COMMIT',
		];
		const { failures } = await apply(database, steps, { collectErrors: true });
		expect(failures.map(({ object }) => object)).toEqual(['COMMIT']);
		expect(await scalar(server, database, `SELECT count(*)::text FROM pg_class WHERE relname IN ('after', 'u')`)).toBe(
			'2',
		);
	});

	it('that never ends is told, for nothing of it is kept', async () => {
		const database = await databaseWith(server);
		const failure = await failureOf(apply(database, ['START TRANSACTION', 'CREATE TABLE t ()']), 'ARCHIVE_INCOMPLETE');
		expect(failure.hint).toContain('COMMIT');
	});
});

describe('settings', () => {
	it('in any spelling reach all connections', async () => {
		const database = await databaseWith(server, 'CREATE SCHEMA s', 'CREATE TABLE s.t (id int)');
		for (const setting of [
			'set search_path = s',
			"Select  Pg_Catalog.Set_Config('search_path', 's', false)",
			'SET SEARCH_PATH TO s',
		]) {
			const { rows } = await apply(database, [setting, rowsOf('t', '1\n'), rowsOf('t', '2\n'), rowsOf('t', '3\n')], {
				connections: 3,
			});
			expect(rows.get('t')).toBe(3);
		}
	});

	it('that this server lacks are warnings, once, whatever the number of connections', async () => {
		const database = await databaseWith(server);
		const { warnings } = await apply(database, ['SET transaction_time = 0', 'CREATE TABLE t ()'], { connections: 3 });
		expect(warnings).toEqual([expect.stringContaining('transaction_time')]);
	});

	it('of a tablespace or an access method that is not there fall back to the default, and say what to do', async () => {
		const database = await databaseWith(server, 'CREATE ACCESS METHOD heap2 TYPE TABLE HANDLER heap_tableam_handler');
		const { warnings } = await apply(database, [
			'SET default_tablespace = "Fast disk"',
			'SET default_table_access_method = heap2',
			'CREATE TABLE there ()',
			'SET default_table_access_method = columnar',
			'CREATE TABLE lacking ()',
		]);
		expect(warnings).toEqual([
			expect.stringMatching(/no tablespace "Fast disk".*create the tablespace first/),
			expect.stringMatching(/no table access method columnar.*install/),
		]);
		const methods = `SELECT string_agg(c.relname || ' ' || a.amname, ', ' ORDER BY c.oid) FROM pg_class c JOIN pg_am a ON a.oid = c.relam WHERE relname IN ('there', 'lacking')`;
		expect(await scalar(server, database, methods)).toBe('there heap2, lacking heap');
	});

	it('of a role that is not there are no warnings: everything would belong to somebody else', async () => {
		const database = await databaseWith(server);
		await failureOf(apply(database, ["SET SESSION AUTHORIZATION 'no_such_role'"]), 'TARGET_FAILED');
		await failureOf(apply(database, ['SET ROLE no_such_role']), 'TARGET_FAILED');
	});
});

/** Fails, as a server does, any two foreign keys that are checked at the same moment. */
const watch = (code: string) => `
	CREATE FUNCTION alone() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
		PERFORM pg_sleep(0.3);
		IF EXISTS (SELECT FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()
				AND state = 'active' AND query LIKE 'ALTER TABLE%FOREIGN KEY%') THEN
			RAISE EXCEPTION 'two foreign keys at once' USING ERRCODE = '${code}';
		END IF;
	END $$;
	CREATE EVENT TRIGGER alone ON ddl_command_end WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION alone()`;

const foreignKey = (table: string, other: string) =>
	`ALTER TABLE ONLY public.${table} ADD CONSTRAINT ${table}_${other} FOREIGN KEY (id) REFERENCES public.${other}(id)`;

describe('foreign keys', () => {
	it('of partitions of one table are never checked at once', async () => {
		const database = await databaseWith(server);
		await apply(database, [
			'CREATE TABLE public.a (id int PRIMARY KEY) PARTITION BY RANGE (id)',
			'CREATE TABLE public.a1 (id int PRIMARY KEY)',
			'ALTER TABLE ONLY public.a ATTACH PARTITION public.a1 FOR VALUES FROM (1) TO (10)',
			'CREATE TABLE public.b (id int PRIMARY KEY) PARTITION BY RANGE (id)',
			'CREATE TABLE public.b1 PARTITION OF public.b FOR VALUES FROM (1) TO (10)',
			'CREATE TABLE public.c (id int PRIMARY KEY)',
			'CREATE TABLE public.d (id int PRIMARY KEY)',
			{ type: 'batch', sql: watch('P0001') },
			foreignKey('a1', 'c'),
			foreignKey('d', 'a'),
			'SELECT 1',
			foreignKey('b1', 'd'),
			foreignKey('c', 'b'),
		]);
		expect(
			await scalar(
				server,
				database,
				`SELECT count(*)::text FROM pg_constraint WHERE contype = 'f' AND conparentid = 0`,
			),
		).toBe('4');
	});

	it('that meet in a deadlock are checked again, one by one', async () => {
		const pairs = ['ab', 'cd', 'ef', 'gh'].map(([table = '', other = '']) => [table, other] as const);
		const database = await databaseWith(
			server,
			...pairs.flat().map((table) => `CREATE TABLE ${table} (id int PRIMARY KEY)`),
			watch('40P01'),
		);
		const steps = [...pairs.map(([table, other]) => foreignKey(table, other)), 'SELECT 1'];
		const { failures, objects } = await apply(database, steps, { connections: 4 });
		expect({ failures, objects }).toEqual({ failures: [], objects: 5 });
		expect(await scalar(server, database, `SELECT count(*)::text FROM pg_constraint WHERE contype = 'f'`)).toBe('4');
	});
});

describe('what a failure says', () => {
	it.each([
		['INSERT INTO people VALUES (1, NULL, 3, 41)', '23502'],
		["INSERT INTO people VALUES (1, 'secret', 1, 41)", '23514'],
		["INSERT INTO people VALUES (7, 'secret', 3, 41)", '23505'],
		["INSERT INTO people VALUES (2, 'x', 3, 99)", '23503'],
		["INSERT INTO people VALUES ('secret', 'x', 3, 41)", '22P02'],
		["INSERT INTO people VALUES (2, 'x', 3, 41, '\"secret')", '22P02'],
		["CREATE SUBSCRIPTION s CONNECTION 'host=h password=se cret' PUBLICATION p WITH (connect = false)", '42601'],
		["CREATE USER MAPPING FOR nobody SERVER s OPTIONS (password 'secret')", '42704'],
		['CREATE SERVER s FOREIGN DATA WRAPPER no OPTIONS (password $x$secret$x$)', '42704'],
	])('holds no value: %s', async (statement, code) => {
		const database = await databaseWith(
			server,
			'CREATE TABLE cities (id int PRIMARY KEY); INSERT INTO cities VALUES (41)',
			`CREATE TABLE people (id int PRIMARY KEY, name text NOT NULL, n int CHECK (n > 2), city int REFERENCES cities, more json)`,
			`INSERT INTO people VALUES (7, 'Jane', 3, 41)`,
		);
		const failure = await failureOf(apply(database, [statement]), 'TARGET_FAILED');
		const { failures } = await apply(database, [statement], { collectErrors: true });
		const cause = failure.cause as Error & Record<string, unknown>;
		expect(cause['code']).toBe(code);
		const said = [
			failure.message,
			failure.hint,
			cause.message,
			cause.stack?.replaceAll(/:\d+:\d+\)/g, ')'),
			JSON.stringify({ ...cause }),
			JSON.stringify(failures),
		];
		expect(said.join('\n')).not.toMatch(/secret|cret|\b(?:1|7|41|99)\b.*\)|Failing row/);
		expect(failure.message).toContain(statement.split(/['$]|VALUES/)[0]?.trim());
	});

	it('names the key that is taken and the column of rows that do not fit', async () => {
		const database = await databaseWith(
			server,
			'CREATE TABLE t (a int, b text, PRIMARY KEY (a, b))',
			`INSERT INTO t VALUES (1, 'Jane')`,
		);
		const failure = await failureOf(apply(database, [rowsOf('t', '1\tJane\n')]), 'TARGET_FAILED');
		expect(failure.message).toBe(
			'Could not restore COPY t FROM stdin: duplicate key value violates unique constraint "t_pkey" (key (a, b))',
		);
		const other = await failureOf(apply(database, [rowsOf('t', 'Jane\tx\n')]), 'TARGET_FAILED');
		expect(other.message).toBe('Could not restore COPY t FROM stdin: invalid input syntax for type integer: "…"');
	});
});

describe('a database of many small tables', () => {
	const NAMES = Array.from({ length: 120 }, (_, index) => `t${index}`);
	const TABLES = NAMES.flatMap((name) => [
		`CREATE TABLE ${name} (id int, v text)`,
		`COMMENT ON TABLE ${name} IS 'one'`,
	]);
	const ROWS = NAMES.map((name) => rowsOf(`public.${name}`, '1\ta\n2\tb\n')).map((step) =>
		step.type === 'copy' ? { ...step, table: step.table?.replace('.', '\0') } : step,
	);
	const KEYS = NAMES.map((name) => `ALTER TABLE ONLY public.${name} ADD CONSTRAINT ${name}_key PRIMARY KEY (id)`);
	const countOf = async (database: string, what: string) =>
		Number(await scalar(server, database, `SELECT count(*) FROM ${what}`));

	it('is restored in few round trips: one for each table’s rows, and one for fifty definitions', async () => {
		const database = await databaseWith(server);
		let answers = 0;
		const { objects } = await apply(database, [...TABLES, ...ROWS, ...KEYS], { onAnswer: () => answers++ });
		expect(objects).toBe(TABLES.length + KEYS.length);
		expect(await countOf(database, "pg_constraint WHERE contype = 'p' AND conrelid >= 16384")).toBe(NAMES.length);
		expect(await countOf(database, 't119')).toBe(2);
		// Which tables come last is asked for once.
		expect(answers).toBeLessThanOrEqual(ROWS.length + TABLES.length / 50 + KEYS.length / 50 + 4);
	});

	it('loses nothing but what fails where errors are collected, and says what it was', async () => {
		const database = await databaseWith(server, 'CREATE TABLE t7 (id int)');
		const steps = [
			...TABLES,
			...ROWS,
			'ALTER TABLE ONLY public.t5 ADD CONSTRAINT wrong PRIMARY KEY (nothing)',
			...KEYS,
		];
		const { failures } = await apply(database, steps, { collectErrors: true });
		expect(failures.map(({ object }) => object)).toEqual([
			expect.stringContaining('t7'),
			expect.stringContaining('wrong'),
		]);
		expect(await countOf(database, "pg_class WHERE relkind = 'r' AND relname LIKE 't%' AND oid >= 16384")).toBe(
			NAMES.length,
		);
		expect(await countOf(database, "pg_constraint WHERE contype = 'p' AND conrelid >= 16384")).toBe(NAMES.length);
		expect(await countOf(database, "pg_description WHERE description = 'one'")).toBe(NAMES.length);
	});

	it('ends with the first definition that fails', async () => {
		const database = await databaseWith(server);
		const steps = [...TABLES, 'ALTER TABLE t3 DROP nothing', ...TABLES];
		const failure = await failureOf(apply(database, steps), 'TARGET_FAILED');
		expect(failure.message).toContain('t3');
	});
});

describe('rows in a buffer', () => {
	const MANY = Array.from({ length: 30_000 }, (_, index) => `${index}\tvalue ${index}\n`).join('');

	it('go to the server without a question, be they many or none', async () => {
		const database = await databaseWith(server, 'CREATE TABLE many (id int, v text); CREATE TABLE none (id int)');
		let answers = 0;
		const { rows } = await apply(database, [rowsOf('many', MANY), rowsOf('none', '')], { onAnswer: () => answers++ });
		expect(Object.fromEntries(rows)).toEqual({ none: 0, many: 30_000 });
		expect(await scalar(server, database, "SELECT count(*) FROM many WHERE v = 'value ' || id")).toBe('30000');
		expect(answers).toBe(3);
	});

	it('that the server refuses leave a connection that goes on', async () => {
		const database = await databaseWith(
			server,
			'CREATE TABLE strict (id int CHECK (id < 9)); CREATE TABLE loose (id int)',
		);
		const steps = [rowsOf('missing', MANY), rowsOf('strict', '1\n10\n'), rowsOf('loose', '1\n')];
		const { failures, rows } = await apply(database, steps, { collectErrors: true, connections: 1 });
		expect(failures).toHaveLength(2);
		expect([...rows]).toEqual([['loose', 1]]);
	});
});
