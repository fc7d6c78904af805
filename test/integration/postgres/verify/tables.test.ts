/** Tables of every sort: what is restored is compared with what was backed up, and nothing good is called bad. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { openArchive } from '../../../../engine/archive';
import type { PostgresScratch } from '../../../../engine/postgres';
import { testRestore } from '../../../../engine/postgres/verify/testRestore';
import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { backUp, connectionTo, databaseWith, type Backup } from '../engine/support';
import { IN_MEMORY, keepingContext, onServer, sentences } from './support';

let server: PostgresServer;

beforeAll(async () => {
	server = await startPostgres({ version: 18 });
});

afterAll(async () => {
	await server?.stop();
});

/** What keeps a test restore from passing, and what it has counted. */
async function testedIn(backup: Backup, target: PostgresScratch) {
	const { context, found } = keepingContext();
	const reader = await openArchive(backup.storage, { manifest: backup.manifest, folder: 'postgres' });
	const counts = await testRestore(reader, target, context);
	return { counts, bad: sentences(found.filter(({ severity }) => severity !== 'warning')) };
}

async function testedEverywhere(backup: Backup) {
	const there = await testedIn(backup, onServer(connectionTo(server, 'postgres')));
	expect(await testedIn(backup, IN_MEMORY)).toEqual(there);
	return there;
}

describe('a test restore finds nothing wrong', () => {
	it('with partitions whose rows come in different ways', async () => {
		const database = await databaseWith(
			server,
			`CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')`,
			`CREATE TABLE log (year int, m mood, v int) PARTITION BY RANGE (year)`,
			`CREATE TABLE log_2024 PARTITION OF log FOR VALUES FROM (2024) TO (2025)`,
			`CREATE TABLE log_2025 PARTITION OF log FOR VALUES FROM (2025) TO (2026) PARTITION BY HASH (m)`,
			`CREATE TABLE log_2025_0 PARTITION OF log_2025 FOR VALUES WITH (MODULUS 2, REMAINDER 0)`,
			`CREATE TABLE log_2025_1 PARTITION OF log_2025 FOR VALUES WITH (MODULUS 2, REMAINDER 1)`,
			`CREATE TABLE log_rest PARTITION OF log DEFAULT`,
			`INSERT INTO log SELECT 2023 + n % 4, (enum_range(NULL::mood))[1 + n % 3], n FROM generate_series(1, 200) n`,
		);
		expect(await testedEverywhere(await backUp(server, database))).toMatchObject({ bad: [], counts: { rows: 200 } });
		const viaRoot = { selection: { extraArguments: '--load-via-partition-root' } };
		expect(await testedEverywhere(await backUp(server, database, viaRoot))).toMatchObject({ bad: [] });
	});

	it('with values that are written alike or compare alike', async () => {
		const database = await databaseWith(
			server,
			`CREATE TABLE odd (f float8, r real, n numeric, a float8[], j json, jb jsonb, x xml, ts timestamp, d date, t tsvector, rg int4range, c char(5), bt bit(3))`,
			`INSERT INTO odd VALUES ('NaN', 'NaN', 'NaN', '{NaN,-0,Infinity}', '{"a":1, "a":2}', '{"a": "\\u0041"}', '<a> x </a>', 'infinity', '-infinity', 'a:1A b', '[1,5)', 'ab', '101'),
				('-0', '-0', '0.00', '{}', 'null', 'null', '<a/>', '0044-03-15 BC', 'infinity', '', 'empty', '', '000'),
				('0', '0', '0.0', '{{1,2},{3,4}}', '1.0', '1.0', NULL, NULL, NULL, NULL, NULL, NULL, NULL),
				('-0', '-0', '0.00', '{}', 'null', 'null', '<a/>', '0044-03-15 BC', 'infinity', '', 'empty', '', '000')`,
			`CREATE TABLE composite (o odd, os odd[])`,
			`INSERT INTO composite SELECT odd, ARRAY[odd] FROM odd`,
			`CREATE DOMAIN short AS text CHECK (length(VALUE) < 10)`,
			`CREATE TABLE made (a int, b short, g int GENERATED ALWAYS AS (a + 1) STORED, v int GENERATED ALWAYS AS (a + 2) VIRTUAL)`,
			`INSERT INTO made VALUES (1, 'x'), (NULL, NULL)`,
			`CREATE TABLE dropped (a int, b int, c int)`,
			`INSERT INTO dropped VALUES (1, 2, 3)`,
			`ALTER TABLE dropped DROP COLUMN b`,
			`CREATE VIEW seen AS SELECT * FROM made`,
			`CREATE MATERIALIZED VIEW kept AS SELECT * FROM odd`,
			`CREATE MATERIALIZED VIEW waiting AS SELECT * FROM odd WITH NO DATA`,
			`CREATE UNLOGGED TABLE fleeting (v int)`,
			`INSERT INTO fleeting VALUES (1)`,
			`CREATE TABLE base (v int)`,
			`CREATE TABLE derived (w int) INHERITS (base)`,
			`INSERT INTO base VALUES (1)`,
			`INSERT INTO derived VALUES (1, 2), (1, 2)`,
			`CREATE RULE nothing AS ON INSERT TO base DO INSTEAD NOTHING`,
			`CREATE SEQUENCE down INCREMENT -1 MINVALUE -9223372036854775808 MAXVALUE -1 START -5`,
			`SELECT setval('down', -9223372036854775808)`,
			`CREATE SEQUENCE "odd 'name'" AS smallint CYCLE`,
			`SELECT nextval('"odd ''name''"')`,
		);
		expect(await testedEverywhere(await backUp(server, database))).toMatchObject({ bad: [] });
	});

	it('with the most columns that a table can have', async () => {
		const columns = Array.from({ length: 1600 }, (_, index) => `"column ${index} ${'x'.repeat(40)}" int`);
		const database = await databaseWith(
			server,
			`CREATE TABLE wide (${columns.join(', ')})`,
			`INSERT INTO wide ("column 0 ${'x'.repeat(40)}", "column 1599 ${'x'.repeat(40)}") SELECT n, -n FROM generate_series(1, 20) n`,
		);
		expect(await testedEverywhere(await backUp(server, database))).toEqual({
			bad: [],
			counts: { tables: 1, rows: 20 },
		});
	});
});
