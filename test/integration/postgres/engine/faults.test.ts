import { Socket } from 'node:net';

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { BackupError } from '../../../../engine/errors';
import { backUpDatabase, restoreDatabase } from '../../../../engine/postgres';
import type { RestoreSource } from '../../../../engine/postgres';
import { FolderStorage, type Storage } from '../../../../engine/storage';
import { type PostgresServer, startPostgres } from '../../../services/postgres';
import {
	anotherSession,
	backUp,
	type Backup,
	connectionTo,
	databaseNames,
	databaseWith,
	engineSessions,
	failureOf,
	newName,
	restore,
	temporaryStorage,
	until,
	untilNoEngineSession,
} from './support';

/** Rows of each of three tables, 6.4 kB long: more bytes than a backup or restore has under way at any moment. */
const ROWS = 10_000;

let server: PostgresServer;
let database: string;
let backup: Backup;
const unhandled: unknown[] = [];
process.on('unhandledRejection', (reason) => unhandled.push(reason));

beforeAll(async () => {
	server = await startPostgres({ version: 18 });
	database = await databaseWith(
		server,
		...['a', 'b', 'c'].map(
			(table) =>
				`CREATE TABLE ${table} AS SELECT n AS id, repeat(md5(n::text), 200) AS filler FROM generate_series(1, ${ROWS}) n`,
		),
	);
	backup = await backUp(server, database);
});

afterAll(async () => {
	await server?.stop();
});

afterEach(() => {
	expect(unhandled.splice(0)).toEqual([]);
});

/** Something that waits until it is opened. */
class Gate {
	readonly reached: Promise<void>;
	#reach = () => {};
	#open = () => {};
	readonly #opened: Promise<void>;

