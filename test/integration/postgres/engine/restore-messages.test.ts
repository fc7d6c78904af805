import { chownSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { openForeignDump, restoreDatabase, type RestoreTarget } from '../../../../engine/postgres';
import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { IN_MEMORY, onServer, tested } from '../verify/support';
import { backUp, connectionTo, databaseNames, databaseWith, failureOf, newName, restore, scalar } from './support';

let server: PostgresServer;

beforeAll(async () => {
	server = await startPostgres({ version: 18 });
	await server.query(
		'postgres',
		`CREATE ROLE reading LOGIN SUPERUSER PASSWORD 'reading'; ALTER ROLE reading SET default_transaction_read_only = on;
		CREATE ROLE making LOGIN PASSWORD 'making'; CREATE ROLE small LOGIN SUPERUSER PASSWORD 'small';
		ALTER ROLE small SET temp_file_limit = '64kB'; ALTER ROLE small SET maintenance_work_mem = '1MB'; ALTER ROLE small SET max_parallel_maintenance_workers = 0;
		CREATE ROLE strict LOGIN SUPERUSER PASSWORD 'strict'; ALTER ROLE strict SET default_transaction_isolation = serializable`,
	);
});

afterAll(async () => {
	await server?.stop();
});

const as = (user: string, database = 'postgres') => ({ ...connectionTo(server, database), user, password: user });

async function importing(script: string, target: RestoreTarget = { type: 'newDatabase', database: newName() }) {
	const open = () => Promise.resolve(blocks(Buffer.from(script)));
	const source = await openForeignDump({ name: 'script.sql', open });
	return await restoreDatabase({ connection: connectionTo(server, 'postgres'), source, target });
}

async function* blocks(script: Buffer): AsyncGenerator<Buffer> {
	yield await Promise.resolve(script);
}

describe('a function that finds things by its search path', () => {
	it.each([
		['plpgsql', `$$ BEGIN RETURN EXISTS (SELECT FROM dict WHERE v = $1); END $$`],
		['sql', `'SELECT EXISTS (SELECT FROM dict WHERE v = $1)'`],
	])('in a check of rows finds them by the usual one in the end, which is told (%s)', async (language, body) => {
		const database = await databaseWith(
			server,
			`CREATE TABLE dict (v int); CREATE FUNCTION ok(int) RETURNS boolean LANGUAGE ${language} AS ${body}`,
			'CREATE TABLE t (v int CHECK (ok(v))); INSERT INTO dict VALUES (1); INSERT INTO t VALUES (1)',
			`CREATE FUNCTION same(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT v FROM dict WHERE v = $1); END $$`,
			'CREATE TABLE made (v int, w int GENERATED ALWAYS AS (same(v)) STORED); INSERT INTO made VALUES (1)',
		);
		const stored = await backUp(server, database);
		const target = newName();
		const into = { target: { type: 'newDatabase', database: target } } as const;
		const { warnings } = await restore(server, stored, into);
		expect(warnings).toEqual([
			expect.stringMatching(/and 1 more: a function that it uses names something without its schema.*SET search_path/),
		]);
		expect(await scalar(server, target, 'SELECT count(*) FROM t')).toBe('1');
		expect(await scalar(server, target, 'SELECT w FROM made')).toBe('1');
		const again = { type: 'existing', database: target, confirmation: target, before: 'truncate' } as const;
		expect((await restore(server, stored, { target: again, selection: { dataOnly: true } })).rows).toBe(3);
		// No session has the path any more, and rows that do not pass are refused as ever.
		await server.query(target, 'TRUNCATE dict');
		const alone = { target: { ...again, before: 'nothing' as const }, selection: { tables: ['t'], dataOnly: true } };
		expect((await failureOf(restore(server, stored, alone), 'TARGET_FAILED')).message).toMatch(/check constraint/);
		expect((await tested(stored, IN_MEMORY)).found.filter(({ severity }) => severity === 'error')).toEqual([]);
	});

	it('is named, with what to do in the source, where that does not find them either', async () => {
		const database = await databaseWith(
			server,
			'CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.dict (v int); INSERT INTO elsewhere.dict VALUES (1)',
			`CREATE FUNCTION ok(int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN EXISTS (SELECT FROM dict WHERE v = $1); END $$`,
			'CREATE TABLE t (v int CHECK (ok(v))); SET search_path = public, elsewhere; INSERT INTO t VALUES (1)',
		);
		const stored = await backUp(server, database);
		const { message, hint } = await failureOf(restore(server, stored), 'TARGET_FAILED');
		expect(message).toContain('relation "dict" does not exist');
		expect(hint).toMatch(/The function \S*ok\b.* looks for this without naming its schema.*SET search_path = public/);
		expect(hint).not.toContain('create it first');
		const { found } = await tested(stored, IN_MEMORY);
		expect(found).toMatchObject([{ severity: 'error', hint: expect.stringContaining('SET search_path') as unknown }]);
	});

	it('may look for what an extension brings', async () => {
		const database = await databaseWith(
			server,
			`CREATE EXTENSION hstore; CREATE FUNCTION has(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN hstore('a', '1') ? $1; END $$`,
			`CREATE TABLE t (v text CHECK (has(v))); INSERT INTO t VALUES ('a')`,
		);
		const { rows, warnings } = await restore(server, await backUp(server, database));
		expect({ rows, warnings }).toMatchObject({ rows: 1, warnings: [expect.stringContaining('without its schema')] });
	});

	it('is not suspected of what it names in full', async () => {
		const script = `CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT 1 FROM public.nowhere); END $$; CREATE TABLE t AS SELECT f();`;
		expect((await failureOf(importing(script), 'TARGET_FAILED')).hint).toContain('is not there');
	});
});

describe('whoever may not write', () => {
	const stored = async () => await backUp(server, await databaseWith(server, 'CREATE TABLE t AS SELECT 1 AS x'));

	it('is told so once, before anything is made', async () => {
		const backup = await stored();
		const existing = await databaseWith(server);
		const before = await databaseNames(server);
		const confirmed = { database: existing, confirmation: existing };
		for (const target of [
			{ type: 'newDatabase', database: newName() },
			{ type: 'safeSwap', ...confirmed },
			{ type: 'existing', ...confirmed, before: 'nothing' },
		] as const) {
			const run = restore(server, backup, { connection: as('reading'), target });
			const { message, hint } = await failureOf(run, 'ACCESS_DENIED');
			expect(message).toBe(
				'The sessions of "reading" may only read (default_transaction_read_only is on); nothing was changed.',
			);
			expect(hint).toContain('RESET default_transaction_read_only');
		}
		expect(await databaseNames(server)).toEqual(before);
	});

	it('may lack the right to create databases', async () => {
		const run = restore(server, await stored(), { connection: as('making') });
		const { message, hint } = await failureOf(run, 'ACCESS_DENIED');
		expect(message).toBe('"making" may not create databases; nothing was changed.');
		expect(hint).toContain('CREATEDB');
	});

	it('may be a whole server: a standby', async () => {
		const backup = await stored();
		const standby = await startPostgres({ version: 18 });
		try {
			await standby.kill('SIGINT');
			const signal = join(standby.dataDir, 'standby.signal');
			writeFileSync(signal, '');
			const { uid, gid } = statSync(standby.dataDir);
			chownSync(signal, uid, gid);
			await standby.start();
			const { message, hint } = await failureOf(restore(standby, backup), 'TARGET_FAILED');
			expect(message).toBe('The server is a standby, which takes no changes; nothing was changed.');
			expect(hint).toContain('primary');
			const { found } = await tested(backup, onServer(connectionTo(standby, 'postgres')));
			expect(found).toMatchObject([{ severity: 'inconclusive', message }]);
			rmSync(signal, { force: true });
		} finally {
			await standby.stop();
		}
	});

	it('hears the server’s own words where it refuses the new database', async () => {
		const source = await (await stored()).source();
		const facts = await source.inspect();
		const odd = { ...facts, properties: { ...facts.properties, collate: 'xx_YY.UTF-8' } } as typeof facts;
		const run = restoreDatabase({
			connection: connectionTo(server, 'postgres'),
			source: { inspect: () => Promise.resolve(odd), steps: (...args) => source.steps(...args) },
			target: { type: 'newDatabase', database: newName() },
		});
		const { message } = await failureOf(run, 'TARGET_FAILED');
		expect(message).toContain('xx_YY.UTF-8');
		expect(message).not.toContain('could not be dropped');
	});
});

describe('roles that policies and user mappings name', () => {
	const POLICIES = [
		'CREATE TABLE t (id int, v text); INSERT INTO t VALUES (1); ALTER TABLE t ENABLE ROW LEVEL SECURITY',
		`CREATE POLICY gone ON t FOR SELECT TO "Role, gone" USING (v <> ' TO x'); COMMENT ON POLICY gone ON t IS 'of nobody'`,
		`CREATE POLICY "both TO one" ON t AS RESTRICTIVE TO postgres, "Role, gone", other_gone WITH CHECK (id > 0); COMMENT ON POLICY "both TO one" ON t IS 'kept'`,
		'CREATE POLICY all_of_them ON t USING (true); CREATE POLICY mine ON t TO CURRENT_USER USING (true)',
		`CREATE FOREIGN DATA WRAPPER w; CREATE SERVER far FOREIGN DATA WRAPPER w; CREATE USER MAPPING FOR other_gone SERVER far`,
	];
	const stored = async () => {
		await server.query('postgres', 'CREATE ROLE "Role, gone"; CREATE ROLE other_gone');
		const database = await databaseWith(server, ...POLICIES);
		const backup = await backUp(server, database);
		await server.query('postgres', `DROP DATABASE ${database}`);
		await server.query('postgres', 'DROP ROLE "Role, gone"; DROP ROLE other_gone');
		return backup;
	};

	it('are asked for before anything is changed; without privileges nothing is made for those that are missing', async () => {
		const backup = await stored();
		const { message } = await failureOf(restore(server, backup, { owner: { type: 'none' } }), 'TARGET_FAILED');
		expect(message).toMatch(/lacks the roles other_gone, Role, gone; nothing was changed/);
		const { database, failures, warnings } = await restore(server, backup, {
			owner: { type: 'none' },
			privileges: false,
		});
		expect(failures).toEqual([]);
		expect(warnings).toEqual([
			'USER MAPPING USER MAPPING other_gone SERVER far was left out: the server has no role other_gone.',
			'POLICY public.t both TO one is for fewer roles than in the dump: the server has no role Role, gone, other_gone.',
			'POLICY public.t gone was left out: the server has no role Role, gone.',
		]);
		const policies = `SELECT jsonb_object_agg(policyname, jsonb_build_array(roles, permissive, with_check, obj_description(p.oid))) FROM pg_policies
			JOIN pg_policy p ON p.polname = policyname`;
		expect(JSON.parse((await scalar(server, database, policies)) ?? '')).toEqual({
			all_of_them: [['public'], 'PERMISSIVE', null, null],
			'both TO one': [['postgres'], 'RESTRICTIVE', '(id > 0)', 'kept'],
			mine: [['postgres'], 'PERMISSIVE', null, null],
		});
		expect((await tested(backup, IN_MEMORY)).findings).toEqual([]);
		const { findings } = await tested(backup, onServer(connectionTo(server, 'postgres')));
		expect(findings.filter((finding) => !finding.startsWith('warning'))).toEqual([]);
	});
});

describe('rows that are refused', () => {
	it('for rows that the whole source lacks are the source’s to mend', async () => {
		const database = await databaseWith(
			server,
			'CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (p int REFERENCES p)',
			'SET session_replication_role = replica; INSERT INTO c VALUES (7)',
		);
		const stored = await backUp(server, database);
		const { hint } = await failureOf(restore(server, stored), 'TARGET_FAILED');
		expect(hint).toContain('source itself holds rows that refer to none');
		expect(hint).not.toContain('whole database');
		expect((await tested(stored, IN_MEMORY)).found).toMatchObject([{ severity: 'error', hint }]);
		const target = { type: 'existing', database, confirmation: database, before: 'drop' } as const;
		const part = await restore(server, stored, { target, selection: { tables: ['c'] } });
		expect(part.warnings).toEqual([expect.stringContaining('c_p_fkey')]);
	});

	it('by a check are told of in both ways', async () => {
		const database = await databaseWith(server, 'CREATE TABLE t (id int); INSERT INTO t VALUES (-1)');
		const stored = await backUp(server, database);
		await server.query(database, 'TRUNCATE t; ALTER TABLE t ADD CHECK (id > 0)');
		const target = { type: 'existing', database, confirmation: database, before: 'nothing' } as const;
		const run = (selection: object) => failureOf(restore(server, stored, { target, selection }), 'TARGET_FAILED');
		expect((await run({ dataOnly: true })).hint).toContain('set On Error to Collect');
		expect((await run({ dataOnly: true, tables: ['t'] })).hint).toContain('choose these as well');
	});
});

describe('what a server is too small or too strict for', () => {
	it('a collation whose locale it lacks', async () => {
		for (const sql of [
			`CREATE COLLATION c (provider = libc, locale = 'xx_YY.UTF-8');`,
			`CREATE TABLE t (a text COLLATE pg_catalog."xx_YY");`,
		]) {
			const { hint } = await failureOf(importing(sql), 'TARGET_FAILED');
			expect(hint).toContain('lacks this locale or collation');
		}
	});

	it('temporary files', async () => {
		const database = await databaseWith(
			server,
			'CREATE TABLE t AS SELECT random()::text AS v FROM generate_series(1, 60000); CREATE INDEX ON t (v)',
		);
		const stored = await backUp(server, database);
		const { message, hint } = await failureOf(restore(server, stored, { connection: as('small') }), 'TARGET_FAILED');
		expect(message).toContain('temp_file_limit');
		expect(hint).toMatch(/raise temp_file_limit for it \(ALTER ROLE/);
	});

	it('serializable transactions by default: a restore has none', async () => {
		const database = await databaseWith(
			server,
			`CREATE FUNCTION ok() RETURNS boolean LANGUAGE sql AS $$ SELECT current_setting('transaction_isolation') = 'read committed' $$`,
			'CREATE TABLE t (id int CHECK (ok())); INSERT INTO t VALUES (1)',
		);
		const report = await restore(server, await backUp(server, database), { connection: as('strict') });
		expect(report.rows).toBe(1);
	});
});
