import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { RestoreSelection, RestoreTarget } from '../../../../engine/postgres';
import { compareDatabases } from '../../../fidelity/compare';
import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { backUp, type Backup, databaseWith, failureOf, restore, scalar } from './support';

let server: PostgresServer;

beforeAll(async () => {
	server = await startPostgres({ version: 18 });
	await server.query('postgres', 'CREATE ROLE app; CREATE ROLE reader; CREATE ROLE passing');
});

afterAll(async () => {
	await server?.stop();
});

const into = (database: string, before: 'nothing' | 'truncate' | 'drop' = 'nothing'): RestoreTarget => ({
	type: 'existing',
	database,
	confirmation: database,
	before,
});

const copyOf = async (database: string, ...statements: string[]) => {
	const copy = `${database}_copy_${Math.random().toString(36).slice(2, 8)}`;
	await server.query('postgres', `CREATE DATABASE ${copy} TEMPLATE ${database}`);
	for (const sql of statements) await server.query(copy, sql);
	return copy;
};

describe('a partition that is restored alone', () => {
	const EVENTS = [
		`CREATE SCHEMA old; CREATE TABLE days (d date PRIMARY KEY); INSERT INTO days SELECT date '2026-01-01' + n FROM generate_series(0, 60) n`,
		`CREATE TABLE ev (id int GENERATED ALWAYS AS IDENTITY, d date NOT NULL REFERENCES days, what text CHECK (what <> ''), PRIMARY KEY (id, d)) PARTITION BY RANGE (d)`,
		`CREATE INDEX ev_what ON ev (what); CREATE INDEX ev_lower ON ev (lower(what))`,
		`CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER touch BEFORE INSERT ON ev FOR EACH ROW EXECUTE FUNCTION touch()`,
		`CREATE TABLE ev_1 PARTITION OF ev FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')`,
		`CREATE TABLE old.ev_2 PARTITION OF ev FOR VALUES FROM ('2026-02-01') TO ('2026-03-01') PARTITION BY HASH (d)`,
		`CREATE TABLE old.ev_2a PARTITION OF old.ev_2 FOR VALUES WITH (MODULUS 1, REMAINDER 0); CREATE INDEX own ON old.ev_2a (id)`,
		`INSERT INTO ev (d, what) SELECT date '2026-01-01' + n % 50, n::text FROM generate_series(1, 300) n`,
	];

	it.each([
		[{ tables: ['public.ev_1'] }, 'UPDATE ev_1 SET what = NULL'],
		[{ tables: ['old.ev_2'] }, 'DELETE FROM old.ev_2'],
		[{ tables: ['old.ev_2a'] }, 'DELETE FROM old.ev_2a'],
		[{ schemas: ['old'] }, 'DELETE FROM old.ev_2a'],
	])('is part of its table again, and so are its indexes (%o)', async (selection, change) => {
		const original = await databaseWith(server, ...EVENTS);
		const stored = await backUp(server, original);
		for (const collectErrors of [false, true]) {
			const database = await copyOf(original, change);
			const report = await restore(server, stored, { target: into(database, 'drop'), selection, collectErrors });
			expect(report.failures).toEqual([]);
			expect(await compareDatabases({ server, database: original }, { server, database })).toEqual([]);
			expect(await scalar(server, database, 'SELECT count(*) FROM ev')).toBe('300');
		}
	});

	it('is there for what looks at the whole table', async () => {
		const original = await databaseWith(
			server,
			...EVENTS,
			`CREATE MATERIALIZED VIEW old.sums AS SELECT count(*) AS n FROM ev; CREATE TABLE old.refers (id int, d date, FOREIGN KEY (id, d) REFERENCES ev); INSERT INTO old.refers SELECT id, d FROM ev`,
		);
		const stored = await backUp(server, original);
		const database = await copyOf(
			original,
			'TRUNCATE old.refers; DELETE FROM old.ev_2a; REFRESH MATERIALIZED VIEW old.sums',
		);
		const report = await restore(server, stored, { target: into(database, 'drop'), selection: { schemas: ['old'] } });
		expect(report.failures).toEqual([]);
		expect(await compareDatabases({ server, database: original }, { server, database })).toEqual([]);
		expect(await scalar(server, database, 'SELECT n FROM old.sums')).toBe('300');
	});

	it('comes back where it is missing', async () => {
		const original = await databaseWith(server, ...EVENTS);
		const stored = await backUp(server, original);
		const database = await copyOf(original, 'DROP TABLE ev_1');
		await restore(server, stored, { target: into(database), selection: { tables: ['ev_1'] } });
		expect(await compareDatabases({ server, database: original }, { server, database })).toEqual([]);
	});

	it('stands alone in a database without its table, which is said', async () => {
		const stored = await backUp(server, await databaseWith(server, ...EVENTS));
		const { database, warnings, failures } = await restore(server, stored, { selection: { tables: ['public.ev_1'] } });
		expect(failures).toEqual([]);
		expect(warnings).toContainEqual(expect.stringMatching(/ATTACH.*ev_1 was left out: .*"public\.ev" does not exist/));
		expect(Number(await scalar(server, database, 'SELECT count(*) FROM ev_1'))).toBeGreaterThan(100);
	});

	it('fails where its table no longer takes it', async () => {
		const original = await databaseWith(server, ...EVENTS);
		const stored = await backUp(server, original);
		const database = await copyOf(original, 'DROP TABLE ev_1', 'ALTER TABLE ev ADD COLUMN more int');
		const { message } = await failureOf(
			restore(server, stored, { target: into(database), selection: { tables: ['ev_1'] } }),
			'TARGET_FAILED',
		);
		expect(message).toContain('ev_1');
		expect(message).toContain('missing column');
	});
});

