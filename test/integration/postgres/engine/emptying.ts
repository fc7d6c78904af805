/** What emptying and dropping tables must never do, on any version of the server. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import {
	openForeignDump,
	type PostgresConnection,
	restoreDatabase,
	type RestoreTarget,
} from '../../../../engine/postgres';
import { compareDatabases } from '../../../fidelity/compare';
import { type PostgresServer, startPostgres } from '../../../services/postgres';
import {
	anotherSession,
	backUp,
	type Backup,
	connectionTo,
	databaseWith,
	failureOf,
	newName,
	restore,
	scalar,
	until,
} from './support';

const FIRED = `CREATE FUNCTION fired() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trigger % fired', TG_NAME; END $$`;

/** Tables that need one another in every way, with triggers that no row may set off. */
const TANGLED = [
	'CREATE TABLE parent (id int PRIMARY KEY, v text)',
	`CREATE TABLE child (id int PRIMARY KEY, parent int NOT NULL REFERENCES parent ON DELETE CASCADE); COMMENT ON CONSTRAINT child_parent_fkey ON child IS 'to \\ its "parent"'`,
	'CREATE TABLE a (id int PRIMARY KEY, b int); CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a)',
	'ALTER TABLE a ADD CONSTRAINT "to b" FOREIGN KEY (b) REFERENCES b DEFERRABLE INITIALLY DEFERRED',
	'CREATE TABLE tree (id int PRIMARY KEY, up int REFERENCES tree); CREATE SCHEMA other; CREATE TABLE other."Lo, st" (id int, parent int)',
	`INSERT INTO other."Lo, st" VALUES (1, -1); ALTER TABLE other."Lo, st" ADD FOREIGN KEY (parent) REFERENCES parent NOT VALID`,
	'CREATE TABLE ev (d int PRIMARY KEY) PARTITION BY RANGE (d); CREATE TABLE ev_1 PARTITION OF ev FOR VALUES FROM (0) TO (10); CREATE TABLE ev_2 PARTITION OF ev DEFAULT',
	'CREATE TABLE ref (d int REFERENCES ev) PARTITION BY RANGE (d); CREATE TABLE ref_1 PARTITION OF ref DEFAULT',
	'CREATE TABLE u (x int UNIQUE DEFERRABLE INITIALLY DEFERRED); CREATE TABLE g (id int GENERATED ALWAYS AS IDENTITY, x int, y int GENERATED ALWAYS AS (x * 2) STORED)',
	`INSERT INTO parent SELECT n, 'parent ' || n FROM generate_series(1, 100) n; INSERT INTO child SELECT n, 101 - (n % 100 + 1) FROM generate_series(1, 5000) n`,
	'INSERT INTO a SELECT n, n FROM generate_series(1, 10) n' +
		'; INSERT INTO b SELECT n, n FROM generate_series(1, 10) n',
	'INSERT INTO tree SELECT n, CASE WHEN n < 3000 THEN n + 1 END FROM generate_series(1, 3000) n; INSERT INTO u SELECT generate_series(1, 5); INSERT INTO g (x) VALUES (1), (2)',
	'INSERT INTO ev SELECT generate_series(0, 20); INSERT INTO ref SELECT generate_series(0, 20)',
	FIRED,
	...['parent', 'child', 'ref_1', 'ev', 'g'].map(
		(table) => `CREATE TRIGGER "on ${table}" BEFORE INSERT ON ${table} FOR EACH ROW EXECUTE FUNCTION fired()`,
	),
	`CREATE TRIGGER always AFTER INSERT ON child FOR EACH STATEMENT EXECUTE FUNCTION fired(); ALTER TABLE child ENABLE ALWAYS TRIGGER always`,
	`CREATE TRIGGER replica BEFORE INSERT ON u FOR EACH ROW EXECUTE FUNCTION fired(); ALTER TABLE u ENABLE REPLICA TRIGGER replica`,
	`CREATE TRIGGER off BEFORE INSERT ON tree FOR EACH ROW EXECUTE FUNCTION fired(); ALTER TABLE tree DISABLE TRIGGER off`,
	`CREATE TRIGGER emptied BEFORE TRUNCATE ON parent EXECUTE FUNCTION fired(); ALTER TABLE parent ENABLE ALWAYS TRIGGER emptied`,
	`CREATE CONSTRAINT TRIGGER late AFTER INSERT ON g DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fired(); ALTER TABLE g ENABLE ALWAYS TRIGGER late`,
	`CREATE RULE instead AS ON INSERT TO a DO INSTEAD NOTHING; ALTER TABLE a ENABLE ALWAYS RULE instead`,
];

