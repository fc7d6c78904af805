import type { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { openArchive } from '../../../../engine/archive';
import { ArchiveSource } from '../../../../engine/postgres';
import { applySteps, type ApplyResult } from '../../../../engine/postgres/restore/load/apply';
import { verifyBackup } from '../../../../engine';
import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { forge } from '../../verify/forge';
import { IN_MEMORY, onServer, tested } from '../verify/support';
import { anotherSession, type Backup, backUp, connectionTo, databaseWith, failureOf, restore, scalar } from './support';

let server: PostgresServer;

beforeAll(async () => {
	server = await startPostgres({ version: 18, config: { allow_system_table_mods: 'on' } });
});

afterAll(async () => {
	await server?.stop();
});

const SHOP = [
	'CREATE TABLE t (id int PRIMARY KEY, v text)',
	'ALTER TABLE t ALTER v SET (n_distinct = 5)',
	'CREATE TABLE u (id int, of int REFERENCES t)',
	'CREATE FOREIGN DATA WRAPPER nothing',
	'CREATE SERVER elsewhere FOREIGN DATA WRAPPER nothing',
	'CREATE FOREIGN TABLE far (id int) SERVER elsewhere',
	`INSERT INTO t SELECT n, 'row ' || n FROM generate_series(1, 50) n`,
	'INSERT INTO u SELECT n, n FROM generate_series(1, 20) n',
];

/** As a server that keeps an option of its own on every column. */
async function withOptionOnEveryColumn(option: string): Promise<string> {
	return await databaseWith(
		server,
		...SHOP,
		`UPDATE pg_attribute SET attoptions = array_prepend('${option}', attoptions)
			WHERE attrelid IN ('t'::regclass, 'u'::regclass, 'far'::regclass) AND attnum > 0`,
	);
}

const optionsOf = (database: string) =>
	scalar(
		server,
		database,
		`SELECT string_agg(format('%s.%s %s', attrelid::regclass, attname, attoptions), '; ') FROM pg_attribute
			WHERE attrelid >= 16384 AND attoptions IS NOT NULL`,
	);

describe('options that a server keeps on columns for itself', () => {
	it('do not come into a backup, and what was set beside them does', async () => {
		const backup = await backUp(server, await withOptionOnEveryColumn('pg_attver=22158952'));
		const script = await backup.script();
		expect(script).not.toContain('pg_attver');
		expect(script.match(/ALTER COLUMN .* SET \(.*\);/g)).toEqual(['ALTER COLUMN v SET (n_distinct=5);']);
		const report = await restore(server, backup);
		expect(report).toMatchObject({ failures: [], warnings: [], rows: 70 });
		expect(await optionsOf(report.database)).toBe('t.v {n_distinct=5}');
	});

	it('are the dump’s to say where the name is not the server’s own', async () => {
		const backup = await backUp(server, await withOptionOnEveryColumn('fork_option=1'));
		expect(await backup.script()).toContain('ALTER COLUMN v SET (fork_option=1, n_distinct=5);');
	});
});

describe('an archive that holds them on every column', () => {
	let backup: Backup;
	let key: string;
	const source = async () => new ArchiveSource(await openArchive(backup.storage, `${key}.manifest.json`));
	const WARNING =
		'The server does not take the option pg_attver, which the dump sets for public.far, public.t, public.u; it was left out: unrecognized parameter "pg_attver"';

	beforeAll(async () => {
		backup = await backUp(server, await withOptionOnEveryColumn('fork_option=22158952'));
		const where = { manifest: backup.manifest, folder: 'postgres' };
		key = await forge(backup.storage, where, {
			parts: (parts) =>
				parts.map(({ part, raw }) => ({
					part,
					raw: Buffer.from(raw.toString('latin1').replaceAll('fork_option', 'pg_attver'), 'latin1'),
				})),
		});
	});

	it('restores into a new database', async () => {
		const report = await restore(server, { ...backup, source });
		expect(report).toMatchObject({ failures: [], warnings: [WARNING], rows: 70 });
		expect(await optionsOf(report.database)).toBe('t.v {n_distinct=5}');
	});

	it('restores by a swap, and over another database', async () => {
		for (const type of ['safeSwap', 'replace'] as const) {
			const database = await databaseWith(server, 'CREATE TABLE old ()');
			const target = { type, database, confirmation: database };
			const report = await restore(server, { ...backup, source }, { target });
			expect(report).toMatchObject({ failures: [], rows: 70, database });
			expect(report.warnings).toContain(WARNING);
		}
	});

	it('restores chosen tables into a database as it stands, and after dropping them', async () => {
		const database = await databaseWith(server);
		for (const before of ['nothing', 'drop'] as const) {
			const target = { type: 'existing' as const, database, confirmation: database, before };
			const report = await restore(server, { ...backup, source }, { target, selection: { tables: ['t'] } });
			expect(report).toMatchObject({ failures: [], rows: 50 });
			expect(await optionsOf(database)).toBe('t.v {n_distinct=5}');
		}
	});

	it('restores where errors are collected without one', async () => {
		const report = await restore(server, { ...backup, source }, { collectErrors: true, parallel: 4 });
		expect(report).toMatchObject({ failures: [], warnings: [WARNING], rows: 70 });
	});

	it('passes its verification: content, in memory, on a scratch server', async () => {
		const content = await verifyBackup({ storage: backup.storage, key, level: 'content' });
		expect(content).toMatchObject({ verdict: 'passed', findings: [] });
		for (const targets of [IN_MEMORY, onServer(connectionTo(server, 'postgres'))]) {
			const { counts, found } = await tested({ ...backup, key }, targets);
			expect(found.filter(({ severity }) => severity !== 'warning')).toEqual([]);
			expect(found).toContainEqual({ severity: 'warning', message: WARNING });
			expect(counts).toMatchObject({ tables: 2, rows: 70 });
		}
	});
});

async function apply(database: string, statements: string[]): Promise<ApplyResult> {
	const clients: Client[] = [await anotherSession(server, database), await anotherSession(server, database)];
	async function* source() {
		for (const text of statements) yield await Promise.resolve({ type: 'statement' as const, text, comment: '' });
	}
	return await applySteps(source(), clients, { owner: { type: 'asDumped' }, privileges: true, collectErrors: false });
}

const T = 'CREATE TABLE t (id int NOT NULL, v text)';
const reloptions = (name: string) => `SELECT reloptions FROM pg_class WHERE relname = '${name}'`;

describe('what a dump asks for that the server does not know', () => {
	it.each([
		{
			what: 'a parameter of a table, among others',
			statements: [`CREATE TABLE t (id int)\nWITH (fork_row_cache='on', fillfactor='70', fork_more='1')`],
			left: ['fork_row_cache', 'fork_more'],
			look: reloptions('t'),
			found: '["fillfactor=70"]',
		},
		{
			what: 'the only parameter of a table',
			statements: [`CREATE TABLE t (id int) WITH (toast.fork_cache='on')`],
			left: ['toast.fork_cache'],
			look: reloptions('t'),
			found: null,
		},
		{
			what: 'a parameter in a namespace',
			statements: [`CREATE TABLE t (id int) WITH (fork.cache='on')`],
			left: ['fork.cache'],
			look: reloptions('t'),
			found: null,
		},
		{
			what: 'a parameter set afterwards',
			statements: [
				T,
				'ALTER TABLE ONLY public.t SET (fork_cache=1)',
				'ALTER TABLE t SET (fillfactor=70, fork_cache=1)',
			],
			left: ['fork_cache'],
			look: reloptions('t'),
			found: '["fillfactor=70"]',
		},
		{
			what: 'a value that this server does not take',
			statements: [`CREATE TABLE t (id int) WITH (fillfactor='5')`],
			left: ['fillfactor'],
			look: reloptions('t'),
			found: null,
		},
		{
			what: 'a parameter of an index before its condition',
			statements: [T, `CREATE INDEX i ON public.t USING btree (v) WITH (fork_prefix='3') WHERE (id > 0)`],
			left: ['fork_prefix'],
			look: `SELECT pg_get_indexdef('i'::regclass)`,
			found: 'CREATE INDEX i ON public.t USING btree (v) WHERE (id > 0)',
		},
		{
			what: 'a parameter of a key',
			statements: [
				T,
				`ALTER TABLE ONLY public.t ADD CONSTRAINT k PRIMARY KEY (id) WITH (fork_prefix='3', fillfactor='60')`,
			],
			left: ['fork_prefix'],
			look: reloptions('k'),
			found: '["fillfactor=60"]',
		},
		{
			what: 'an option of a view beside one that it has to have',
			statements: [`CREATE VIEW v WITH (fork_hint='x', security_barrier='true') AS SELECT 1 AS a`],
			left: ['fork_hint'],
			look: reloptions('v'),
			found: '["security_barrier=true"]',
		},
		{
			what: 'a parameter of a materialized view',
			statements: [`CREATE MATERIALIZED VIEW m WITH (fork_cache='on') AS SELECT 1 AS a WITH NO DATA`],
			left: ['fork_cache'],
			look: reloptions('m'),
			found: null,
		},
		{
			what: 'an option of a publication',
			statements: [`CREATE PUBLICATION p WITH (publish = 'insert, update', publish_fork_columns = stored)`],
			left: ['publish_fork_columns'],
			look: 'SELECT pubname || pubinsert || pubdelete FROM pg_publication',
			found: 'ptruefalse',
		},
		{
			what: 'a setting of a function',
			statements: [
				`CREATE FUNCTION f() RETURNS text\n    LANGUAGE sql\n    SET work_mem TO '1MB'\n    SET fork_planner TO 'a'\n    AS $$ SELECT 'SET fork_planner TO x' $$`,
			],
			left: ['fork_planner'],
			look: `SELECT proconfig || prosrc FROM pg_proc WHERE proname = 'f'`,
			found: `["work_mem=1MB"," SELECT 'SET fork_planner TO x' "]`,
		},
	])('is left out and told: $what', async ({ statements, left, look, found }) => {
		const database = await databaseWith(server);
		// A failure within a transaction of the script's own must not be its end.
		for (const script of [statements, ['BEGIN', ...statements, 'COMMIT']]) {
			await server.query(database, 'DROP SCHEMA public CASCADE; CREATE SCHEMA public; DROP PUBLICATION IF EXISTS p');
			const { warnings } = await apply(database, script);
			expect(warnings.map((warning) => /(?:option|setting) (\S+),/.exec(warning)?.[1])).toEqual(left);
			expect(await scalar(server, database, look)).toBe(found);
		}
	});

	it('is left out and told: a table access method', async () => {
		const database = await databaseWith(server);
		const { warnings } = await apply(database, [
			'CREATE TABLE p (id int) PARTITION BY LIST (id)',
			'ALTER TABLE public.p SET ACCESS METHOD fork_columns',
		]);
		expect(warnings).toEqual([expect.stringMatching(/cannot give public\.p the table access method fork_columns/)]);
	});

	it('is no reason to make a view that shows more than it did', async () => {
		const database = await databaseWith(server);
		const failure = await failureOf(
			apply(database, [`CREATE VIEW v WITH (security_invoker='by fork') AS SELECT 1 AS a`]),
			'TARGET_FAILED',
		);
		expect(failure.message).toContain('security_invoker');
		expect(await scalar(server, database, `SELECT to_regclass('v')`)).toBeNull();
	});

	it('ends the restore where it is not an option that was refused', async () => {
		const database = await databaseWith(server);
		for (const text of [
			`CREATE TABLE t (id fork_type) WITH (fillfactor='70')`,
			`CREATE TABLE t (id int DEFAULT fork_type())`,
		])
			await failureOf(apply(database, [text]), 'TARGET_FAILED');
	});

	it('is told of a function’s restore by name alone, too', async () => {
		const backup = await backUp(
			server,
			await databaseWith(
				server,
				'CREATE FUNCTION f() RETURNS int LANGUAGE sql SET work_mem = 1024 AS $$ SELECT 1 $$',
				T,
			),
		);
		const key = await forge(
			backup.storage,
			{ manifest: backup.manifest, folder: 'postgres' },
			{
				parts: (parts) =>
					parts.map(({ part, raw }) => ({
						part,
						raw: Buffer.from(raw.toString().replaceAll('SET work_mem', 'SET fork_mem')),
					})),
			},
		);
		const source = async () => new ArchiveSource(await openArchive(backup.storage, `${key}.manifest.json`));
		const database = await databaseWith(server);
		const target = { type: 'existing' as const, database, confirmation: database, before: 'nothing' as const };
		const report = await restore(server, { ...backup, source }, { target, selection: { tables: ['t'] } });
		expect(report.warnings.join()).toContain('fork_mem');
		expect(await scalar(server, database, 'SELECT f()::text')).toBe('1');
	});
});
