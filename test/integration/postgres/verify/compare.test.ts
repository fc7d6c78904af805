import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { restoreDatabase } from '../../../../engine/postgres';
import { withClient } from '../../../../engine/postgres/connection';
import { compareRestored } from '../../../../engine/postgres/verify/compare';
import { TappedSource } from '../../../../engine/postgres/verify/tappedSource';
import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { type Backup, backUp, connectionTo, databaseWith, newName } from '../engine/support';
import { keepingContext, sentences } from './support';

let server: PostgresServer;
let backup: Backup;

beforeAll(async () => {
	server = await startPostgres({ version: 18 });
	const database = await databaseWith(
		server,
		`CREATE TABLE item (id int PRIMARY KEY, name text, other text, at timestamptz DEFAULT '2026-01-01 00:00:00+00')`,
		`INSERT INTO item SELECT n, 'name ' || n, 'other ' || n FROM generate_series(1, 1000) n`,
		`CREATE TABLE free (v int)`,
		`INSERT INTO free VALUES (1), (1), (2)`,
		`CREATE TABLE empty (v int)`,
		`CREATE TABLE bare ()`,
		`INSERT INTO bare DEFAULT VALUES`,
		`CREATE SEQUENCE counter`,
		`SELECT setval('counter', 41)`,
		`SELECT lo_from_bytea(77, 'content')`,
		`CREATE TYPE mood AS ENUM ('sad', 'ok')`,
		`CREATE TABLE log (year int, m mood) PARTITION BY RANGE (year)`,
		`CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM (1) TO (2)`,
		`CREATE TABLE log_2 PARTITION OF log FOR VALUES FROM (2) TO (3) PARTITION BY HASH (m)`,
		`CREATE TABLE log_2_all PARTITION OF log_2 FOR VALUES WITH (MODULUS 1, REMAINDER 0)`,
		`INSERT INTO log VALUES (1, 'sad'), (2, 'sad'), (2, 'ok')`,
	);
	backup = await backUp(server, database);
});

afterAll(async () => {
	await server.stop();
});

/** What a comparison finds after the restored database was tampered with. */
async function foundAfter(statements: string[], session: Record<string, string> = {}): Promise<string[]> {
	const database = newName();
	const source = new TappedSource(await backup.source());
	await restoreDatabase({
		connection: connectionTo(server, 'postgres'),
		source,
		target: { type: 'newDatabase', database },
	});
	for (const sql of statements) await server.query(database, sql);
	const { context, found } = keepingContext();
	await withClient(connectionTo(server, database), 'target', {}, (client) =>
		compareRestored(client, { source, facts: source.facts, session }, context),
	);
	return sentences(found);
}

const UNLIKE = 'error public.item: It holds as many rows after the restore as the backup, but not the same ones.';

describe('the comparison of a restored database with its backup', () => {
	it('finds nothing in a database that was restored as it was', async () => {
		expect(await foundAfter([])).toEqual([]);
	});

	it('finds nothing where the same values are only written in another way', async () => {
		expect(await foundAfter([], { TimeZone: 'Asia/Tokyo', no_such_setting: 'x' })).toEqual([]);
	});

	it.each([
		['a value that was changed', `UPDATE item SET name = 'name x' WHERE id = 500`],
		['values that were swapped between columns', `UPDATE item SET name = other, other = name WHERE id = 7`],
		[
			'values that were swapped between rows',
			`UPDATE item SET name = CASE id WHEN 1 THEN 'name 2' ELSE 'name 1' END WHERE id IN (1, 2)`,
		],
		['a value that became NULL', `UPDATE item SET other = NULL WHERE id = 1000`],
		['a moment that was moved by a microsecond', `UPDATE item SET at = at + interval '1 microsecond' WHERE id = 3`],
		['a row that took the place of another', `UPDATE item SET id = 1001 WHERE id = 1000`],
	])('finds %s', async (_, sql) => {
		expect(await foundAfter([sql])).toEqual([UNLIKE]);
		expect(await foundAfter([sql], { TimeZone: 'Asia/Tokyo' })).toEqual([UNLIKE]);
	});

	it.each([
		[
			'a row that was lost',
			`DELETE FROM item WHERE id = 1`,
			'public.item: It holds 999 rows after the restore; the backup has 1000.',
		],
		[
			'a row that was added',
			`INSERT INTO empty VALUES (1)`,
			'public.empty: It holds 1 rows after the restore; the backup has 0.',
		],
		[
			'a row that was doubled',
			`INSERT INTO free VALUES (1)`,
			'public.free: It holds 4 rows after the restore; the backup has 3.',
		],
		[
			'a row without columns that was lost',
			`DELETE FROM bare`,
			'public.bare: It holds 0 rows after the restore; the backup has 1.',
		],
		[
			'one row doubled for another lost',
			`UPDATE free SET v = 2 WHERE ctid = (SELECT min(ctid) FROM free)`,
			'public.free: It holds as many rows after the restore as the backup, but not the same ones.',
		],
		[
			'a row of a partition that was loaded by itself',
			`UPDATE log_1 SET m = 'ok'`,
			'public.log_1: It holds as many rows after the restore as the backup, but not the same ones.',
		],
		[
			'a row of a partition that was loaded through its root',
			`UPDATE log_2 SET m = 'ok'`,
			'public.log: It holds as many rows after the restore as the backup, but not the same ones.',
		],
		['a table that is gone', `DROP TABLE empty`, 'public.empty: It is not in the restored database.'],
		[
			'a sequence that went on',
			`SELECT nextval('counter')`,
			'public.counter: The sequence stands at 42 after the restore; the backup has 41.',
		],
		[
			'a large object with other content',
			`SELECT lo_put(77, 3, 'T')`,
			': The large objects hold something else after the restore than in the backup.',
		],
		[
			'a large object that is gone',
			`SELECT lo_unlink(77)`,
			': There are 0 large objects after the restore; the backup has 1.',
		],
	])('finds %s', async (_, sql, finding) => {
		expect(await foundAfter([sql])).toEqual([`error ${finding}`.replace('error :', 'error:')]);
	});
});
