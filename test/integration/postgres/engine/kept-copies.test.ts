import { afterAll, beforeAll, expect, it } from 'vitest';

import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { backUp, type Backup, databaseNames, databaseWith, failureOf, restore } from './support';

let server: PostgresServer;
let stored: Backup;
let database: string;

beforeAll(async () => {
	server = await startPostgres({ version: 18 });
	database = await databaseWith(server, 'CREATE TABLE t AS SELECT 1 AS x');
	stored = await backUp(server, database);
});

afterAll(async () => {
	await server?.stop();
});

const swap = async (keptCopies?: number) =>
	await restore(server, stored, {
		target: { type: 'safeSwap', database, confirmation: database, ...(keptCopies !== undefined && { keptCopies }) },
	});

it('a safe swap is refused where earlier ones have kept as many copies as there may be', async () => {
	// Databases of others whose names only look alike do not count.
	for (const name of [`${database}_before_lunch`, `other_${database}_before_20260101_000000`]) {
		await server.query('postgres', `CREATE DATABASE ${name}`);
	}
	const first = (await swap(1)).previousDatabase!;
	const before = await databaseNames(server);
	const { details, message } = await failureOf(swap(1), 'TARGET_EXISTS');
	expect(message).toContain(`kept 1 copies of "${database}" (${first})`);
	expect(details).toEqual({ keptCopies: [first] });
	expect(await databaseNames(server)).toEqual(before);

	const second = (await swap(2)).previousDatabase!;
	expect((await failureOf(swap(2), 'TARGET_EXISTS')).details).toEqual({ keptCopies: [second, first] });
	expect((await swap()).previousDatabase).toBeDefined();
	await server.query('postgres', `DROP DATABASE ${first}`);
	await failureOf(swap(2), 'TARGET_EXISTS');
});

it.each([0, 1.5, Number.NaN])('a number of copies of %s is refused', async (keptCopies) => {
	const before = await databaseNames(server);
	await failureOf(swap(keptCopies), 'INVALID_INPUT');
	expect(await databaseNames(server)).toEqual(before);
});
