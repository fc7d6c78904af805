import { createRequire } from 'node:module';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { compareDatabases } from '../../../fidelity/compare';
import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { backUp, type Backup, databaseWith, restore } from './support';

const PASSPHRASE = 'long enough a passphrase';

const returned = { count: 0 };

/**
 * Memory that was given back is overwritten at once, so that whoever still reads it reads garbage. Node has loaded the engine,
 * so the function is replaced where Node keeps what the module exports.
 */
const lent = createRequire(import.meta.url)('../../../../engine/storage/lent.ts') as {
	lend: (chunk: Uint8Array, takeBack: () => void) => Uint8Array;
};
const { lend } = lent;
lent.lend = (chunk, takeBack) =>
	lend(chunk, () => {
		returned.count++;
		chunk.fill(0x21);
		takeBack();
	});

/** Tables of several frames, tables that share one, and a table whose rows have to wait for those of another. */
const TABLES = [
	...['a', 'b'].map(
		(table) => `CREATE TABLE ${table} (id int PRIMARY KEY, text text);
		INSERT INTO ${table} SELECT i, (SELECT string_agg(md5(i::text || j::text || '${table}'), '') FROM generate_series(1, 30) j)
		FROM generate_series(1, 8000) i`,
	),
	...Array.from({ length: 20 }, (_, n) => `CREATE TABLE small${n} AS SELECT generate_series(1, ${n * 10}) AS n`),
	'CREATE TABLE dict (v int PRIMARY KEY)',
	`CREATE FUNCTION ok(int) RETURNS boolean LANGUAGE sql AS 'SELECT EXISTS (SELECT FROM public.dict WHERE v = $1)'`,
	'CREATE TABLE checked (v int CHECK (ok(v)), filler text)',
	'INSERT INTO dict SELECT generate_series(1, 10)',
	`INSERT INTO checked SELECT n % 10 + 1, repeat('x', 1000) FROM generate_series(1, 20000) n`,
];

let server: PostgresServer;
let original: string;
const backups = new Map<string, Backup>();

beforeAll(async () => {
	server = await startPostgres({ version: 18 });
	original = await databaseWith(server, ...TABLES);
	backups.set('zstd', await backUp(server, original));
	backups.set('gzip', await backUp(server, original, { codec: { name: 'gzip' } }));
	backups.set('encrypted', await backUp(server, original, { encryption: { passphrase: PASSPHRASE } }));
});

afterAll(async () => {
	await server?.stop();
});

it.each([
	['zstd', 1],
	['zstd', 4],
	['gzip', 2],
	['encrypted', 4],
])('an archive (%s) is restored by %i connections from memory that is used again', async (name, parallel) => {
	const before = returned.count;
	const { database, failures } = await restore(server, backups.get(name)!, {
		parallel,
		keys: { passphrase: PASSPHRASE },
	});
	expect(failures).toEqual([]);
	expect(await compareDatabases({ server, database: original }, { server, database })).toEqual([]);
	expect(returned.count - before).toBeGreaterThan(5);
});

it('an archive is checked first and loaded then, where the target exists', async () => {
	const database = await databaseWith(server, 'CREATE TABLE unrelated (n int)');
	const { failures } = await restore(server, backups.get('zstd')!, {
		target: { type: 'existing', database, confirmation: database, before: 'nothing' },
	});
	expect(failures).toEqual([]);
	await server.query(database, 'DROP TABLE unrelated');
	expect(await compareDatabases({ server, database: original }, { server, database })).toEqual([]);
});