/** Of what is switched off meanwhile, all that must be as before. */
const STATE = `SELECT jsonb_agg(s ORDER BY s) FROM (
	SELECT tgrelid::regclass || ' ' || tgname || ' ' || tgenabled::text AS s FROM pg_trigger WHERE NOT tgisinternal
	UNION ALL SELECT ev_class::regclass || ' ' || rulename || ' ' || ev_enabled::text FROM pg_rewrite WHERE ev_class::regclass::text !~ '^(pg_|information_schema)'
	UNION ALL SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) || coalesce(obj_description(oid, 'pg_constraint'), '') FROM pg_constraint
		WHERE conrelid <> 0 AND to_jsonb(pg_constraint) ->> 'conparentid' = '0') f`;

export function describeEmptying(version: 15 | 18): void {
	let server: PostgresServer;
	let tangled: string;
	let backup: Backup;

	beforeAll(async () => {
		server = await startPostgres({ version });
		await server.query('postgres', `CREATE ROLE app LOGIN PASSWORD 'app'; CREATE ROLE clerk LOGIN PASSWORD 'clerk'`);
		tangled = await ownedBy('app', ...TANGLED);
		backup = await backUp(server, tangled);
	});

	afterAll(async () => {
		await server?.stop();
	});

	/** A database of a plain role, with what the statements make. */
	const ownedBy = async (owner: string, ...statements: string[]) => {
		const database = await databaseWith(server, `GRANT ALL ON SCHEMA public TO ${owner}, clerk`);
		await server.query('postgres', `ALTER DATABASE ${database} OWNER TO ${owner}`);
		for (const sql of statements) await server.query(database, `SET ROLE ${owner}; ${sql}`);
		return database;
	};
	const copyOf = async (database: string, ...changes: string[]) => {
		const copy = newName();
		await server.query('postgres', `CREATE DATABASE ${copy} TEMPLATE ${database} OWNER app`);
		for (const sql of changes) await server.query(copy, `SET session_replication_role = replica; ${sql}`);
		return copy;
	};
	const as = (user: string, database: string): PostgresConnection =>
		user === 'postgres'
			? connectionTo(server, 'postgres')
			: { ...connectionTo(server, database), user, password: user };
	const into = (database: string, before: 'nothing' | 'truncate' | 'drop' = 'truncate'): RestoreTarget => ({
		type: 'existing',
		database,
		confirmation: database,
		before,
	});
	const rowsAlone = { dataOnly: true };
	const CHANGES = [
		`DELETE FROM child WHERE id > 10; INSERT INTO parent VALUES (1000, 'new'); UPDATE tree SET up = NULL; DELETE FROM ev_1; DELETE FROM g; DELETE FROM b`,
	];
	const count = (database: string, table: string) => scalar(server, database, `SELECT count(*) FROM ${table}`);

	describe.each(['app', 'postgres'])('rows alone, by the role %s', (user) => {
		it('replace those of tables that need one another, past their triggers, and all is in force again', async () => {
			const database = await copyOf(tangled, ...CHANGES);
			const state = await scalar(server, database, STATE);
			const report = await restore(server, backup, {
				connection: as(user, database),
				target: into(database),
				selection: rowsAlone,
			});
			// The superuser's restore does not look at foreign keys, and tells of rows that refer to none.
			expect(report).toMatchObject({ failures: [], warnings: [] });
			expect(await compareDatabases({ server, database: tangled }, { server, database })).toEqual([]);
			expect(await scalar(server, database, STATE)).toBe(state);
		});

		it('of one table do not touch the others', async () => {
			const database = await copyOf(tangled, ...CHANGES);
			const selection = { dataOnly: true, tables: ['public.child', 'public.tree'] };
			const report = await restore(server, backup, {
				connection: as(user, database),
				target: into(database),
				selection,
			});
			expect(report.failures).toEqual([]);
			expect([await count(database, 'child'), await count(database, 'parent')]).toEqual(['5000', '101']);
		});

		it('empty nothing where a row is refused, whether errors are collected or not', async () => {
			const database = await copyOf(
				tangled,
				...CHANGES,
				'ALTER TABLE tree ADD CONSTRAINT few CHECK (id < 2990) NOT VALID',
			);
			const state = await scalar(server, database, STATE);
			for (const collectErrors of [false, true]) {
				const run = restore(server, backup, {
					connection: as(user, database),
					target: into(database),
					selection: rowsAlone,
					collectErrors,
				});
				const { message } = await failureOf(run, 'TARGET_FAILED');
				expect(message).toContain('"few"');
				expect([
					await count(database, 'child'),
					await count(database, 'parent'),
					await count(database, 'tree'),
				]).toEqual(['10', '101', '3000']);
				expect(await scalar(server, database, STATE)).toBe(state);
			}
		});

		it('empty nothing where the connection is cut half-way', async () => {
			const database = await copyOf(
				tangled,
				...CHANGES,
				`CREATE TABLE gate (id int); INSERT INTO gate VALUES (1); GRANT ALL ON gate TO app`,
				`CREATE FUNCTION pass(int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN IF $1 = 2000 THEN PERFORM FROM public.gate FOR UPDATE; END IF; RETURN true; END $$`,
				'ALTER TABLE tree ADD CHECK (pass(id)) NOT VALID',
			);
			const blocker = await anotherSession(server, database);
			await blocker.query('BEGIN; SELECT FROM gate FOR UPDATE');
			const selection = { dataOnly: true, tables: ['parent', 'child', 'tree', 'other."Lo, st"'] };
			const run = restore(server, backup, { connection: as(user, database), target: into(database), selection });
			run.catch(() => {});
			const waiting = `SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = '${database}'`;
			await until(async () => (await server.query('postgres', waiting)).rowCount === 1);
			await server.query('postgres', `SELECT pg_terminate_backend(pid) FROM (${waiting}) w`);
			const { message } = await failureOf(run, /TARGET_/);
			expect(message).not.toContain('holds part of the backup');
			await blocker.query('ROLLBACK');
			expect([await count(database, 'child'), await count(database, 'parent'), await count(database, 'tree')]).toEqual([
				'10',
				'101',
				'3000',
			]);
		});

		it('of a script with transactions of its own are restored in one, or not at all', async () => {
			const database = await copyOf(tangled, 'DELETE FROM u WHERE x <> 5');
			const run = async (script: string) => {
				const open = () => Promise.resolve(blocks(Buffer.from(script)));
				const source = await openForeignDump({ name: 'rows.sql', open });
				await restoreDatabase({ connection: as(user, database), source, target: into(database), selection: rowsAlone });
			};
			const rows = 'COPY public.u (x) FROM stdin;\n1\n2\n\\.\n';
			expect((await failureOf(run(`BEGIN;\n${rows}`), 'ARCHIVE_INCOMPLETE')).message).toContain('before its COMMIT');
			expect((await failureOf(run(`BEGIN;\n${rows}ROLLBACK;\n`), 'INVALID_INPUT')).message).toContain(
				'nothing was changed',
			);
			expect(await scalar(server, database, 'SELECT x FROM u')).toBe('5');
			await run(`BEGIN;\n${rows}COMMIT;\nINSERT INTO public.u VALUES (3);\n`);
			expect(await scalar(server, database, 'SELECT sum(x) FROM u')).toBe('6');
		});

		it('take nothing away with tables that are dropped, where they are refused', async () => {
			const database = await copyOf(
				await ownedBy(
					'app',
					`CREATE FUNCTION ok(int) RETURNS boolean LANGUAGE sql AS 'SELECT true'; CREATE TABLE t (id int CHECK (ok(id))); INSERT INTO t VALUES (1)`,
				),
			);
			const stored = await backUp(server, database);
			await server.query(
				database,
				`INSERT INTO t VALUES (2); CREATE OR REPLACE FUNCTION ok(int) RETURNS boolean LANGUAGE sql AS 'SELECT false'`,
			);
			for (const collectErrors of [false, true]) {
				const run = restore(server, stored, {
					connection: as(user, database),
					target: into(database, 'drop'),
					selection: { tables: ['t'] },
					collectErrors,
				});
				const { message } = await failureOf(run, 'TARGET_FAILED');
				expect(message).not.toContain('holds part of the backup');
				expect(await count(database, 't')).toBe('2');
			}
		});

		it('are added to what is there in any order', async () => {
			const database = await copyOf(
				tangled,
				'DELETE FROM parent; DELETE FROM child; DELETE FROM tree; DELETE FROM a; DELETE FROM b; DELETE FROM other."Lo, st"',
			);
			const selection = { dataOnly: true, tables: ['parent', 'child', 'tree', 'a', 'b'] };
			const report = await restore(server, backup, {
				connection: as(user, database),
				target: into(database, 'nothing'),
				selection: user === 'postgres' ? { ...selection, tables: ['parent', 'tree', 'a', 'b'] } : selection,
			});
			expect(report).toMatchObject({ failures: [], warnings: [] });
			expect(await count(database, 'parent')).toBe('100');
		});
	});

	describe('a role that may not switch off what is in force', () => {
		it('is refused before anything is emptied, by the names of the tables', async () => {
			const database = await copyOf(tangled, ...CHANGES, 'GRANT ALL ON ALL TABLES IN SCHEMA public TO clerk');
			const selection = { dataOnly: true, tables: ['parent', 'child', 'other."Lo, st"'] };
			await server.query(
				database,
				'GRANT ALL ON SCHEMA other TO clerk; GRANT ALL ON ALL TABLES IN SCHEMA other TO clerk',
			);
			const run = restore(server, backup, { connection: as('clerk', database), target: into(database), selection });
			const { message, hint } = await failureOf(run, 'ACCESS_DENIED');
			expect(message).toMatch(/foreign keys of .*public\.child.* out of force.*; nothing was changed\.$/);
			expect(hint).toContain('owner');
			expect([await count(database, 'child'), await count(database, 'parent')]).toEqual(['10', '101']);
		});

		it('empties and fills what nothing hangs on', async () => {
			const database = await ownedBy(
				'app',
				'CREATE TABLE plain (x int); INSERT INTO plain VALUES (1); GRANT ALL ON plain TO clerk',
			);
			const stored = await backUp(server, database);
			await server.query(database, 'INSERT INTO plain VALUES (2)');
			await restore(server, stored, {
				connection: as('clerk', database),
				target: into(database),
				selection: rowsAlone,
			});
			expect(await count(database, 'plain')).toBe('1');
			await server.query(database, 'REVOKE INSERT ON plain FROM clerk');
			const run = restore(server, stored, {
				connection: as('clerk', database),
				target: into(database),
				selection: rowsAlone,
			});
			expect((await failureOf(run, 'ACCESS_DENIED')).message).toBe(
				'The user may not add rows to public.plain; nothing was changed.',
			);
		});

		it('may be the owner, where policies hold for the owner too', async () => {
			const database = await ownedBy('app', 'CREATE TABLE t AS SELECT 1 AS x');
			const stored = await backUp(server, database);
			await server.query(database, 'ALTER TABLE t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY');
			const run = restore(server, stored, {
				connection: as('app', database),
				target: into(database),
				selection: rowsAlone,
			});
			const { message, hint } = await failureOf(run, 'ACCESS_DENIED');
			expect(message).toContain('public.t, which has policies that hold for the user; nothing was changed');
			expect(hint).toContain('FORCE ROW LEVEL SECURITY');
			expect(await count(database, 't')).toBe('1');
		});

		it('adds rows to what is there with all in force, which is said', async () => {
			const database = await copyOf(
				tangled,
				'GRANT ALL ON ALL TABLES IN SCHEMA public TO clerk; DELETE FROM child; DELETE FROM tree',
			);
			await server.query(database, 'ALTER TABLE child DISABLE TRIGGER USER');
			const report = await restore(server, backup, {
				connection: as('clerk', database),
				target: into(database, 'nothing'),
				selection: { dataOnly: true, tables: ['child'] },
			});
			expect(report.warnings).toEqual([]);
			const run = restore(server, backup, {
				connection: as('clerk', database),
				target: into(database, 'nothing'),
				selection: { dataOnly: true, tables: ['tree'] },
			});
			const { warnings } = await run;
			expect(warnings).toEqual([expect.stringContaining('were in force while rows were loaded')]);
		});
	});

	describe('foreign keys that the rows of a backup do not keep', () => {
		it('end the restore of an owner, and nothing is emptied', async () => {
			const database = await copyOf(
				tangled,
				'DELETE FROM child WHERE parent <> 1; DELETE FROM parent WHERE id <> 1',
				'DELETE FROM other."Lo, st"',
			);
			const selection = { dataOnly: true, tables: ['public.child'] };
			const run = restore(server, backup, { connection: as('app', database), target: into(database), selection });
			const { message, hint } = await failureOf(run, 'TARGET_FAILED');
			expect(message).toContain('foreign key');
			expect(hint).toContain('Restore the other table as well');
			expect(await count(database, 'child')).toBe('50');
		});
	});
}

async function* blocks(script: Buffer): AsyncGenerator<Buffer> {
	yield await Promise.resolve(script);
}
