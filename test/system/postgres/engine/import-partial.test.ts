import { readFileSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { compareDatabases } from '../../../fidelity/compare';
import { runNative } from '../../../fidelity/native';
import { databaseWith, failureOf, scalar } from '../../../integration/postgres/engine/support';
import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { importing, into } from './importing';

let server: PostgresServer;
let shop: string;
const { copyOf, count, dump, file, importInto } = importing(() => server);

beforeAll(async () => {
	server = await startPostgres({ version: 15 });
	shop = await databaseWith(
		server,
		'CREATE SCHEMA other; CREATE TABLE a (id int PRIMARY KEY, t text); CREATE TABLE other.b AS SELECT 1 AS x',
		`INSERT INTO a SELECT n, md5(n::text) FROM generate_series(1, 500) n; CREATE TABLE empty (id int); CREATE TABLE bare ()`,
		'CREATE TABLE log (day int) PARTITION BY LIST (day); CREATE TABLE log_1 PARTITION OF log FOR VALUES IN (1)',
		'CREATE UNLOGGED TABLE quick (id int); INSERT INTO log VALUES (1), (1); CREATE VIEW v AS SELECT * FROM a',
	);
});

afterAll(async () => {
	await server?.stop();
});

describe('a dump of part of a database', () => {
	it.each<[string[], RegExp]>([
		[['--schema-only'], /lacks all rows/],
		[['--data-only'], /lacks all definitions/],
		[['--section=pre-data'], /lacks all rows/],
		[['--exclude-table-data=a'], /lacks the rows of public\.a/],
		[['--no-unlogged-table-data'], /lacks the rows of public\.quick/],
		[['--table=other.b'], /everything but some tables \(it does not make the schemas other\)/],
		[['-Fc', '--schema-only'], /lacks all rows/],
		[['-Fc', '--data-only'], /lacks all definitions/],
		[['-Fc', '--section=pre-data'], /lacks all rows/],
		[['-Fc', '--exclude-table-data=a'], /lacks the rows of public\.a/],
		[['-Fc', '--inserts', '--exclude-table-data=empty'], /lacks the rows of public\.empty/],
		[['--inserts', '--schema-only'], /lacks all rows/],
	])('never takes the place of a whole one (%o)', async (args, lacks) => {
		const part = await dump(shop, ...args);
		const live = await copyOf(shop);
		for (const type of ['safeSwap', 'replace'] as const) {
			const run = importInto(part, { target: { type, database: live, confirmation: live } });
			expect((await failureOf(run, 'INVALID_INPUT')).message).toMatch(lacks);
		}
		expect(await count(live, 'a')).toBe('500');
	});

	it('says in a new database what it lacks', async () => {
		const { warnings } = await importInto(await dump(shop, '--schema-only'));
		expect(warnings).toEqual([expect.stringContaining('not the backup of a whole database: it lacks all rows')]);
	});

	it.each([
		[[]],
		[['--inserts']],
		[['--clean', '--create']],
		[['--load-via-partition-root']],
		[['-Fc']],
		[['-Fc', '--inserts']],
		[['-Fc', '--load-via-partition-root']],
	])('is not taken for one where all is there (%o)', async (args: string[]) => {
		const live = await copyOf(shop, 'DELETE FROM a');
		const target = { type: 'replace', database: live, confirmation: live } as const;
		expect((await importInto(await dump(shop, ...args), { target })).failures).toEqual([]);
		expect(await compareDatabases({ server, database: shop }, { server, database: live })).toEqual([]);
	});
});

describe('a dump that was cut off', () => {
	const PREFACE = `-- exported by ${'the backup job of some host '.repeat(20)}\n\n/* more\n*/\n`;

	it.each([
		['', '\n'],
		[PREFACE, '\n'],
		['', '\r\n'],
		[PREFACE, '\r\n'],
	])('is refused wherever it ends (behind %j, lines end in %j)', async (preface, newline) => {
		const whole = preface + readFileSync(await dump(shop), 'utf8');
		const lines = whole.replaceAll('\n', newline);
		expect((await importInto(file(lines))).rows).toBe(503);
		for (const end of ['COPY public.a', 'ALTER TABLE ONLY public.a', '-- PostgreSQL database dump complete']) {
			const cut = lines.slice(0, lines.indexOf(end));
			const { message } = await failureOf(importInto(file(cut)), 'ARCHIVE_INCOMPLETE');
			expect(message).toContain('closing line');
		}
		expect((await importInto(file(lines.slice(0, lines.indexOf(' complete') + 9)))).rows).toBe(503);
	});

	it('is told from rows that say the same', async () => {
		const database = await databaseWith(
			server,
			`CREATE TABLE t AS SELECT E'\\n-- PostgreSQL database dump\\n--\\n' AS x; COMMENT ON TABLE t IS E'\\n-- PostgreSQL database dump\\n'`,
		);
		for (const args of [[], ['--inserts']]) expect((await importInto(await dump(database, ...args))).rows).toBe(1);
	});

	it('is refused where pg_dumpall made it', async () => {
		const all = (
			await runNative(server, 'pg_dumpall', [
				'--exclude-database=template*',
				'--exclude-database=made_*',
				'--exclude-database=postgres',
				'--no-role-passwords',
			])
		).toString();
		expect(all).toContain('cluster dump complete');
		const inner = readFileSync(await dump(shop, '--create'), 'utf8');
		const script = all.replace('--\n-- PostgreSQL database cluster dump complete', `${inner}\n$&`);
		expect((await importInto(file(script))).rows).toBe(503);
		for (const end of ['COPY other.b', 'ALTER TABLE ONLY public.a', '-- PostgreSQL database cluster dump complete']) {
			const cut = script.slice(0, script.indexOf(end));
			await failureOf(importInto(file(cut)), 'ARCHIVE_INCOMPLETE');
		}
	});

	it('is found out where it stands behind a whole one', async () => {
		const [one, two] = [await dump(shop, '--table=a'), await dump(shop, '--table=empty')].map((path) =>
			readFileSync(path, 'utf8'),
		) as [string, string];
		expect((await importInto(file(one + two))).rows).toBe(500);
		await failureOf(importInto(file(one + two.slice(0, two.indexOf(' complete')))), 'ARCHIVE_INCOMPLETE');
	});
});

describe('a dump that drops first (--clean)', () => {
	it.each([[[]], [['--if-exists']], [['-Fc']]])(
		'drops nothing of an existing database (%o)',
		async (args: string[]) => {
			const database = await databaseWith(
				server,
				`CREATE TABLE a AS SELECT 'theirs' AS t; SELECT lo_from_bytea(9, 'x')`,
			);
			const source = await copyOf(shop, `SELECT lo_from_bytea(9, 'y')`);
			const cleaning = await dump(source, '--clean', ...args);
			for (const selection of [{}, { tables: ['public.a'] }, { schemas: ['public'] }]) {
				await failureOf(importInto(cleaning, { target: into(database), selection }), 'TARGET_FAILED');
				expect(await scalar(server, database, 'SELECT t FROM a')).toBe('theirs');
			}
			await importInto(cleaning, { target: into(database), collectErrors: true });
			expect(await scalar(server, database, `SELECT convert_from(lo_get(9), 'UTF8')`)).toBe('x');
			expect(await scalar(server, database, `SELECT string_agg(t, ' ') FROM a`)).toBe('theirs');
		},
	);

	it('says what a script would take away after it has made something', async () => {
		const script = file('CREATE TABLE t (x int);\nCREATE TABLE u (x int);\nINSERT INTO u VALUES (1);\nDROP TABLE t;\n');
		const { warnings, database } = await importInto(script);
		expect(warnings).toEqual([expect.stringContaining('DROP TABLE')]);
		expect(await count(database, 't')).toBe('0');
	});
});

describe('what one table of a dump may need', () => {
	it.each([[[]], [['-Fc']]])('is not more open than it was (%o)', async (args: string[]) => {
		await server.query('postgres', 'DROP ROLE IF EXISTS app; CREATE ROLE app');
		const database = await databaseWith(
			server,
			`CREATE TABLE a AS SELECT 1 AS x; CREATE FUNCTION pwn(todo text DEFAULT 'x', n numeric = 2) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN EXECUTE todo; END $$`,
			'ALTER FUNCTION pwn OWNER TO app; REVOKE ALL ON FUNCTION pwn FROM PUBLIC',
		);
		const imported = await importInto(await dump(database, ...args), { selection: { tables: ['a'] } });
		const facts = `SELECT proowner::regrole || proacl::text FROM pg_proc WHERE proname = 'pwn'`;
		expect(await scalar(server, imported.database, facts)).toBe('app{app=X/app}');
		expect(imported.warnings).toEqual([expect.stringMatching(/Beside the selection.*FUNCTION public\.pwn/)]);
		await server.query(database, 'DROP OWNED BY app CASCADE');
		await server.query(imported.database, 'DROP OWNED BY app CASCADE');
	});
});
