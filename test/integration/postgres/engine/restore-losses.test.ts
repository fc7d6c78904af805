import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { ArchiveSource, type RestoreSelection, type RestoreTarget } from '../../../../engine/postgres';
import type { Inspection } from '../../../../engine/postgres/restore';
import { installFixtureExtension } from '../../../fixtures/postgres/everything.sql';
import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { breakingStream } from './breakingStream';
import { backUp, connectionTo, databaseNames, databaseWith, failureOf, restore, scalar } from './support';

let server: PostgresServer;

beforeAll(async () => {
	server = await startPostgres({ version: 18 });
});

afterAll(async () => {
	await server?.stop();
});

const into = (database: string, before: 'nothing' | 'truncate' | 'drop'): RestoreTarget => ({
	type: 'existing',
	database,
	confirmation: database,
	before,
});

const count = (database: string, table: string) => scalar(server, database, `SELECT count(*) FROM ${table}`);

/** An archive that promises one row more than it holds, though its content is right: as where the target takes one away. */
class PromisingMore extends ArchiveSource {
	override async inspect(inspection?: Inspection) {
		const facts = await super.inspect(inspection);
		const promised = [...(facts.expectedRows ?? [])].map(
			([key, rows], at) => [key, at === 0 ? rows + 1 : rows] as const,
		);
		return { ...facts, expectedRows: new Map(promised) };
	}
}

const TWO = `CREATE TABLE a AS SELECT generate_series(1, 5) AS id; CREATE TABLE b AS SELECT generate_series(1, 7) AS id`;

describe('rows that the backup does not hold', () => {
	it('are never emptied: a backup of definitions alone is refused', async () => {
		const database = await databaseWith(server, TWO);
		const stored = await backUp(server, database, { selection: { content: 'schema' } });
		const run = restore(server, stored, { target: into(database, 'truncate'), selection: { dataOnly: true } });
		expect((await failureOf(run, 'INVALID_INPUT')).message).toContain('holds no rows of what is chosen');
		expect(await count(database, 'a')).toBe('5');
	});

	it('stay as they are beside those that are replaced, and are named', async () => {
		const database = await databaseWith(server, TWO);
		const stored = await backUp(server, database, { selection: { excludeTableData: ['public.b'] } });
		await server.query(database, 'DELETE FROM a; INSERT INTO b VALUES (8)');
		const target = into(database, 'truncate');
		const { warnings } = await restore(server, stored, { target, selection: { dataOnly: true } });
		expect(warnings).toEqual(['The backup holds no rows of public.b: what they hold was left as it is.']);
		expect(await count(database, 'a')).toBe('5');
		expect(await count(database, 'b')).toBe('8');
		const run = restore(server, stored, { target, selection: { dataOnly: true, tables: ['a', 'b'] } });
		expect((await failureOf(run, 'INVALID_INPUT')).message).toContain('holds no rows of b; nothing was changed');
		expect(await count(database, 'a')).toBe('5');
	});

	it('are not dropped, unless there are none', async () => {
		const database = await databaseWith(server, TWO);
		const stored = await backUp(server, database, { selection: { excludeTableData: ['public.b'] } });
		const drop = { target: into(database, 'drop'), selection: { schemas: ['public'] } };
		const { message } = await failureOf(restore(server, stored, drop), 'INVALID_INPUT');
		expect(message).toContain('holds no rows of public.b');
		expect(await count(database, 'b')).toBe('7');
		await server.query(database, 'DELETE FROM b');
		await restore(server, stored, drop);
		expect(await count(database, 'a')).toBe('5');
	});

	it('do not have positions of sequences either: these stay', async () => {
		const database = await databaseWith(
			server,
			`CREATE TABLE t (id serial, i int GENERATED ALWAYS AS IDENTITY); CREATE SEQUENCE low MAXVALUE 10;
			INSERT INTO t SELECT; INSERT INTO t SELECT; DELETE FROM t`,
		);
		const stored = await backUp(server, database, { selection: { content: 'schema' } });
		await server.query(database, `ALTER SEQUENCE low MAXVALUE 100; SELECT setval('low', 50)`);
		await restore(server, stored, { target: into(database, 'drop'), selection: { schemas: ['public'] } });
		const next = `SELECT concat_ws(' ', nextval('t_id_seq'), nextval('t_i_seq'), nextval('low'))`;
		expect(await scalar(server, database, next)).toBe('3 3 1');
	});

	it('may be all there is of a table: without its definition it is not dropped', async () => {
		const database = await databaseWith(server, TWO);
		const stored = await backUp(server, database, { selection: { content: 'data' } });
		const run = restore(server, stored, { target: into(database, 'drop'), selection: { tables: ['a'] } });
		expect((await failureOf(run, 'INVALID_INPUT')).message).toContain('rows of public.a and no definition');
		expect(await count(database, 'a')).toBe('5');
	});
});