describe('partitions whose rows pg_dump writes as those of the whole', () => {
	it('come back by their table, and are refused alone', async () => {
		const original = await databaseWith(
			server,
			`CREATE TYPE mood AS ENUM ('good', 'bad'); CREATE TABLE h (m mood) PARTITION BY HASH (m)`,
			'CREATE TABLE h_0 PARTITION OF h FOR VALUES WITH (MODULUS 2, REMAINDER 0); CREATE TABLE h_1 PARTITION OF h FOR VALUES WITH (MODULUS 2, REMAINDER 1)',
			`INSERT INTO h VALUES ('good'), ('bad'), ('bad')`,
		);
		for (const content of ['all', 'data'] as const) {
			const stored = await backUp(server, original, { selection: { content } });
			const database = await copyOf(original);
			const target = into(database, 'truncate');
			const rows = await restore(server, stored, { target, selection: { dataOnly: true } });
			expect(rows.tables.map(({ rows, expected }) => rows === expected)).not.toContain(false);
			const alone = { dataOnly: true, tables: ['h_0', 'h_1'] };
			const { message } = await failureOf(restore(server, stored, { target, selection: alone }), 'INVALID_INPUT');
			expect(message).toMatch(/rows of the partition public\.h_\d among those of public\.h; nothing was changed/);
			expect(await scalar(server, database, 'SELECT count(*) FROM h')).toBe('3');
		}
		const whole = await restore(server, await backUp(server, original), { selection: { tables: ['h'] } });
		expect(await scalar(server, whole.database, 'SELECT count(*) FROM h')).toBe('3');
	});
});

