import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { openForeignDump, restoreDatabase, type RestoreDatabaseOptions } from '../../../../engine/postgres';
import { copyIn } from '../../../../engine/postgres/restore/load/copyIn';
import { checkCustomArchive, checkScript } from '../../../../engine/postgres/verify/dumpFiles';
import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { entryOf, writeArchive } from '../../../unit/postgres/foreign/write-archive';
import {
	anotherSession,
	connectionTo,
	databaseNames,
	failureOf,
	newName,
	scalar,
	untilNoEngineSession,
} from '../engine/support';
import { keepingContext } from '../verify/support';
import { type Victim, victimOn } from './support';

let server: PostgresServer;
let victim: Victim;
let before: unknown;

beforeAll(async () => {
	server = await startPostgres({ version: 18, config: { max_prepared_transactions: '4' } });
	victim = await victimOn(server);
	before = await victim.state();
});

afterAll(async () => {
	await server?.stop();
});

afterEach(async () => {
	await untilNoEngineSession(server);
	expect(victim.trace.isThere).toBe(false);
	expect(await victim.state()).toEqual(before);
});

async function* bytesOf(content: string | Buffer) {
	yield await Promise.resolve(Buffer.from(content));
}

async function imported(content: string | Buffer, database = newName()) {
	return await restoreDatabase({
		connection: connectionTo(server, 'postgres'),
		source: await openForeignDump({ name: 'dump.sql', open: () => Promise.resolve(bytesOf(content)) }),
		target: { type: 'newDatabase', database },
	});
}

const touch = () => `touch ${victim.trace.path}`;

const TABLE = 'CREATE TABLE public.t (id int, a text);\n';

const SCRIPTS: Array<[string, () => string]> = [
	['COPY ... FROM PROGRAM', () => `COPY public.t FROM PROGRAM '${touch()}; echo 1';`],
	[
		'COPY ... FROM PROGRAM that looks like rows',
		() => `COPY public.t FROM PROGRAM '${touch()}' WHERE a IS DISTINCT FROM stdin;\n\\.\n`,
	],
	['COPY ... TO PROGRAM', () => `COPY public.t TO PROGRAM '${touch()}';`],
	['COPY ... TO a file', () => `COPY public.t TO '${victim.trace.path}';`],
	['COPY ... FROM a file', () => `COPY public.t FROM '/etc/passwd';`],
	['COPY ... TO STDOUT', () => 'COPY public.t TO STDOUT;'],
	['a query of a file', () => `INSERT INTO t SELECT 1, pg_catalog.pg_read_file('/etc/passwd');`],
	['an export of a large object', () => `(SELECT "lo_export"(4242, '${victim.trace.path}'));`],
	['an import of a large object', () => `SELECT lo_import('/etc/passwd');`],
	['a default out of a file', () => `ALTER TABLE t ADD f text DEFAULT pg_read_file('/etc/passwd');`],
	['a library', () => `LOAD '${victim.trace.path}';`],
	['a transaction that stays', () => `BEGIN; PREPARE TRANSACTION 'kept';`],
	['a subscription that connects', () => `CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1' PUBLICATION p;`],
	['a subscription that is switched on', () => 'ALTER SUBSCRIPTION s ENABLE;'],
	['ownership of everything', () => 'REASSIGN OWNED BY postgres TO postgres;'],
	['tables of another server', () => 'IMPORT FOREIGN SCHEMA s FROM SERVER f INTO public;'],
	['a zero byte', () => `SELECT 1 AS "\0";`],
];