describe('tables that hang together', () => {
	it('by inheritance are emptied one by one, as chosen', async () => {
		const database = await databaseWith(
			server,
			`CREATE TABLE pa (id int); CREATE TABLE ch (x int) INHERITS (pa); INSERT INTO pa VALUES (1), (2); INSERT INTO ch VALUES (3, 3)`,
		);
		const stored = await backUp(server, database);
		await restore(server, stored, {
			target: into(database, 'truncate'),
			selection: { tables: ['pa'], dataOnly: true },
		});
		expect(await count(database, 'ONLY pa')).toBe('2');
		expect(await count(database, 'ch')).toBe('1');
	});

	const EVENTS = `CREATE TABLE ev (d int PRIMARY KEY) PARTITION BY RANGE (d); CREATE TABLE ev_1 PARTITION OF ev FOR VALUES FROM (1) TO (10);
		CREATE TABLE ref (d int REFERENCES ev) PARTITION BY RANGE (d); CREATE TABLE ref_1 PARTITION OF ref DEFAULT; INSERT INTO ev VALUES (3); INSERT INTO ref VALUES (3)`;
	const NEWER = `CREATE TABLE ev_2 PARTITION OF ev FOR VALUES FROM (10) TO (20); INSERT INTO ev VALUES (13)`;

	it('as partitions are emptied together, past foreign keys among them', async () => {
		const database = await databaseWith(server, EVENTS);
		const stored = await backUp(server, database);
		await server.query(database, 'INSERT INTO ev VALUES (4); INSERT INTO ref VALUES (4)');
		const report = await restore(server, stored, {
			target: into(database, 'truncate'),
			selection: { dataOnly: true },
		});
		expect(report.warnings).toEqual([]);
		expect([await count(database, 'ev'), await count(database, 'ref')]).toEqual(['1', '1']);
	});

	it('as partitions made since the backup keep their rows, and stand in the way of dropping', async () => {
		const database = await databaseWith(
			server,
			'CREATE TABLE ev (d int) PARTITION BY RANGE (d); CREATE TABLE ev_1 PARTITION OF ev FOR VALUES FROM (1) TO (10); INSERT INTO ev VALUES (3)',
		);
		const stored = await backUp(server, database);
		await server.query(database, NEWER);
		const selection = { tables: ['ev'] };
		const run = restore(server, stored, { target: into(database, 'drop'), selection });
		expect((await failureOf(run, 'INVALID_INPUT')).message).toContain(
			'does not have: public.ev_2; nothing was changed',
		);
		const { warnings } = await restore(server, stored, {
			target: into(database, 'truncate'),
			selection: { ...selection, dataOnly: true },
		});
		expect(warnings).toEqual([expect.stringContaining('no rows of public.ev_2')]);
		expect(await count(database, 'ev')).toBe('2');
	});

	it('as partitions whose rows are those of the root are emptied together, unless there are newer ones', async () => {
		const database = await databaseWith(server, EVENTS);
		const stored = await backUp(server, database, { selection: { extraArguments: '--load-via-partition-root' } });
		const options = { target: into(database, 'truncate'), selection: { dataOnly: true } };
		await server.query(database, 'INSERT INTO ev VALUES (4)');
		await restore(server, stored, options);
		expect(await count(database, 'ev')).toBe('1');
		await server.query(database, NEWER);
		const { message } = await failureOf(restore(server, stored, options), 'INVALID_INPUT');
		expect(message).toContain('with rows that the backup does not have: public.ev_2');
		expect(await count(database, 'ev')).toBe('2');
	});
});

