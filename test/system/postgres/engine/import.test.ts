import { execFile } from 'node:child_process';
import { createReadStream, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import {
	listForeignDump,
	openForeignDump,
	restoreDatabase,
	type RestoreDatabaseOptions,
} from '../../../../engine/postgres';
import { compareDatabases } from '../../../fidelity/compare';
import { runNative } from '../../../fidelity/native';
import { createEverything } from '../../../fixtures/postgres/everything-database';
import {
	connectionTo,
	databaseNames,
	databaseWith,
	failureOf,
	newName,
	scalar,
} from '../../../integration/postgres/engine/support';
import { temporaryFolder } from '../../../services/guard';
import { type PostgresServer, startPostgres } from '../../../services/postgres';

let server: PostgresServer;
let everything: string;
let shop: string;
const folder = temporaryFolder('foreign-dumps');

beforeAll(async () => {
	server = await startPostgres({ version: 15 });
	everything = await createEverything(server, { largeRows: 2_000 });
	shop = await databaseWith(
		server,
		`CREATE SCHEMA sales; CREATE TYPE sales.state AS ENUM ('open', 'paid'); CREATE SCHEMA other`,
		`CREATE TABLE sales.orders (id serial PRIMARY KEY, state sales.state, note text); CREATE INDEX orders_note ON sales.orders (note)`,
		`CREATE TABLE other.things (id int PRIMARY KEY, order_id int REFERENCES sales.orders)`,
		`INSERT INTO sales.orders (state, note) SELECT 'paid', E'line\\nbreak ; ''quoted'' ' || n FROM generate_series(1, 500) n`,
		`INSERT INTO other.things SELECT n, n FROM generate_series(1, 100) n`,
	);
});

afterAll(async () => {
	await server?.stop();
});

let files = 0;

/** A dump by the native pg_dump of 15; `pack` is a command line that stdin goes through. */
async function dump(database: string, args: string[] = [], pack?: string): Promise<string> {
	const file = join(folder, `dump_${++files}`);
	await runNative(server, 'pg_dump', [...args, `--file=${file}`, `--dbname=${database}`]);
	if (!pack) return file;
	await promisify(execFile)('bash', ['-c', `set -o pipefail; ${pack} < "$0" > "$0.packed"`, file]);
	return `${file}.packed`;
}

const foreign = (file: string, passphrase?: string) => ({
	name: 'dump.sql',
	open: () => Promise.resolve(createReadStream(file)),
	...(passphrase === undefined ? {} : { keys: { passphrase } }),
});

type Choices = Partial<Omit<RestoreDatabaseOptions, 'source'>> & { passphrase?: string };

async function importInto(file: string, { passphrase, ...choices }: Choices = {}) {
	return await restoreDatabase({
		connection: connectionTo(server, 'postgres'),
		source: await openForeignDump(foreign(file, passphrase)),
		target: { type: 'newDatabase', database: newName() },
		...choices,
	});
}

async function expectSame(a: string, b: string): Promise<void> {
	expect(await compareDatabases({ server, database: a }, { server, database: b })).toEqual([]);
}

describe('a dump of all that PostgreSQL 15 can hold', () => {
	it.each([
		['plain', [], undefined],
		['custom format', ['-Fc'], undefined],
	])('in %s comes back as the native tools would restore it', async (_, args, pack) => {
		const report = await importInto(await dump(everything, args, pack), { parallel: 4 });
		expect(report.failures).toEqual([]);
		await expectSame(everything, report.database);
	});
});

describe('a small dump', () => {
	it.each<[string, string[], string | undefined]>([
		['plain in gzip', [], 'gzip'],
		['plain in zstd', [], 'zstd'],
		['plain in gpg', [], 'gpg --batch --quiet --pinentry-mode loopback --passphrase sesame --symmetric'],
		['custom, uncompressed', ['-Fc', '-Z0'], undefined],
		[
			'custom, level 9, in gpg',
			['-Fc', '-Z9'],
			'gpg --batch --quiet --pinentry-mode loopback --passphrase sesame --symmetric',
		],
		['of INSERT statements', ['--inserts'], undefined],
		['of INSERT statements of several rows, custom', ['-Fc', '--column-inserts', '--rows-per-insert=50'], undefined],
		['with --create', ['--create'], undefined],
		['with --create, custom', ['-Fc', '--create'], undefined],
		['with --clean --if-exists', ['--clean', '--if-exists'], undefined],
		['in LATIN1', ['--encoding=LATIN1'], undefined],
	])('%s comes back', async (_, args, pack) => {
		const report = await importInto(await dump(shop, args, pack), { passphrase: 'sesame' });
		expect(report).toMatchObject({ failures: [] });
		await expectSame(shop, report.database);
	});

	it.each([[[]], [['-Fc']]])('gives single tables back with all that is theirs (%o)', async (args) => {
		const { database } = await importInto(await dump(shop, args), { selection: { tables: ['sales.orders'] } });
		expect(await scalar(server, database, 'SELECT count(*) FROM sales.orders')).toBe('500');
		expect(await scalar(server, database, 'INSERT INTO sales.orders (note) VALUES (NULL) RETURNING id')).toBe('501');
		expect(
			await scalar(
				server,
				database,
				`SELECT string_agg(indexrelid::regclass::text, ' ' ORDER BY indexrelid::regclass::text) FROM pg_index WHERE indrelid = 'sales.orders'::regclass`,
			),
		).toBe('sales.orders_note sales.orders_pkey');
		expect(await scalar(server, database, `SELECT to_regclass('other.things')`)).toBeNull();
	});

	it.each([[[]], [['-Fc']]])('gives single schemas back (%o)', async (args) => {
		const { database } = await importInto(await dump(shop, args), { selection: { schemas: ['sales'] } });
		expect(await scalar(server, database, 'SELECT count(*) FROM sales.orders')).toBe('500');
		expect(await scalar(server, database, `SELECT to_regnamespace('other')`)).toBeNull();
	});

	it.each([[[]], [['-Fc']], [['--data-only']], [['-Fc', '--data-only']]])(
		'gives rows alone back into tables that are there (%o)',
		async (args) => {
			const database = newName();
			await server.query('postgres', `CREATE DATABASE ${database} TEMPLATE ${shop}`);
			await server.query(database, `UPDATE sales.orders SET note = 'changed'`);
			const target = { type: 'existing', database, confirmation: database, before: 'truncate' } as const;
			await importInto(await dump(shop, args), { target, selection: { dataOnly: true } });
			await expectSame(shop, database);
		},
	);

	it('takes the place of a database and keeps its owner, settings and privileges', async () => {
		await server.query('postgres', 'CREATE ROLE landlord');
		const database = await databaseWith(server, 'CREATE TABLE old ()');
		await server.query(
			'postgres',
			`ALTER DATABASE ${database} SET work_mem = '7MB'; ALTER DATABASE ${database} OWNER TO landlord; REVOKE CONNECT ON DATABASE ${database} FROM PUBLIC`,
		);
		const report = await importInto(await dump(shop, ['-Fc']), {
			target: { type: 'safeSwap', database, confirmation: database },
		});
		const facts = `SELECT pg_get_userbyid(datdba) || (SELECT array_agg(a::text ORDER BY a::text)::text FROM unnest(datacl) a) || (SELECT setconfig::text FROM pg_db_role_setting WHERE setdatabase = d.oid) FROM pg_database d WHERE datname = `;
		expect(await scalar(server, 'postgres', `${facts} '${database}'`)).toBe(
			await scalar(server, 'postgres', `${facts} '${report.previousDatabase}'`),
		);
		expect(report.warnings).toEqual([]);
	});

	it.each([[[]], [['-Fc']]])('lists its contents (%o)', async (args) => {
		const { objects } = await listForeignDump(foreign(await dump(shop, args)));
		expect(objects).toContainEqual(
			expect.objectContaining({ type: 'TABLE', schema: 'sales', name: 'orders', hasData: true }),
		);
	});

	it.each([[{ tables: ['nope'] }], [{ schemas: ['nope'] }]])(
		'refuses %o, which it does not hold, and creates nothing',
		async (selection) => {
			for (const args of [[], ['-Fc']]) {
				const before = await databaseNames(server);
				await failureOf(importInto(await dump(shop, args), { selection }), 'INVALID_INPUT');
				expect(await databaseNames(server)).toEqual(before);
			}
		},
	);
});

describe('a file that is damaged or no dump', () => {
	async function refused(
		file: string,
		code: Parameters<typeof failureOf>[1],
		message: RegExp,
		passphrase?: string,
	): Promise<void> {
		const before = await databaseNames(server);
		const failure = await failureOf(importInto(file, { passphrase }), code);
		expect(failure.message).toMatch(message);
		expect(failure.hint).toBeTruthy();
		expect(await databaseNames(server)).toEqual(before);
	}

	it.each<[string, string[], string | undefined]>([
		['plain', [], undefined],
		['plain in gzip', [], 'gzip'],
		['plain in zstd', [], 'zstd'],
		['custom', ['-Fc'], undefined],
		['custom, uncompressed', ['-Fc', '-Z0'], undefined],
	])('%s, cut off anywhere, changes nothing', async (_, args, pack) => {
		for (const share of [1, 0.8, 0.3]) {
			const file = await dump(shop, args, pack);
			truncateSync(file, Math.floor(statSync(file).size * share) - 150);
			await refused(file, /ARCHIVE_(?:INCOMPLETE|CORRUPT)/, /./);
		}
	});

	// The checksum stands at the end of a table's rows: the server may refuse a damaged row before.
	it('custom, with a changed byte anywhere in its rows, changes nothing', async () => {
		const database = await databaseWith(
			server,
			`CREATE TABLE numbers (n int NOT NULL, at timestamptz NOT NULL, label text NOT NULL);
			INSERT INTO numbers SELECT i * 7919 % 100003, '2026-01-01'::timestamptz + i * interval '61 seconds', md5(i::text) FROM generate_series(1, 2000) i`,
		);
		const whole = readFileSync(await dump(database, ['-Fc']));
		const rows = 60_000;
		for (let step = 1; step <= 12; step++) {
			const bytes = Buffer.from(whole);
			bytes[bytes.length - Math.floor((rows * step) / 13)]! ^= 0xff;
			const file = join(folder, `changed_${step}`);
			writeFileSync(file, bytes);
			await refused(file, /ARCHIVE_(?:INCOMPLETE|CORRUPT)/, /./);
			if (step === 6) await failureOf(importInto(file, { collectErrors: true }), /ARCHIVE_(?:INCOMPLETE|CORRUPT)/);
		}
	});

	it('pg_dumpall’s, of several databases, is refused', async () => {
		const file = join(folder, 'all');
		await runNative(server, 'pg_dumpall', [`--file=${file}`]);
		await refused(file, 'INVALID_INPUT', /several databases|whole server/);
		await runNative(server, 'pg_dumpall', ['--globals-only', `--file=${file}`]);
		await refused(file, 'INVALID_INPUT', /roles/i);
	});

	it('in the tar or the directory format is refused with what to do', async () => {
		const file = await dump(shop, ['-Ft']);
		await refused(file, 'INVALID_INPUT', /tar format/);
		const directory = join(folder, 'directory');
		await runNative(server, 'pg_dump', ['-Fd', `--file=${directory}`, `--dbname=${shop}`]);
		await refused(join(directory, 'toc.dat'), 'INVALID_INPUT', /directory or tar format/);
	});

	it.each<[string, Buffer | string, Parameters<typeof failureOf>[1], RegExp]>([
		['an empty file', '', 'ARCHIVE_INCOMPLETE', /empty/],
		['blanks', '  \n\n', 'INVALID_INPUT', /holds no SQL/],
		['a PNG', Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'), 'INVALID_INPUT', /neither SQL nor/],
		['UTF-16', Buffer.from('\ufeffCREATE TABLE t ();', 'utf16le'), 'INVALID_INPUT', /UTF-16/],
		['mysqldump’s', '-- MySQL dump 10.13\n\nCREATE TABLE `t` (id int);\n', 'INVALID_INPUT', /MySQL/],
		['prose', 'Dear all, here is the dump; have fun.\n', /./, /./],
		['an unknown backslash command', 'CREATE TABLE t ();\n\\copy t from x\n', 'INVALID_INPUT', /\\copy/],
	])('%s is refused', async (_, content, code, message) => {
		const file = join(folder, `file_${++files}`);
		writeFileSync(file, content);
		await refused(file, code, message);
	});

	it('by gpg with a wrong passphrase, or none, is refused', async () => {
		const file = await dump(shop, [], 'gpg --batch --quiet --pinentry-mode loopback --passphrase sesame --symmetric');
		// One wrong passphrase in a hundred makes something of the message that looks like a content, and proves to be none.
		await refused(file, /^(?:KEY_WRONG|ARCHIVE_CORRUPT)$/, /does not open|damaged/, 'wrong');
		await refused(file, 'KEY_MISSING', /encrypted/);
	});
});
