import { chownSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { backUpCluster, backUpDatabase, type PostgresConnection } from '../../../engine/postgres';
import { archiveWal } from '../../../engine/postgres/physical/wal';
import type { Storage } from '../../../engine/storage';
import { runNative } from '../../fidelity/native';
import {
	connectionTo,
	databaseWith,
	failureOf,
	temporaryStorage,
	until,
} from '../../integration/postgres/engine/support';
import { recoverInto, startRecovered } from '../../integration/postgres/physical/recover/recovered-server';
import { removeFolder, temporaryFolder } from '../../services/guard';
import { type PostgresServer, startPostgres } from '../../services/postgres';
import { postgresProgram, serverAccount } from '../../services/postgres-binaries';
import { freePort, type ServerProcess, startProcess } from '../../services/process';

let primary: PostgresServer;
let standby: ServerProcess;
let database: string;
let connection: PostgresConnection;

/** A copy of the primary that replays what it is sent, and lets nothing wait for those who read. */
async function startStandby(port: number): Promise<ServerProcess> {
	const folder = temporaryFolder('standby');
	const dataDir = join(folder, 'data');
	await runNative(primary, 'pg_basebackup', ['-D', dataDir, '-X', 'stream', '-c', 'fast', '-R']);
	const account = serverAccount();
	if (account) {
		const all = readdirSync(dataDir, { recursive: true }) as string[];
		for (const path of [folder, dataDir, ...all.map((name) => join(dataDir, name))])
			chownSync(path, account.uid, account.gid);
	}
	rmSync(join(dataDir, 'postmaster.pid'), { force: true });
	return await startProcess({
		name: 'standby',
		command: postgresProgram(15, 'postgres'),
		args: ['-D', dataDir, '-p', String(port), '-c', 'max_standby_streaming_delay=0', '-c', 'hot_standby_feedback=off'],
		env: { LC_ALL: 'C', TZ: 'UTC' },
		cwd: folder,
		...account,
		ready: (output) => output.includes('ready to accept read-only connections'),
		readyWithinMs: 60_000,
		stopSignal: 'SIGQUIT',
	});
}

beforeAll(async () => {
	primary = await startPostgres({
		version: 15,
		config: { wal_level: 'replica', max_wal_senders: '4', full_page_writes: 'on' },
	});
	database = await databaseWith(
		primary,
		'CREATE TABLE t (id int, v text)',
		// More than a backup keeps on its way, so that the server waits while the storage does.
		`INSERT INTO t SELECT n, repeat(md5(n::text), 40) FROM generate_series(1, 60000) n`,
	);
	const port = await freePort();
	standby = await startStandby(port);
	connection = { ...connectionTo(primary, database), port };
});

afterAll(async () => {
	await standby?.stop();
	await primary?.stop();
});

const SOME = 100_000;

/** A storage that takes no more than so many bytes until something has been done. */
function afterwards(folder: Storage, act: () => Promise<void>): Storage {
	const write: Storage['write'] = async (key, source, options) => {
		const late = async function* () {
			let passed = 0;
			for await (const chunk of source) {
				if (passed <= SOME && passed + chunk.length > SOME) await act();
				passed += chunk.length;
				yield chunk;
			}
		};
		return await folder.write(key, late(), options);
	};
	return new Proxy(folder, {
		get: (target, name) => {
			if (name === 'write') return write;
			const value: unknown = Reflect.get(target, name);
			return typeof value === 'function' ? (value as () => unknown).bind(target) : value;
		},
	});
}

describe('a backup of a standby', () => {
	it('is made, and with a serializable snapshot it says why not', async () => {
		const { storage } = temporaryStorage();
		const options = { connection, storage, codec: { name: 'none' as const } };
		expect((await backUpDatabase(options)).counts).toMatchObject({ tables: 1, rows: 60_000 });
		const failure = await failureOf(backUpDatabase({ ...options, serializableDeferrable: true }), 'SOURCE_FAILED');
		expect(failure.message).toContain('serializable');
		expect(failure.hint).toMatch(/switch Serializable Snapshot off, or back up the primary/);
	});

	it('is made of all of it physically, with its WAL, and recovers to what it had', async () => {
		const { storage } = temporaryStorage();
		const parent = temporaryFolder('of-standby');
		onTestFinished(() => removeFolder(parent));
		const physical = { storage, codec: { name: 'zstd' as const }, connection, slot: 'n8n_pitr' };
		await backUpCluster(physical);
		await primary.query(database, 'CREATE TABLE later AS SELECT 1 AS id; SELECT pg_switch_wal()');
		const look = new Client({ ...connection });
		await look.connect();
		const arrived = `SELECT FROM pg_class WHERE relname = 'later'`;
		await until(async () => (await look.query(arrived)).rowCount === 1).finally(() => look.end());
		expect((await archiveWal(physical)).gaps).toEqual([]);
		const at = await recoverInto(parent, 'data', { storage, target: { type: 'end' }, action: 'promote' });
		const recovered = await startRecovered(primary, at, 'promoted');
		onTestFinished(() => recovered.stop());
		const found = await recovered.query(`SELECT datname FROM pg_database WHERE datname = '${database}'`);
		expect(found).toHaveLength(1);
	});

	it('that is ended by what the standby replays says what to set', async () => {
		const { storage, files } = temporaryStorage();
		const look = new Client({ ...connection });
		look.on('error', () => {});
		await look.connect();
		const dropped = async () => {
			await primary.query(database, 'DROP TABLE t');
			const { rows } = await primary.query<{ lsn: string }>(
				database,
				'SELECT pg_current_wal_insert_lsn()::text AS lsn',
			);
			// What the standby has, it replays: at once, for it waits for nobody, and most of the table has yet to be read.
			const hasIt = `SELECT WHERE pg_last_wal_receive_lsn() >= '${rows[0]!.lsn}'`;
			await until(async () => (await look.query(hasIt)).rowCount === 1);
		};
		const run = backUpDatabase({
			connection,
			storage: afterwards(storage, dropped),
			codec: { name: 'none' },
			parallel: 1,
		});
		const failure = await failureOf(run, 'SOURCE_FAILED').finally(() => look.end());
		expect(failure.message).toMatch(/conflict with recovery/);
		expect(failure.hint).toMatch(/standby.*hot_standby_feedback.*max_standby_streaming_delay/);
		expect(files()).toEqual([]);
	});
});
