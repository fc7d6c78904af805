import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { compareDatabases } from '../../../fidelity/compare';
import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { IN_MEMORY, onServer, tested } from '../verify/support';
import { backUp, type Backup, connectionTo, databaseWith, failureOf, newName, restore, scalar } from './support';

let server: PostgresServer;
let original: string;
let stored: Backup;

beforeAll(async () => {
	server = await startPostgres({ version: 18 });
	original = await databaseWith(server, ...FUNCTIONS, ...READERS, ...FILL);
	stored = await backUp(server, original, { parallel: 1 });
});

afterAll(async () => {
	await server?.stop();
});

const FUNCTIONS = [
	'CREATE TABLE dict (v int PRIMARY KEY, label text)',
	`CREATE FUNCTION ok(int) RETURNS boolean LANGUAGE sql AS 'SELECT EXISTS (SELECT FROM public.dict WHERE v = $1)'`,
	`CREATE FUNCTION label(int) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN (SELECT d.label FROM public.dict d WHERE d.v = $1); END $$`,
	`CREATE FUNCTION must(int) RETURNS int LANGUAGE plpgsql AS $$ DECLARE found int; BEGIN SELECT v INTO STRICT found FROM public.dict WHERE v = $1; RETURN found; END $$`,
	`CREATE FUNCTION counted(int) RETURNS int LANGUAGE sql AS 'SELECT $1 / (SELECT count(*)::int FROM public.dict)'`,
];

/** Each larger than the dictionary that it reads, so that its rows come before that in the archive. */
const READERS = [
	'CREATE TABLE zdata (id int, v int CHECK (ok(v)), filler text)',
	'CREATE DOMAIN known AS int CHECK (ok(VALUE)); CREATE TABLE adata (id int, v known, filler text)',
	'CREATE TABLE strict (id int, v int CHECK (must(v) = v), filler text)',
	'CREATE TABLE divided (id int, v int CHECK (counted(v) >= 0), filler text)',
	'CREATE TABLE generated (id int, v int, l text GENERATED ALWAYS AS (label(v)) STORED, filler text)',
	'CREATE TABLE chained (id int, v int CHECK (ok(v)), filler text)',
	'CREATE TABLE indexed (id int, v int, filler text); CREATE INDEX ON indexed (label(v))',
];

const FILL = [
	`INSERT INTO dict SELECT n, 'label ' || n FROM generate_series(1, 10) n`,
	...['adata', 'strict', 'divided', 'generated', 'chained', 'indexed'].map(
		(table) =>
			`INSERT INTO ${table} (id, v, filler) SELECT n, n % 10 + 1, repeat('x', 50) FROM generate_series(1, 500) n`,
	),
	// Of several frames.
	`INSERT INTO zdata SELECT n, n % 10 + 1, repeat('x', 1000) FROM generate_series(1, 5000) n`,
];

describe('rows that a check lets in only beside others', () => {
	it.each([1, 2, 4])('restore by %i connections, and complete what functions add', async (parallel) => {
		const script = await stored.script();
		expect(script.indexOf('COPY public.zdata')).toBeLessThan(script.indexOf('COPY public.dict'));
		const { database, failures, warnings } = await restore(server, stored, { parallel });
		expect({ failures, warnings }).toEqual({ failures: [], warnings: [] });
		expect(await compareDatabases({ server, database: original }, { server, database })).toEqual([]);
		expect(await scalar(server, database, 'SELECT count(*) FROM generated WHERE l IS NULL')).toBe('0');
		const all = await restore(server, stored, { parallel, collectErrors: true });
		expect(all.failures).toEqual([]);
	});

	it('pass a test restore, encrypted too, and replace what was emptied', async () => {
		expect(await tested(stored, IN_MEMORY)).toMatchObject({ findings: [], counts: { tables: 8 } });
		const { findings } = await tested(stored, onServer(connectionTo(server, 'postgres')));
		expect(findings).toEqual([expect.stringContaining('Owners and privileges'), expect.stringContaining('superuser')]);
		const keys = { passphrase: 'long enough a passphrase' };
		const sealed = await backUp(server, original, { parallel: 1, encryption: keys });
		const database = newName();
		await restore(server, sealed, { keys, target: { type: 'newDatabase', database } });
		await server.query(database, 'DELETE FROM dict; DELETE FROM zdata');
		const target = { type: 'existing', database, confirmation: database, before: 'truncate' } as const;
		await restore(server, sealed, { keys, target, selection: { dataOnly: true } });
		expect(await compareDatabases({ server, database: original }, { server, database })).toEqual([]);
		// By the index, which was there while rows were loaded.
		await server.query('postgres', `ALTER DATABASE ${database} SET enable_seqscan = off`);
		expect(await scalar(server, database, `SELECT count(*) FROM indexed WHERE label(v) = 'label 4'`)).toBe('50');
	});

	it('that it never lets in end the restore, or are collected once', async () => {
		await server.query(original, 'DELETE FROM dict WHERE v = 3');
		const lacking = await backUp(server, original);
		const { message, hint } = await failureOf(restore(server, lacking), 'TARGET_FAILED');
		expect(message).toMatch(/violates check constraint|query returned no rows/);
		expect(hint).toBeTruthy();
		const { failures, tables } = await restore(server, lacking, { collectErrors: true });
		const named = failures.map(({ object }) => object.replace(/ .id.*/, ''));
		expect(new Set(named)).toEqual(
			new Set(['COPY public.zdata', 'COPY public.adata', 'COPY public.strict', 'COPY public.chained']),
		);
		expect(tables.find(({ name }) => name === 'generated')).toMatchObject({ rows: 500, expected: 500 });
	});
});