describe('what replicates a table', () => {
	it('is named and stays: a published table is not dropped, but emptied', async () => {
		const database = await databaseWith(server, TWO, 'CREATE PUBLICATION news FOR TABLE a (id) WHERE (id > 1), b');
		const stored = await backUp(server, database);
		const run = restore(server, stored, { target: into(database, 'drop'), selection: { tables: ['a'] } });
		const { message, hint } = await failureOf(run, 'INVALID_INPUT');
		expect(message).toContain('Dropping public.a would take it out of the publication "news"');
		expect(hint).toContain('Empty the Tables');
		await restore(server, stored, { target: into(database, 'truncate'), selection: { dataOnly: true, tables: ['a'] } });
		expect(await count(database, 'pg_publication_tables')).toBe('2');
	});

	it('may be a subscription, which is told too', async () => {
		const database = await databaseWith(server, TWO);
		const stored = await backUp(server, database);
		await server.query(
			database,
			`CREATE SUBSCRIPTION sub CONNECTION 'dbname=nowhere' PUBLICATION p WITH (connect = false, slot_name = NONE, enabled = false, create_slot = false)`,
		);
		await server.query(
			database,
			`SET allow_system_table_mods = on; INSERT INTO pg_subscription_rel SELECT oid, 'a'::regclass, 'r', NULL FROM pg_subscription`,
		);
		const run = restore(server, stored, { target: into(database, 'drop'), selection: { tables: ['a'] } });
		expect((await failureOf(run, 'INVALID_INPUT')).message).toContain('out of the subscription "sub"');
		await server.query(database, 'DROP SUBSCRIPTION sub');
	});
});

describe('collecting errors', () => {
	it.each(['safeSwap', 'replace'] as const)('never replaces a database by one that lacks rows (%s)', async (type) => {
		const stored = await backUp(server, await databaseWith(server, TWO));
		const database = await databaseWith(server, `CREATE TABLE old AS SELECT 'old' AS v`);
		const report = await restore(
			server,
			{ ...stored, source: async () => new PromisingMore((await stored.source()).reader) },
			{
				target: { type, database, confirmation: database },
				collectErrors: true,
			},
		);
		expect(report.database).toContain('_restoring_');
		expect(report.warnings).toContainEqual(expect.stringContaining(`1 tables lack rows, so "${database}" was left`));
		expect(await scalar(server, database, 'SELECT v FROM old')).toBe('old');
		expect(await databaseNames(server)).toContain(report.database);
	});

	it('takes a drop back where a table cannot be made anew', async () => {
		const stored = await backUp(server, await databaseWith(server, TWO));
		const database = await databaseWith(
			server,
			TWO,
			`CREATE FUNCTION no() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no tables'; END $$;
			CREATE EVENT TRIGGER no ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION no()`,
		);
		const target = into(database, 'drop');
		const run = restore(server, stored, { target, collectErrors: true, selection: { tables: ['a'] } });
		expect((await failureOf(run, 'TARGET_FAILED')).message).toContain('no tables');
		expect(await count(database, 'a')).toBe('5');
	});

	it('keeps a table that was made anew, without an index that the server refused', async () => {
		const stored = await backUp(server, await databaseWith(server, TWO, 'CREATE INDEX a_id ON a (id)'));
		const database = await databaseWith(
			server,
			TWO,
			`CREATE FUNCTION no() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no indexes'; END $$;
			CREATE EVENT TRIGGER no ON ddl_command_end WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION no()`,
		);
		const target = into(database, 'drop');
		const { failures } = await restore(server, stored, { target, collectErrors: true, selection: { tables: ['a'] } });
		expect(failures).toEqual([
			{ object: 'INDEX public.a_id', message: expect.stringContaining('no indexes') as string },
		]);
		expect([await count(database, 'a'), await scalar(server, database, `SELECT to_regclass('a_id')`)]).toEqual([
			'5',
			null,
		]);
	});
});

