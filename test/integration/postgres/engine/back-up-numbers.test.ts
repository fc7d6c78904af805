import { afterAll, beforeAll, expect, it } from 'vitest';

import { backUpDatabase, backUpGlobals } from '../../../../engine/postgres';
import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { intercepted } from '../../retention/proxy';
import {
	backUp,
	connectionTo,
	databaseNames,
	databaseWith,
	failureOf,
	newName,
	restore,
	scalar,
	temporaryStorage,
} from './support';

let server: PostgresServer;
let database: string;

beforeAll(async () => {
	server = await startPostgres({ version: 18 });
	database = await databaseWith(
		server,
		'CREATE TABLE t (id int); INSERT INTO t VALUES (1), (2)',
		`SELECT lo_from_bytea(7, 'x')`,
	);
});

afterAll(async () => {
	await server?.stop();
});

/** What callers without types, and expressions, give as a number. */
const NO_NUMBERS: unknown[] = [0, -1, -2, 33, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '', '2', null];

it.each(NO_NUMBERS)('a backup over %j connections is refused, and leaves nothing', async (parallel) => {
	const { storage, files } = temporaryStorage();
	const connection = connectionTo(server, database);
	const options = { connection, storage, codec: { name: 'zstd' as const }, parallel: parallel as number };
	const failure = await failureOf(backUpDatabase(options), 'INVALID_INPUT');
	expect(failure.message).toContain('Parallel Connections is');
	expect(files()).toEqual([]);
});

it('a restore over no number of connections is refused, and changes nothing', async () => {
	const backup = await backUp(server, database);
	const before = await databaseNames(server);
	for (const parallel of NO_NUMBERS) {
		const target = { type: 'newDatabase' as const, database: newName() };
		const failure = await failureOf(restore(server, backup, { target, parallel: parallel as number }), 'INVALID_INPUT');
		expect(failure.message).toContain('Parallel Connections is');
	}
	expect(await databaseNames(server)).toEqual(before);
});

it.each([-1, 0.5, Number.NaN, '', 'soon', null, 3e9])('a lock timeout of %j is refused', async (lockTimeout) => {
	const selection = { lockTimeout: lockTimeout as number };
	const failure = await failureOf(backUp(server, database, { selection }), 'INVALID_INPUT');
	expect(failure.message).toContain('Lock Timeout');
});

it.each([0, -1, 0.5, Number.NaN, '', '30', 3e9])('a connection timeout of %j is refused', async (connectTimeout) => {
	const connection = { ...connectionTo(server, database), connectTimeout: connectTimeout as number };
	const { storage } = temporaryStorage();
	const codec = { name: 'zstd' as const };
	for (const run of [backUpDatabase({ connection, storage, codec }), backUpGlobals({ connection, storage, codec })]) {
		expect((await failureOf(run, 'INVALID_INPUT')).message).toContain('Connection Timeout');
	}
});

it.each([0, 65_536, Number.NaN, '5432'])('a port of %j is refused', async (port) => {
	const connection = { ...connectionTo(server, database), port: port as number };
	const { storage } = temporaryStorage();
	const failure = await failureOf(backUpDatabase({ connection, storage, codec: { name: 'zstd' } }), 'INVALID_INPUT');
	expect(failure.message).toContain('Port');
});

/** Backs the database up and says how large the storage was told that it may become. */
async function toldSize(codec: 'zstd' | 'none', login: object = {}): Promise<number | undefined> {
	const { storage } = temporaryStorage();
	let told: number | undefined;
	const watched = intercepted(storage, {
		write: (key, source, options) => {
			told = options?.estimatedSize;
			return storage.write(key, source, options);
		},
	});
	const connection = { ...connectionTo(server, database), ...login };
	await backUpDatabase({ connection, storage: watched, codec: { name: codec } });
	return told;
}

it('a backup tells the storage how large it may become, by the size of the database', async () => {
	const bytes = Number(await scalar(server, database, 'SELECT pg_database_size(current_database())'));
	expect(await toldSize('zstd')).toBeGreaterThanOrEqual(bytes * 1.2);
	expect(await toldSize('none')).toBeGreaterThanOrEqual(bytes * 2.9);
});

it('a backup by a user who may not ask for the size of the database is made all the same', async () => {
	await server.query('postgres', "CREATE ROLE curious LOGIN PASSWORD 'p'");
	const other = await databaseWith(
		server,
		'CREATE TABLE t (id int)',
		'GRANT SELECT ON t TO curious',
		'REVOKE EXECUTE ON FUNCTION pg_catalog.pg_database_size(name) FROM PUBLIC',
	);
	expect(await toldSize('zstd', { database: other, user: 'curious', password: 'p' })).toBeUndefined();
});