describe('what a chosen table may need', () => {
	const FUNCTIONS = [
		'CREATE TABLE a AS SELECT 1 AS x; CREATE SCHEMA s AUTHORIZATION app; GRANT USAGE ON SCHEMA s TO reader',
		`CREATE FUNCTION pwn(todo text DEFAULT concat('a', 'b'), n numeric DEFAULT 1) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN EXECUTE todo; END $$`,
		`ALTER FUNCTION pwn OWNER TO app; REVOKE ALL ON FUNCTION pwn FROM PUBLIC; GRANT EXECUTE ON FUNCTION pwn TO reader`,
		`CREATE FUNCTION pwn(int) RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE PROCEDURE s.run(INOUT x int[]) LANGUAGE sql AS 'SELECT x'`,
		`ALTER PROCEDURE s.run OWNER TO app; REVOKE ALL ON PROCEDURE s.run FROM PUBLIC`,
		`CREATE TYPE mood AS ENUM ('ok'); ALTER TYPE mood OWNER TO app; CREATE DOMAIN pos AS int CHECK (VALUE > 0); REVOKE ALL ON TYPE pos FROM PUBLIC; GRANT USAGE ON DOMAIN pos TO reader`,
	];
	const FACTS = `SELECT jsonb_agg(jsonb_build_array(name, owner::regrole, acl) ORDER BY name) FROM (
		SELECT oid::regprocedure::text AS name, proowner AS owner, proacl::text AS acl FROM pg_proc WHERE proname IN ('pwn', 'run')
		UNION ALL SELECT typname::text, typowner, typacl::text FROM pg_type WHERE typname IN ('mood', 'pos')
		UNION ALL SELECT nspname::text, nspowner, nspacl::text FROM pg_namespace WHERE nspname = 's') f`;
	const selection = { tables: ['public.a'] };

	it('is made with the owner and the privileges that it had, counted and told', async () => {
		const original = await databaseWith(server, ...FUNCTIONS);
		const stored = await backUp(server, original);
		const database = await databaseWith(server);
		const { warnings, objects } = await restore(server, stored, { target: into(database), selection });
		expect(await scalar(server, database, FACTS)).toEqual(await scalar(server, original, FACTS));
		expect(warnings).toEqual([expect.stringMatching(/^Beside the selection, .*SCHEMA s, TYPE public\.mood/)]);
		expect(warnings[0]).toMatch(/FUNCTION public\.pwn\(text, numeric\), PROCEDURE s\.run\(/);
		expect(objects).toBeGreaterThan(12);
		const again = await restore(server, stored, { target: into(database, 'drop'), selection });
		expect(again.warnings).toEqual([]);
		expect(await scalar(server, database, FACTS)).toEqual(await scalar(server, original, FACTS));
	});

	it('keeps owner and privileges where it is there, each function by itself', async () => {
		const original = await databaseWith(server, ...FUNCTIONS);
		const stored = await backUp(server, original);
		for (const chosen of [selection, { schemas: ['public', 's'] }]) {
			const database = await databaseWith(
				server,
				...FUNCTIONS.slice(1, 2),
				'REVOKE ALL ON FUNCTION pwn FROM PUBLIC; ALTER FUNCTION pwn OWNER TO passing; CREATE DOMAIN pos AS int',
			);
			const own = `SELECT proowner::regrole || proacl::text FROM pg_proc WHERE oid = 'pwn(text,numeric)'::regprocedure`;
			const before = await scalar(server, database, own);
			await restore(server, stored, { target: into(database), selection: chosen });
			expect(await scalar(server, database, own)).toBe(before);
			expect(await scalar(server, database, `SELECT typacl FROM pg_type WHERE typname = 'pos'`)).toBeNull();
			expect(await scalar(server, database, `SELECT proowner::regrole FROM pg_proc WHERE proname = 'run'`)).toBe('app');
		}
	});

	it('is nobody’s to call where its owner is missing', async () => {
		await server.query('postgres', 'CREATE ROLE gone');
		const original = await databaseWith(
			server,
			'CREATE TABLE a (x int)',
			`CREATE FUNCTION pwn(todo text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN EXECUTE todo; END $$; ALTER FUNCTION pwn OWNER TO gone; GRANT EXECUTE ON FUNCTION pwn TO reader`,
		);
		const stored = await backUp(server, original);
		await server.query(original, 'DROP OWNED BY gone CASCADE; DROP ROLE gone');
		const { database, warnings } = await restore(server, stored, { selection });
		expect(warnings).toContainEqual(expect.stringMatching(/FUNCTION public\.pwn.*nobody but whoever restores.*"gone"/));
		const open = `SELECT prosecdef OR has_function_privilege('reader', oid, 'EXECUTE') FROM pg_proc WHERE proname = 'pwn'`;
		expect(await scalar(server, database, open)).toBe('false');
	});
});

describe('what a choice of tables leaves out', () => {
	it('is said of large objects', async () => {
		const stored = await backUp(
			server,
			await databaseWith(server, `CREATE TABLE a (x int); SELECT lo_from_bytea(5, 'x')`),
		);
		for (const selection of [{ tables: ['a'] }, { schemas: ['public'] }]) {
			const { warnings } = await restore(server, stored, { selection });
			expect(warnings).toContainEqual(expect.stringContaining('large objects of the dump were left out'));
		}
		expect((await restore(server, stored)).warnings).toEqual([]);
	});

	it('is said of sequences where nobody knows whose they are', async () => {
		const tables = 'CREATE TABLE a (id serial, x int); CREATE TABLE i (id int GENERATED ALWAYS AS IDENTITY, x int)';
		const original = await databaseWith(
			server,
			tables,
			'INSERT INTO a (x) VALUES (1), (2); INSERT INTO i (x) VALUES (3)',
		);
		const rows = await backUp(server, original, { selection: { content: 'data' } });
		const older = await backUp(server, original, { selection: { content: 'data' } });
		for (const table of older.manifest.tables ?? []) delete table.sequences;
		const whole = await backUp(server, original);
		const last = 'SELECT a.last_value + i.last_value FROM a_id_seq a, i_id_seq i';
		const chosen = { dataOnly: true, tables: ['a', 'i'] };
		const cases: Array<[Backup, RestoreSelection, unknown[], string]> = [
			[rows, chosen, [], '3'],
			[older, chosen, [expect.stringMatching(/Not set were: public\.a_id_seq, public\.i_id_seq/)], '2'],
			[rows, { dataOnly: true, schemas: ['public'] }, [], '3'],
			[whole, chosen, [], '3'],
		];
		for (const [stored, selection, warnings, sum] of cases) {
			const database = await databaseWith(server, tables);
			const report = await restore(server, stored, { target: into(database, 'truncate'), selection });
			expect(report.warnings).toEqual(warnings);
			expect(await scalar(server, database, last)).toBe(sum);
		}
	});
});

describe('an edited manifest', () => {
	it('does not bring the rows of one table into another', async () => {
		const original = await databaseWith(server, 'CREATE TABLE a AS SELECT 1 AS x; CREATE TABLE b AS SELECT 2 AS x');
		for (const content of ['all', 'data'] as const) {
			const stored = await backUp(server, original, { selection: { content } });
			stored.manifest.tables?.reverse();
			const database = await databaseWith(server, 'CREATE TABLE a (x int); CREATE TABLE b (x int)');
			const run = restore(server, stored, {
				target: into(database),
				selection: { dataOnly: true, tables: ['a'] },
			});
			const { message } = await failureOf(run, 'ARCHIVE_CORRUPT');
			expect(message).toMatch(/public\.a: Where the manifest lists its rows .* there are those of public\.b/);
			expect(await scalar(server, database, 'SELECT count(*) FROM b')).toBe('0');
		}
	});
});

describe('a backup that drops first (Clean)', () => {
	it('drops nothing where what exists is to make the restore fail', async () => {
		const original = await databaseWith(server, `CREATE TABLE a AS SELECT 1 AS x; SELECT lo_from_bytea(7, 'dumped')`);
		const stored = await backUp(server, original, { selection: { clean: true, ifExists: true } });
		const database = await databaseWith(server, `CREATE TABLE a AS SELECT 9 AS x; SELECT lo_from_bytea(7, 'theirs')`);
		for (const selection of [{}, { tables: ['a'] }]) {
			await failureOf(restore(server, stored, { target: into(database), selection }), 'TARGET_FAILED');
			expect(await scalar(server, database, 'SELECT x FROM a')).toBe('9');
		}
		await restore(server, stored, { target: into(database), collectErrors: true });
		expect(await scalar(server, database, `SELECT convert_from(lo_get(7), 'UTF8')`)).toBe('theirs');
		expect(await scalar(server, database, 'SELECT array_agg(x) FROM a')).toBe('[9]');
		const fresh = await restore(server, stored);
		expect([...fresh.failures, ...fresh.warnings]).toEqual([]);
		expect(await compareDatabases({ server, database: original }, { server, database: fresh.database })).toEqual([]);
	});
});