describe('a script of others', () => {
	it.each(SCRIPTS)('that holds %s is refused before anything is touched', async (_, attack) => {
		const script = `${TABLE}${attack()}\n`;
		const failure = await failureOf(imported(script), 'INVALID_INPUT');
		expect(failure.message).toMatch(/nothing was changed|neither SQL nor/);
		expect(failure.hint).toBeTruthy();
		const { context, found } = keepingContext();
		await checkScript(bytesOf(script), context);
		expect(found).toContainEqual(expect.objectContaining({ severity: 'error', code: 'INVALID_INPUT' }));
	});

	it('keeps what only looks like an attack: names, strings, bodies, views, grants', async () => {
		const database = newName();
		const script = [
			TABLE,
			`CREATE TABLE public.program (lo_export int, "from" text);`,
			`COPY public.program (lo_export, "from") FROM stdin WITH (FORMAT csv, NULL 'WHERE');`,
			'1,x',
			'\\.',
			`COMMENT ON TABLE public.t IS 'COPY t FROM PROGRAM ''x''; pg_read_file(''y'')';`,
			`INSERT INTO public.t VALUES (1, 'SELECT lo_export(1, ''/x'')'), (2, E'\\'; pg_read_file(');`,
			`CREATE VIEW public.log AS SELECT pg_read_file('/var/log/x') AS text;`,
			`CREATE FUNCTION public.f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN COPY t FROM PROGRAM 'x'; END $$;`,
			'GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_file(text) TO PUBLIC;',
			'SELECT count(*) FROM generate_series(1, 10);',
			'',
		].join('\n');
		expect(await imported(script, database)).toMatchObject({ rows: 3, failures: [] });
		expect(await scalar(server, database, 'SELECT "from" FROM program')).toBe('x');
		await server.query('postgres', `DROP DATABASE ${database}`);
	});

	it('runs one statement where quotes are read in two ways', async () => {
		// To whoever looks for E'...' in the middle of a word, the string ends later, and the second statement is hidden in it.
		const hidden = `SET client_min_messages TO notice; ALTER ROLE postgres SET ROLE'nope\\'; DROP DATABASE victim; --';\n`;
		const database = newName();
		await imported(`${TABLE}${hidden}`, database).catch(() => {});
		await server.query('postgres', `DROP DATABASE IF EXISTS ${database}`);
		const off = `SET/**/standard_conforming_strings = off; COMMENT ON TABLE public.t IS '\\'; DROP DATABASE victim; --';\n`;
		await imported(`${TABLE}${off}`, database).catch(() => {});
		await server.query('postgres', `DROP DATABASE IF EXISTS ${database}`);
	});
});

describe('a custom-format archive of others', () => {
	const archive = (copy: string, definition = TABLE) =>
		writeArchive({
			minor: 14,
			compression: 'none',
			entries: [
				entryOf({ id: 1, type: 'TABLE', name: 't', schema: 'public', definition }),
				entryOf({ id: 2, type: 'TABLE DATA', name: 't', schema: 'public', section: 'data', hasData: true, copy }),
			],
			blocks: [{ id: 2, data: Buffer.from('1\tx\n\\.\n\n\n') }],
		}).bytes;

	it.each([
		['rows by a program', () => archive(`COPY public.t (id, a) FROM PROGRAM '${touch()}';\n`)],
		['rows by another statement', () => archive('DROP DATABASE victim;\n')],
		[
			'a definition that runs a program',
			() => archive('COPY public.t (id, a) FROM stdin;\n', `${TABLE}COPY t TO PROGRAM '${touch()}';`),
		],
	])('that holds %s is refused before anything is touched', async (_, bytes) => {
		const failure = await failureOf(imported(bytes()), 'INVALID_INPUT');
		expect(failure.message).toContain('nothing was changed');
		const { context, found } = keepingContext();
		await checkCustomArchive(bytesOf(bytes()), context);
		expect(found).toContainEqual(expect.objectContaining({ severity: 'error', code: 'INVALID_INPUT' }));
	});

	it('is restored otherwise', async () => {
		const { database, rows } = await imported(archive('COPY public.t (id, a) FROM stdin;\n'));
		expect(rows).toBe(1);
		await server.query('postgres', `DROP DATABASE ${database}`);
	});
});

