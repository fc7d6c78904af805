import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { backUp, databaseWith } from '../engine/support';
import { IN_PROCESS, tested } from './support';

let server: PostgresServer;

beforeAll(async () => {
	server = await startPostgres({ version: 18 });
});

afterAll(async () => {
	await server.stop();
});

/** Values whose text depends on settings, and on how they are escaped. */
const VALUES = [
	`CREATE TABLE val (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, t text, at timestamptz, b bytea, f float8, r real,
		m money, i interval, n numeric, j jsonb, a text[], twice int GENERATED ALWAYS AS (id * 2) STORED)`,
	String.raw`INSERT INTO val (t, at, b, f, r, m, i, n, j, a) SELECT E'line\nfeed\ttab\\back\r\\.' || n, '2026-03-29 01:30:00+01'::timestamptz + n * interval '1 hour',
		decode('00ff0a5c', 'hex'), 0.1 + n / 3.0, n / 7.0, 12.34, '1 year 2 days 03:04:05', 1e-20 + n, '{"a": [1, null]}', ARRAY['x,y', NULL, '"'] FROM generate_series(1, 500) n`,
	`INSERT INTO val (t) VALUES (NULL), (NULL), (''), ('\\.'), ('\\N')`,
	`CREATE TABLE bare ()`,
	`INSERT INTO bare DEFAULT VALUES`,
	`INSERT INTO bare DEFAULT VALUES`,
	`CREATE TABLE nothing (id int)`,
	`CREATE TABLE "Odd ""name"" ; x" ("a b" int, "select" text)`,
	`INSERT INTO "Odd ""name"" ; x" VALUES (1, 'x'), (1, 'x')`,
	`CREATE TABLE parent (id int)`,
	`CREATE TABLE child (extra text) INHERITS (parent)`,
	`INSERT INTO parent VALUES (1)`,
	`INSERT INTO child VALUES (2, 'c')`,
	`CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')`,
	`CREATE TABLE part (m mood, v int) PARTITION BY HASH (m)`,
	`CREATE TABLE part0 (v int, m mood)`,
	`CREATE TABLE part1 PARTITION OF part FOR VALUES WITH (MODULUS 2, REMAINDER 1)`,
	`ALTER TABLE part ATTACH PARTITION part0 FOR VALUES WITH (MODULUS 2, REMAINDER 0)`,
	`INSERT INTO part SELECT (enum_range(NULL::mood))[1 + n % 3], n FROM generate_series(1, 90) n`,
	`CREATE SEQUENCE serial START 5`,
	`SELECT nextval('serial')`,
	`SELECT lo_from_bytea(4711, decode(repeat('00112233', 50000), 'hex'))`,
	`SELECT lo_create(4712)`,
	`CREATE TABLE wide (w text)`,
	`INSERT INTO wide SELECT repeat(md5(n::text), 60000) FROM generate_series(1, 3) n`,
];

describe('a test restore inside this process', () => {
	it('finds every row, sequence and large object again, whatever the source’s settings are', async () => {
		const database = await databaseWith(server, ...VALUES);
		for (const setting of [
			`timezone = 'Europe/Berlin'`,
			`bytea_output = 'escape'`,
			`extra_float_digits = 0`,
			`intervalstyle = 'iso_8601'`,
		])
			await server.query('postgres', `ALTER DATABASE "${database}" SET ${setting}`);
		const backup = await backUp(server, database);
		const { counts, findings, restoreDuration } = await tested(backup, IN_PROCESS);
		expect(findings).toEqual([]);
		expect(counts).toEqual({ tables: 8, rows: 505 + 2 + 2 + 2 + 90 + 3, sequences: 2, largeObjects: 2 });
		expect(restoreDuration).toBeGreaterThan(0);
	});
});