describe('a restore into emptied tables that fails', () => {
	it('leaves sequences where they stood: no transaction takes their positions back', async () => {
		const database = await databaseWith(
			server,
			'CREATE TABLE t (id serial); INSERT INTO t SELECT; INSERT INTO t SELECT',
		);
		const stored = await backUp(server, database);
		await server.query(database, 'INSERT INTO t SELECT');
		const run = restore(
			server,
			{ ...stored, source: async () => new PromisingMore((await stored.source()).reader) },
			{ target: into(database, 'truncate'), selection: { dataOnly: true } },
		);
		await failureOf(run, 'TARGET_FAILED');
		expect(await count(database, 't')).toBe('3');
		expect(await scalar(server, database, `SELECT nextval('t_id_seq')`)).toBe('4');
	});
});

describe('before tables are emptied', () => {
	const refusal = async (...changes: string[]) => {
		const database = await databaseWith(
			server,
			'CREATE TABLE a AS SELECT 1 AS id, 2 AS x; CREATE TABLE b AS SELECT 1 AS id',
		);
		const stored = await backUp(server, database);
		for (const sql of changes) await server.query(database, sql);
		const run = restore(server, stored, { target: into(database, 'truncate'), selection: { dataOnly: true } });
		const { message } = await failureOf(run, 'TARGET_FAILED');
		expect(message).toContain('nothing was changed');
		expect(await count(database, 'a')).toBe('1');
		return message;
	};

	it('each has to be there', async () => {
		expect(await refusal('DROP TABLE b')).toContain('lacks the table public.b');
	});

	it('each has to have the columns that the backup has', async () => {
		expect(await refusal('ALTER TABLE a DROP x')).toContain('public.a lacks the column "x"');
		const generated = 'ALTER TABLE a DROP x; ALTER TABLE a ADD x int GENERATED ALWAYS AS (id) STORED';
		expect(await refusal(generated)).toContain('public.a lacks the column "x"');
	});

	it('none may have others that must be filled', async () => {
		const must =
			'ALTER TABLE a ADD must int NOT NULL DEFAULT 1, ADD may int NOT NULL DEFAULT 2; ALTER TABLE a ALTER must DROP DEFAULT';
		const message = await refusal(must);
		expect(message).toContain('public.a needs a value for "must"');
		expect(message).not.toContain('"may"');
	});
});

describe('tables of extensions', () => {
	const EXTENSION = [
		'CREATE SCHEMA fixture_extension; CREATE EXTENSION stack_backup_fixture',
		`CREATE TABLE a AS SELECT 1 AS id; INSERT INTO fixture_extension.config_some VALUES (9, 'mine', false);
		SELECT setval('fixture_extension.config_seq', 7)`,
	];
	const SOME = `(SELECT id FROM fixture_extension.config_some WHERE v <> ';')`;

	beforeAll(async () => {
		const share = await scalar(server, 'postgres', `SELECT setting FROM pg_config WHERE name = 'SHAREDIR'`);
		installFixtureExtension(share ?? '');
	});

	it.each<[before: 'nothing' | 'truncate' | 'drop', selection: RestoreSelection]>([
		['truncate', { dataOnly: true }],
		['drop', { schemas: ['public', 'fixture_extension'] }],
		['nothing', { dataOnly: true, schemas: ['fixture_extension'] }],
	])('keep what they hold where it is not theirs alone (%s)', async (before, selection) => {
		const database = await databaseWith(server, ...EXTENSION);
		const stored = await backUp(server, database);
		await server.query(
			database,
			`INSERT INTO fixture_extension.config_some VALUES (10, 'too', false); SELECT setval('fixture_extension.config_seq', 9)`,
		);
		const { warnings } = await restore(server, stored, {
			target: into(database, before),
			selection,
		});
		expect(warnings).toContainEqual(
			expect.stringContaining('fixture_extension.config_some belongs to the extension stack_backup_fixture'),
		);
		expect(await count(database, SOME)).toBe('4');
		expect(await count(database, 'a')).toBe('1');
		expect(await scalar(server, database, 'SELECT last_value FROM fixture_extension.config_seq')).toBe('9');
	});

	it('take the rows of a backup beside what came with the extension', async () => {
		const stored = await backUp(server, await databaseWith(server, ...EXTENSION));
		const database = await databaseWith(server, EXTENSION[0] ?? '', 'CREATE TABLE a (id int)');
		const target = into(database, 'truncate');
		const { warnings } = await restore(server, stored, { target, selection: { dataOnly: true } });
		expect(warnings).toEqual([]);
		expect(await count(database, SOME)).toBe('3');
		expect(await scalar(server, database, 'SELECT last_value FROM fixture_extension.config_seq')).toBe('7');
	});
});