	constructor() {
		this.reached = new Promise((resolve) => (this.#reach = resolve));
		this.#opened = new Promise((resolve) => (this.#open = resolve));
	}

	open(): void {
		this.#open();
	}

	async pass(): Promise<void> {
		this.#reach();
		await this.#opened;
	}
}

/** The folder, with something done to the stream once so many bytes of it have passed. */
function interposed(folder: FolderStorage, bytes: number, act: () => Promise<void>): Storage {
	const write: Storage['write'] = async (key, source, options) => {
		const changed = async function* () {
			let passed = 0;
			for await (const chunk of source) {
				if (passed <= bytes && passed + chunk.length > bytes) await act();
				passed += chunk.length;
				yield chunk;
			}
		};
		return await folder.write(key, changed(), options);
	};
	return new Proxy(folder, {
		get: (target, name) => {
			if (name === 'write') return write;
			const value: unknown = Reflect.get(target, name);
			return typeof value === 'function' ? (value as () => unknown).bind(target) : value;
		},
	});
}

async function terminate(pid: number): Promise<void> {
	await server.query('postgres', `SELECT pg_terminate_backend(${pid})`);
	await until(async () => !(await engineSessions(server)).includes(pid));
}

/** Starts the server again; after a crash it may take several tries. */
async function untilServing(): Promise<void> {
	await until(() =>
		server.start().then(
			() => true,
			() => false,
		),
	);
}

describe('a backup whose', () => {
	const start = (storage: Storage, parallel = 3) =>
		backUpDatabase({ connection: connectionTo(server, database), storage, codec: { name: 'none' }, parallel });

	it.each([0, 1, 2])('session %i ends while rows are read fails clearly and leaves nothing', async (index) => {
		const { storage, files } = temporaryStorage();
		const gate = new Gate();
		const run = start(interposed(storage, 100_000, () => gate.pass()));
		run.catch(() => {});
		await gate.reached;
		await terminate((await engineSessions(server)).sort((a, b) => a - b)[index] as number);
		gate.open();
		const failure = await failureOf(run, /SOURCE_/);
		expect(failure.message).toMatch(/terminating connection|closed the connection/);
		expect(failure.hint).toBeTruthy();
		expect(files()).toEqual([]);
		await untilNoEngineSession(server);
	});

	it.each([0, 1, 2])('session %i ends while pg_dump is at work fails clearly and leaves nothing', async (index) => {
		const { storage, files } = temporaryStorage();
		const blocker = await anotherSession(server, database);
		await blocker.query('BEGIN; LOCK TABLE a');
		const run = start(storage);
		run.catch(() => {});
		await until(
			async () =>
				(await server.query('postgres', `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'`)).rowCount === 1,
		);
		await terminate((await engineSessions(server)).sort((a, b) => a - b)[index] as number);
		await blocker.query('COMMIT');
		const failure = await failureOf(run, /SOURCE_/);
		expect(failure.hint).toBeTruthy();
		expect(files()).toEqual([]);
		await untilNoEngineSession(server);
	});

	it.each([0, 1_000_000, 100_000_000])(
		'storage is full after %i bytes fails with its error and leaves nothing',
		async (bytes) => {
			const { storage, files } = temporaryStorage();
			const full = new BackupError('STORAGE_FULL', 'The folder is full.', { hint: 'Free some space.' });
			const failure = await failureOf(start(interposed(storage, bytes, () => Promise.reject(full))), 'STORAGE_FULL');
			expect(failure.message).toBe('The folder is full.');
			expect(files()).toEqual([]);
			await untilNoEngineSession(server);
		},
	);

	it.each([0, 1, 2])('connection %i breaks off while rows are read fails clearly and leaves nothing', async (index) => {
		const { storage, files } = temporaryStorage();
		const sockets: Socket[] = [];
		const openStream = () => {
			const socket = new Socket();
			sockets.push(socket);
			return socket;
		};
		const gate = new Gate();
		const run = backUpDatabase({
			connection: { ...connectionTo(server, database), openStream },
			storage: interposed(storage, 100_000, () => gate.pass()),
			codec: { name: 'none' },
			parallel: 3,
		});
		run.catch(() => {});
		await gate.reached;
		sockets[index]?.resetAndDestroy();
		gate.open();
		const failure = await failureOf(run, 'SOURCE_UNREACHABLE');
		expect(failure.message).toMatch(/Could not (?:read table public\.|back up database)/);
		expect(failure.hint).toContain('The connection broke');
		expect(files()).toEqual([]);
		await untilNoEngineSession(server);
	});

	it.each(['SIGKILL', 'SIGINT'] as const)('server ends by %s fails clearly and leaves nothing', async (signal) => {
		const { storage, files } = temporaryStorage();
		const gate = new Gate();
		const run = start(interposed(storage, 100_000, () => gate.pass()));
		run.catch(() => {});
		await gate.reached;
		await server.kill(signal);
		gate.open();
		const failure = await failureOf(run, /SOURCE_/);
		expect(failure.hint).toBeTruthy();
		expect(files()).toEqual([]);
		await untilServing();
	});
});

describe('a restore whose', () => {
	/** The source, with a stop before its nth rows. */
	function pausing(source: RestoreSource, gate: Gate, rowsBefore: number): RestoreSource {
		return {
			inspect: (inspection) => source.inspect(inspection),
			async *steps(selection, signal) {
				let rows = 0;
				for await (const step of source.steps(selection, signal)) {
					if (step.type === 'copy' && rows++ === rowsBefore) await gate.pass();
					yield step;
				}
			},
		};
	}

	/** Ends one of the restore's sessions, in the order of their logins, while rows are loaded. */
	async function restoreLosing(index: number, database: string) {
		const gate = new Gate();
		const run = restoreDatabase({
			connection: connectionTo(server, 'postgres'),
			source: pausing(await backup.source(), gate, 3),
			target: { type: 'newDatabase', database },
			parallel: 3,
			collectErrors: index === 2,
		});
		run.catch(() => {});
		await gate.reached;
		await terminate((await engineSessions(server)).sort((a, b) => a - b)[index] as number);
		gate.open();
		return run;
	}

	it.each([1, 2, 3])('session %i ends fails clearly and drops what was begun', async (index) => {
		const names = await databaseNames(server);
		const failure = await failureOf(restoreLosing(index, newName()), /TARGET_/);
		expect(failure.message).toMatch(
			/terminating connection|closed the connection|terminated unexpectedly|not queryable/,
		);
		expect(failure.hint).toBeTruthy();
		expect(await databaseNames(server)).toEqual(names);
		await untilNoEngineSession(server);
	});

	it('session for creating and renaming databases ends makes another one', async () => {
		const database = newName();
		expect((await restoreLosing(0, database)).rows).toBe(3 * ROWS);
		expect(await databaseNames(server)).toContain(database);
		await untilNoEngineSession(server);
	});

	it('server crashes fails clearly and names the database that it could not drop', async () => {
		const gate = new Gate();
		const database = newName();
		const run = restoreDatabase({
			connection: connectionTo(server, 'postgres'),
			source: pausing(await backup.source(), gate, 3),
			target: { type: 'newDatabase', database },
		});
		run.catch(() => {});
		await gate.reached;
		await server.kill('SIGKILL');
		gate.open();
		const failure = await failureOf(run, /TARGET_/);
		expect(failure.message).toMatch(new RegExp(`staging database "${database}_restoring_.*could not be dropped`));
		await untilServing();
		expect(await databaseNames(server)).not.toContain(database);
	});
});

describe('a restore by a user', () => {
	it('whose temporary files are limited says which limit it is', async () => {
		await server.query(
			'postgres',
			`CREATE ROLE narrow LOGIN CREATEDB PASSWORD 'p'; ALTER ROLE narrow SET temp_file_limit = 64`,
		);
		await server.query('postgres', `ALTER ROLE narrow SET maintenance_work_mem = '1MB'`);
		const sorted = await databaseWith(
			server,
			'CREATE TABLE t (v text)',
			'INSERT INTO t SELECT md5(n::text) FROM generate_series(1, 50000) n',
			'CREATE INDEX ON t (v)',
		);
		const connection = { ...connectionTo(server, 'postgres'), user: 'narrow', password: 'p' };
		const failure = await failureOf(
			restore(server, await backUp(server, sorted), { connection, owner: { type: 'none' }, privileges: false }),
			'TARGET_FAILED',
		);
		expect(failure.message).toContain('temp_file_limit');
		expect(failure.hint).toMatch(/raise temp_file_limit/);
	});
});
