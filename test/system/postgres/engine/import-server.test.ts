import { createReadStream, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import {
	importGlobals,
	importServer,
	listForeignDump,
	openForeignDump,
	restoreDatabase,
} from '../../../../engine/postgres';
import { FolderStorage } from '../../../../engine/storage';
import { verifyFile } from '../../../../engine';
import { runNative } from '../../../fidelity/native';
import { connectionTo, databaseNames, failureOf, newName, scalar } from '../../../integration/postgres/engine/support';
import { temporaryFolder } from '../../../services/guard';
import { type PostgresServer, startPostgres } from '../../../services/postgres';

/** The server that is dumped whole, and the one that dumps of it are imported into. */
let source: PostgresServer;
let target: PostgresServer;
const folder = temporaryFolder('server-dumps');
let files = 0;

beforeAll(async () => {
	[source, target] = await Promise.all([startPostgres({ version: 15 }), startPostgres({ version: 18 })]);
	await source.query('postgres', `CREATE ROLE keeper LOGIN PASSWORD 'opensesame'`);
	await source.query('postgres', 'CREATE DATABASE shop OWNER keeper');
	await source.query('shop', 'CREATE TABLE orders (id int PRIMARY KEY, note text)');
	await source.query('shop', `INSERT INTO orders SELECT n, 'note ' || n FROM generate_series(1, 200) n`);
	await source.query('shop', 'ALTER TABLE orders OWNER TO keeper');
});

afterAll(async () => {
	await Promise.all([source?.stop(), target?.stop()]);
});

beforeEach(async () => {
	for (const name of await databaseNames(target)) {
		if (!/^(?:template[01]|postgres)$/.test(name)) await target.query('postgres', `DROP DATABASE ${quoted(name)}`);
	}
	await target.query('postgres', 'DROP ROLE IF EXISTS keeper');
});

/** As people make it, Immich among them: `pg_dumpall --clean --if-exists`. */
const FORMS: Array<[string, string[]]> = [
	['plain', []],
	['--clean --if-exists', ['--clean', '--if-exists']],
];

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;

async function dumpServer(...args: string[]) {
	const file = join(folder, `all_${++files}.sql`);
	await runNative(source, 'pg_dumpall', [...args, `--file=${file}`]);
	return dumpIn(file);
}

function dumpIn(file: string) {
	return { file, name: 'all.sql', open: () => Promise.resolve(createReadStream(file)) };
}

type Dump = ReturnType<typeof dumpIn>;

async function importOne(dump: Dump, database?: string) {
	return await restoreDatabase({
		connection: connectionTo(target, 'postgres'),
		source: await openForeignDump(dump, { database }),
		target: { type: 'newDatabase', database: newName() },
		owner: { type: 'none' },
	});
}

const contents = async (server: PostgresServer, database: string, table: string) =>
	await scalar(server, database, `SELECT md5(string_agg(t::text, ';' ORDER BY t::text COLLATE "C")) FROM ${table} t`);

const rolesOf = async (server: PostgresServer) =>
	await scalar(
		server,
		'postgres',
		`SELECT string_agg(rolname || rolcanlogin, ' ') FROM pg_roles WHERE rolname = 'keeper'`,
	);

describe.each(FORMS)('a dump of a whole server (%s) with one database that holds something', (_, args) => {
	it('gives that database without being asked for it, and says so', async () => {
		const { database, failures, rows, warnings } = await importOne(await dumpServer(...args));
		expect({ failures, rows }).toEqual({ failures: [], rows: 200 });
		expect(await contents(target, database, 'orders')).toBe(await contents(source, 'shop', 'orders'));
		expect(warnings).toContainEqual(expect.stringContaining('its database "shop" was imported, the only one'));
	});

	it('gives its roles alone', async () => {
		const report = await importGlobals(connectionTo(target, 'postgres'), await dumpServer(...args), {
			existing: 'update',
		});
		expect(report.created).toEqual(['role "keeper"']);
		expect(report.failed).toEqual([]);
		expect(report.warnings.filter((text) => !/connected as this role/.test(text))).toEqual(
			args.length > 0 ? [expect.stringContaining('would drop')] : [],
		);
		expect(await rolesOf(target)).toBe('keepertrue');
		expect(await databaseNames(target)).not.toContain('shop');
	});

	it('gives all of it, with the owner of the tables', async () => {
		const report = await importServer({
			connection: connectionTo(target, 'postgres'),
			dump: await dumpServer(...args),
			prefix: 'back_',
			existingRoles: 'update',
		});
		expect(report.databases.map(({ database }) => database)).toEqual(['back_shop']);
		expect(report.empty.sort()).toEqual(['postgres', 'template1']);
		expect(await scalar(target, 'back_shop', `SELECT tableowner FROM pg_tables WHERE tablename = 'orders'`)).toBe(
			'keeper',
		);
		expect(await scalar(target, 'back_shop', 'SELECT count(*) FROM orders')).toBe('200');
	});

	it('is verified by a test restore', async () => {
		const dump = await dumpServer(...args);
		const storage = new FolderStorage({ root: folder });
		const report = await verifyFile({
			storage,
			key: dump.file.slice(folder.length + 1),
			level: 'restore',
			scratch: { postgres: { type: 'inProcess', maxRawBytes: 1e8 } },
		});
		const findings = report.levels.flatMap(({ findings }) => findings);
		expect(findings.filter(({ severity }) => severity !== 'warning')).toEqual([]);
		expect(report.verdict).toBe('passed');
		expect(report.levels.at(-1)?.counts).toMatchObject({ rows: 200 });
	});
});

describe('a dump of a server with several databases', () => {
	const odd = `it's "odd" \\ name`;

	beforeAll(async () => {
		await source.query('postgres', `CREATE DATABASE ${quoted(odd)} ENCODING 'LATIN1' TEMPLATE template0`);
		await source.query(odd, `CREATE TABLE things (name text); INSERT INTO things VALUES ('é'), ('ü')`);
		await source.query('postgres', 'CREATE TABLE notes (n int); INSERT INTO notes VALUES (1), (2), (3)');
	});

	afterAll(async () => {
		await source.query('postgres', `DROP DATABASE ${quoted(odd)}`);
		await source.query('postgres', 'DROP TABLE notes');
	});

	it.each(FORMS)('asks which one is wanted, and tells what there is (%s)', async (_, args) => {
		const { message, hint } = await failureOf(importOne(await dumpServer(...args)), 'INVALID_INPUT');
		expect(message).toContain('"shop" (1 tables, 200 rows)');
		expect(message).toContain('"postgres" (1 tables, 3 rows)');
		expect(message).toContain(odd);
		expect(hint).toContain('Database in the Dump');
		expect(await databaseNames(target)).toEqual(['postgres', 'template0', 'template1']);
	});

	it.each(FORMS)('gives each by its name, and nothing of the others (%s)', async (_, args) => {
		const dump = await dumpServer(...args);
		for (const [name, table, rows] of [
			['shop', 'orders', 200],
			[odd, 'things', 2],
			['postgres', 'notes', 3],
		] as const) {
			const report = await importOne(dump, name);
			expect({ name, rows: report.rows, tables: report.tables.length }).toEqual({ name, rows, tables: 1 });
			expect(await contents(target, report.database, table)).toBe(await contents(source, name, table));
		}
	});

	it('gives a database the encoding and the locale that it had', async () => {
		const { database } = await importOne(await dumpServer(), odd);
		expect(
			await scalar(
				target,
				'postgres',
				`SELECT pg_encoding_to_char(encoding) || datcollate FROM pg_database WHERE datname = '${database}'`,
			),
		).toBe('LATIN1C');
	});

	it('refuses a name that it does not hold, and tells those that it does', async () => {
		const { hint } = await failureOf(importOne(await dumpServer(), 'nope'), 'INVALID_INPUT');
		expect(hint).toContain('"shop"');
	});

	it('changes nothing where one of the names is taken', async () => {
		await target.query('postgres', `CREATE DATABASE back_shop`);
		const options = { connection: connectionTo(target, 'postgres'), prefix: 'back_', existingRoles: 'update' as const };
		await failureOf(importServer({ ...options, dump: await dumpServer() }), 'TARGET_EXISTS');
		expect(await databaseNames(target)).toEqual(['back_shop', 'postgres', 'template0', 'template1']);
		expect(await rolesOf(target)).toBeNull();
	});

	it('changes nothing where one of the names is too long', async () => {
		const prefix = `${'x'.repeat(50)}_`;
		const options = { connection: connectionTo(target, 'postgres'), prefix, existingRoles: 'update' as const };
		const { message } = await failureOf(importServer({ ...options, dump: await dumpServer() }), 'INVALID_INPUT');
		expect(message).toContain('bytes long; nothing was changed');
		expect(await databaseNames(target)).toEqual(['postgres', 'template0', 'template1']);
		expect(await rolesOf(target)).toBeNull();
	});

	it('lists the objects of each', async () => {
		const { objects } = await listForeignDump(await dumpServer('--clean'));
		expect(objects.map(({ database, type, name, rows }) => ({ database, type, name, rows }))).toEqual(
			expect.arrayContaining([
				{ database: 'shop', type: 'TABLE', name: 'orders', rows: 200 },
				{ database: 'postgres', type: 'TABLE', name: 'notes', rows: 3 },
				{ database: odd, type: 'TABLE', name: 'things', rows: 2 },
			]),
		);
	});

	it('names what is complete when a later database fails', async () => {
		const dump = await dumpServer();
		const script = readFileSync(dump.file, 'utf8');
		writeFileSync(dump.file, script.replace('COPY public.orders (id, note) FROM stdin;\n', '$&wrong\trow\n'));
		const failure = await failureOf(
			importServer({ connection: connectionTo(target, 'postgres'), dump, prefix: 'b_', existingRoles: 'update' }),
			/./,
		);
		expect(failure.message).toContain('complete: ');
		const { imported } = failure.details as { imported: string[] };
		expect(imported.length).toBeGreaterThan(0);
		for (const name of imported) expect(await databaseNames(target)).toContain(name);
		expect(await databaseNames(target)).not.toContain('b_shop');
	});
});

it('several dumps made with --create, one after the other in a file, are told apart as well', async () => {
	const file = join(folder, `joined_${++files}.sql`);
	await source.query('postgres', 'CREATE DATABASE second');
	await source.query('second', 'CREATE TABLE t (i int); INSERT INTO t VALUES (1)');
	const parts = ['shop', 'second'].map((name) => runNative(source, 'pg_dump', ['--create', `--dbname=${name}`]));
	writeFileSync(file, (await Promise.all(parts)).join(''));
	const dump = dumpIn(file);
	await failureOf(importOne(dump), 'INVALID_INPUT');
	expect((await importOne(dump, 'shop')).rows).toBe(200);
	expect((await importOne(dump, 'second')).rows).toBe(1);
	await source.query('postgres', 'DROP DATABASE second');
});

it('roles and globals alone are told as such, and can be imported', async () => {
	const dump = await dumpServer('--globals-only');
	const { hint } = await failureOf(importOne(dump), 'INVALID_INPUT');
	expect(hint).toContain('Roles and Globals');
	const report = await importGlobals(connectionTo(target, 'postgres'), dump, { existing: 'skip' });
	expect(report.created).toEqual(['role "keeper"']);
});

it('roles and globals change nothing where not all of them can be read', async () => {
	const dump = await dumpServer('--globals-only');
	const script = readFileSync(dump.file, 'utf8');
	const comment = `COMMENT ON ROLE keeper IS '${'x'.repeat(17 * 1024 * 1024)}';`;
	writeFileSync(dump.file, script.replace(/^ALTER ROLE keeper WITH .*;$/m, `$&\n${comment}`));
	await failureOf(importGlobals(connectionTo(target, 'postgres'), dump, { existing: 'update' }), 'INVALID_INPUT');
	expect(await rolesOf(target)).toBeNull();
});

it('a locale that the server lacks is told, and the database made all the same', async () => {
	const file = join(folder, `foreign_${++files}.sql`);
	const script = await runNative(source, 'pg_dump', ['--create', '--dbname=shop']);
	writeFileSync(file, script.replace(/LOCALE = 'C'/, "LOCALE = 'English_United States.1252'"));
	const { database, rows, warnings } = await importOne(dumpIn(file));
	expect(rows).toBe(200);
	expect(warnings).toContainEqual(expect.stringContaining("LC_COLLATE 'English_United States.1252'"));
	expect(await scalar(target, database, 'SELECT count(*) FROM orders')).toBe('200');
});