describe('a connection that breaks', () => {
	it.each<[before: 'truncate' | 'drop', says: string, selection: RestoreSelection]>([
		['truncate', 'may be emptied and filled again already', { dataOnly: true }],
		['drop', 'may be dropped and made anew already', { tables: ['a', 'b'] }],
	])('before the server answers says what may be the case (%s)', async (before, says, selection) => {
		const database = await databaseWith(server, TWO);
		const stored = await backUp(server, database);
		const openStream = breakingStream({ text: 'COMMIT', loses: 'answer' });
		const run = restore(server, stored, {
			connection: { ...connectionTo(server, 'postgres'), openStream },
			target: into(database, before),
			selection,
		});
		const { message, hint } = await failureOf(run, 'TARGET_UNREACHABLE');
		expect(message).toContain(says);
		expect(message).not.toContain('nothing was changed');
		expect(hint).toContain('run the restore again');
	});
});

describe('what restored rows leave behind', () => {
	it('is told: materialized views that show what was there before', async () => {
		const database = await databaseWith(
			server,
			TWO,
			'CREATE VIEW v AS SELECT count(*) AS n FROM a; CREATE MATERIALIZED VIEW m AS SELECT n FROM v; CREATE MATERIALIZED VIEW other AS SELECT id FROM b',
		);
		const stored = await backUp(server, database);
		const target = into(database, 'truncate');
		const { warnings } = await restore(server, stored, { target, selection: { dataOnly: true, tables: ['a'] } });
		expect(warnings).toEqual([expect.stringMatching(/REFRESH MATERIALIZED VIEW\): public\.m\.$/)]);
	});

	it('is told: rows that refer to rows which are not there', async () => {
		const database = await databaseWith(
			server,
			`CREATE TABLE "Pa" (id int, k text, PRIMARY KEY (id, k)); CREATE TABLE ch (id int, k text, CONSTRAINT "to Pa" FOREIGN KEY (id, k) REFERENCES "Pa")`,
			`CREATE TABLE ev (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE ev_1 PARTITION OF ev FOR VALUES FROM (1) TO (10); CREATE TABLE ev_2 PARTITION OF ev DEFAULT`,
			`ALTER TABLE ch ADD e int REFERENCES ev; INSERT INTO "Pa" VALUES (1, 'x'), (2, 'y'); INSERT INTO ev VALUES (1), (11);
			INSERT INTO ch VALUES (1, 'x', 1), (2, 'y', 11), (3, NULL, NULL)`,
		);
		const stored = await backUp(server, database);
		await server.query(database, `DELETE FROM ch; DELETE FROM "Pa" WHERE id = 2`);
		const target = into(database, 'truncate');
		const { warnings } = await restore(server, stored, { target, selection: { dataOnly: true, tables: ['ch'] } });
		expect(warnings).toEqual([
			'1 rows of public.ch refer to rows that are not in public."Pa" (foreign key "to Pa"): these were not restored with them.',
		]);
	});
});
