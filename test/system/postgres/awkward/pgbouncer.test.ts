/**
 * PgBouncer before the server. In session mode a client has a session of its own. In transaction mode what a backup or a restore
 * sets for its session would fall on those of applications, which is why it is refused.
 */
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import {
	backUpDatabase,
	backUpGlobals,
	checkPostgres,
	type PostgresConnection,
	restoreDatabase,
} from '../../../../engine/postgres';
import { compareDatabases } from '../../../fidelity/compare';
import {
	backUp,
	connectionTo,
	databaseNames,
	databaseWith,
	newName,
	temporaryStorage,
} from '../../../integration/postgres/engine/support';
import { type PgBouncer, startPgBouncer } from '../../../services/pgbouncer';
import { type PostgresServer, startPostgres } from '../../../services/postgres';

let server: PostgresServer;
let database: string;
beforeAll(async () => {
	server = await startPostgres({ version: 15 });
	database = await databaseWith(
		server,
		'CREATE TABLE a AS SELECT n, md5(n::text) AS t FROM generate_series(1, 20000) n',
		'CREATE TABLE b (id int PRIMARY KEY, at timestamptz DEFAULT now())',
		'INSERT INTO b SELECT generate_series(1, 100)',
	);
});
afterAll(() => server.stop());

/** Through the pool, with a copy of the database to write to. */
async function through(mode: 'session' | 'transaction') {
	let bouncer: PgBouncer | undefined;
	const connection = async (name: string): Promise<PostgresConnection> => {
		bouncer ??= await startPgBouncer(server, mode);
		return { ...connectionTo(server, name), port: bouncer.port };
	};
	return { connection, stop: async () => await bouncer?.stop() };
}

describe('a pool in session mode', () => {
	it('carries a backup and restores, also over a live database', async () => {
		const pool = await through('session');
		try {
			const { storage } = temporaryStorage();
			const connection = await pool.connection(database);
			await backUpDatabase({ connection, storage, codec: { name: 'zstd' } });
			await backUpGlobals({ connection, storage, codec: { name: 'zstd' } });
			const backup = await backUp(server, database);
			const target = newName();
			const restored = async (type: 'newDatabase' | 'safeSwap') =>
				await restoreDatabase({
					connection: await pool.connection('postgres'),
					source: await backup.source(),
					target: { type, database: target, confirmation: target },
				});
			await restored('newDatabase');
			await restored('safeSwap');
			expect(await compareDatabases({ server, database }, { server, database: target })).toEqual([]);
		} finally {
			await pool.stop();
		}
	});
});

describe('a pool in transaction mode', () => {
	const refusal = {
		code: 'INVALID_INPUT',
		message: expect.stringContaining('a connection pool that shares its sessions'),
	};

	it('is refused before anything is stored or changed, and leaves the sessions of applications as they are', async () => {
		const pool = await through('transaction');
		const application = new Client({ ...(await pool.connection(database)) });
		await application.connect();
		try {
			const { storage, files } = temporaryStorage();
			const connection = await pool.connection(database);
			const settings = async () =>
				(
					await application.query(
						"SELECT current_setting('search_path') AS path, current_setting('row_security') AS rows",
					)
				).rows;
			const before = await settings();
			const options = { connection, storage, codec: { name: 'zstd' } } as const;
			await expect(backUpDatabase(options)).rejects.toMatchObject(refusal);
			await expect(backUpGlobals(options)).rejects.toMatchObject(refusal);
			expect(files()).toEqual([]);
			const backup = await backUp(server, database);
			const names = await databaseNames(server);
			const live = await databaseWith(server, 'CREATE TABLE a (n int, t text)');
			const targets = [
				{ type: 'newDatabase', database: newName() },
				{ type: 'safeSwap', database: live, confirmation: live },
				{ type: 'existing', database: live, confirmation: live, before: 'nothing' },
			] as const;
			for (const target of targets) {
				const source = await backup.source();
				await expect(
					restoreDatabase({ connection: await pool.connection('postgres'), source, target }),
				).rejects.toMatchObject(refusal);
			}
			expect(await databaseNames(server)).toEqual([...names, live].sort());
			expect(await settings()).toEqual(before);
		} finally {
			await application.end();
			await pool.stop();
		}
	});
});

it.each([
	['session', 'ok'],
	['transaction', 'problem'],
] as const)('a set-up through a pool in %s mode is checked: %s', async (mode, level) => {
	const pool = await through(mode);
	try {
		const { findings } = await checkPostgres({ connection: await pool.connection(database), databases: [database] });
		expect(findings.filter(({ check }) => check === 'Connection Pooler').map((one) => one.level)).toEqual([level]);
	} finally {
		await pool.stop();
	}
});
