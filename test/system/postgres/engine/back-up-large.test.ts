import { Client } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { backUp, databaseWith, restore, scalar, until } from '../../../integration/postgres/engine/support';
import { type PostgresServer, startPostgres } from '../../../services/postgres';

let server: PostgresServer;

beforeAll(async () => {
	server = await startPostgres({ version: 15, onDisk: true });
});

afterAll(async () => {
	await server?.stop();
});

/** Wide rows in pages filled to a tenth: a heap of more than 128 MiB, so that it is read in ranges, of few bytes. */
const ACCOUNTS = 20_000;

it('a backup while others write holds one moment of all tables and ranges', async () => {
	const database = await databaseWith(
		server,
		`CREATE TABLE accounts (id int PRIMARY KEY, balance int NOT NULL, filler text NOT NULL) WITH (fillfactor = 10);
		ALTER TABLE accounts ALTER filler SET STORAGE PLAIN; CREATE TABLE transfers (id serial, amount int)`,
		`INSERT INTO accounts SELECT n, 100, repeat('x', 700) FROM generate_series(1, ${ACCOUNTS}) n`,
	);
	let writing = true;
	let written = 0;
	const writers = Array.from({ length: 3 }, async (_, writer) => {
		const client = new Client(server.clientConfig(database));
		await client.connect();
		for (let step = 0; writing; step++) {
			const from = ((step * 7919 + writer * 6661) % ACCOUNTS) + 1;
			const to = ACCOUNTS + 1 - from;
			await client
				.query(
					`BEGIN; UPDATE accounts SET balance = balance - 1 WHERE id = ${from}; UPDATE accounts SET balance = balance + 2 WHERE id = ${to};
				INSERT INTO transfers (amount) VALUES (1); COMMIT`,
				)
				.then(() => void written++)
				.catch(async (error: { code?: string }) => {
					if (error.code !== '40P01') throw error;
					await client.query('ROLLBACK');
				});
		}
		await client.end();
	});
	await until(() => written > 50);
	const backups = [];
	for (const parallel of [1, 4])
		backups.push(await backUp(server, database, { parallel, serializableDeferrable: parallel === 1 }));
	await until(() => written > 100);
	writing = false;
	await Promise.all(writers);
	for (const backup of backups) {
		const parts = backup.manifest.parts.filter(
			({ table }) => backup.manifest.tables?.[table ?? -1]?.name === 'accounts',
		);
		expect(parts.length).toBeGreaterThan(1);
		const { database: restored } = await restore(server, backup);
		expect(await scalar(server, restored, 'SELECT count(*) FROM accounts')).toBe(String(ACCOUNTS));
		const surplus = `SELECT sum(balance) - ${ACCOUNTS * 100} - (SELECT count(*) FROM transfers) FROM accounts`;
		expect(await scalar(server, restored, surplus)).toBe('0');
		expect(Number(await scalar(server, restored, 'SELECT count(*) FROM transfers'))).toBeGreaterThan(49);
	}
});

it('values longer than a frame pass in bounded memory', async () => {
	const MEGABYTES = 200;
	const database = await databaseWith(
		server,
		`CREATE TABLE t (id int, v text); INSERT INTO t VALUES (1, 'before'), (2, repeat('0123456789abcdef', ${MEGABYTES * 65536})), (3, 'after')`,
	);
	let peak = 0;
	const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage().arrayBuffers)), 20);
	const before = process.memoryUsage().arrayBuffers;
	const backup = await backUp(server, database);
	clearInterval(watch);
	expect(peak - before).toBeLessThan(MEGABYTES * 1024 * 1024);
	const { database: restored } = await restore(server, backup);
	const digest = `SELECT string_agg(id || ' ' || length(v) || ' ' || md5(v), ',' ORDER BY id) FROM t`;
	expect(await scalar(server, restored, digest)).toBe(await scalar(server, database, digest));
});