describe('a custom-format archive with many rows', () => {
	const COUNT = 20_000;
	const rows = Array.from({ length: COUNT }, (_, index) => `${index}\t${'x'.repeat(90)}\n`);
	const bytes = writeArchive({
		minor: 14,
		compression: 'none',
		entries: [
			entryOf({ id: 1, type: 'TABLE', name: 't', schema: 'public', definition: TABLE }),
			entryOf({
				id: 2,
				type: 'TABLE DATA',
				name: 't',
				schema: 'public',
				section: 'data',
				hasData: true,
				copy: 'COPY public.t (id, a) FROM stdin;\n',
			}),
		],
		blocks: [{ id: 2, data: Buffer.from(`${rows.join('')}\\.\n\n\n`) }],
	}).bytes;

	/** Restores what an archive holds, and counts the bytes that are read of it. */
	async function counted(
		content: Buffer,
		target: RestoreDatabaseOptions['target'],
		selection: RestoreDatabaseOptions['selection'] = {},
	) {
		let read = 0;
		const open = () =>
			Promise.resolve(
				(async function* () {
					for (let at = 0; at < content.length; at += 10_000) {
						const piece = await Promise.resolve(content.subarray(at, at + 10_000));
						read += piece.length;
						yield piece;
					}
				})(),
			);
		const source = await openForeignDump({ name: 'dump.custom', open });
		const restoring = restoreDatabase({ connection: connectionTo(server, 'postgres'), source, target, selection });
		return await restoring.then((report) => ({ report, read }));
	}

	it('is read once into a database that has no name yet, and twice into one that stands', async () => {
		const database = newName();
		const made = await counted(bytes, { type: 'newDatabase', database });
		expect(made.report.rows).toBe(COUNT);
		expect(made.report.warnings).toEqual([]);
		expect(made.read).toBeGreaterThanOrEqual(bytes.length);
		expect(made.read).toBeLessThan(1.2 * bytes.length);
		const target = { type: 'existing', database, confirmation: database, before: 'truncate' } as const;
		const again = await counted(bytes, target, { dataOnly: true });
		expect(again.report.rows).toBe(COUNT);
		expect(again.read).toBeGreaterThan(2 * bytes.length);
		await server.query('postgres', `DROP DATABASE ${database}`);
	});

	it.each([
		['ends among its rows', bytes.subarray(0, -30_000), 'ARCHIVE_INCOMPLETE'],
		['lacks the rows of a table', bytes.subarray(0, bytes.indexOf(rows[0]!) - 10), 'ARCHIVE_INCOMPLETE'],
		['has something else after its rows', Buffer.concat([bytes, Buffer.alloc(100, 7)]), 'ARCHIVE_CORRUPT'],
	] as const)('leaves no database behind where it %s', async (_, content, code) => {
		const names = await databaseNames(server);
		await failureOf(counted(Buffer.from(content), { type: 'newDatabase', database: newName() }), code);
		expect(await databaseNames(server)).toEqual(names);
	});
});

describe('rows for a server that does not ask for them', () => {
	it.each([
		['answers with other rows', 'SELECT n FROM generate_series(1, 1000) n', 'TARGET_FAILED'],
		['hands rows out itself', 'COPY (SELECT n FROM generate_series(1, 1000) n) TO STDOUT', 'TARGET_FAILED'],
		['does something else', 'SET application_name = x', 'TARGET_FAILED'],
		['does nothing', '', 'TARGET_FAILED'],
		['does several things', 'SELECT 1; SELECT 2', 'TARGET_FAILED'],
		['refuses', 'COPY nowhere FROM STDIN', '42P01'],
	])('fail where it %s, and leave the connection as it was', async (_, statement, code) => {
		const client = await anotherSession(server, victim.database);
		for (const rows of [Buffer.from('1\n'), bytesOf('1\n'), Buffer.alloc(4_000_000, '1\n')]) {
			await expect(copyIn(client, { statement, rows })).rejects.toMatchObject({ code });
			expect((await client.query<{ one: number }>('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
		}
	});

	it('are loaded where it asks', async () => {
		const client = await anotherSession(server, victim.database);
		await client.query('CREATE TEMPORARY TABLE numbers (n int)');
		expect(await copyIn(client, { statement: 'COPY numbers FROM STDIN', rows: bytesOf('1\n2\n') })).toBe(2);
		const failing = copyIn(client, { statement: 'COPY numbers FROM STDIN', rows: bytesOf('1\nx\n') });
		await expect(failing).rejects.toMatchObject({ code: '22P02' });
	});
});
