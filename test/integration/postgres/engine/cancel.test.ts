import { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { backUpDatabase, restoreDatabase } from '../../../../engine/postgres';
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

let server: PostgresServer;
let database: string;
let backup: Backup;
const unhandled: unknown[] = [];
process.on('unhandledRejection', (reason) => unhandled.push(reason));

beforeAll(async () => {
	server = await startPostgres({ version: 18 });
	database = await databaseWith(
		server,
		`CREATE TABLE parents (id int PRIMARY KEY, filler text); CREATE TABLE children (id int PRIMARY KEY, parent int REFERENCES parents, filler text)`,
		`INSERT INTO parents SELECT n, repeat(md5(n::text), 10) FROM generate_series(1, 20000) n`,
		`INSERT INTO children SELECT n, n % 20000 + 1, repeat(md5(n::text), 5) FROM generate_series(1, 60000) n`,
		`CREATE INDEX ON children (filler); CREATE INDEX ON parents (filler)`,
		`DO $$ BEGIN FOR n IN 1..60 LOOP EXECUTE format('CREATE TABLE many_%s AS SELECT 1 AS x', n); END LOOP; END $$`,
		`SELECT lo_from_bytea(0, decode(repeat('00', 300000), 'hex')) FROM generate_series(1, 5)`,
	);
	backup = await backUp(server, database, { codec: { name: 'none' } });
});

afterAll(async () => {
	await server?.stop();
});

afterEach(() => {
	expect(unhandled.splice(0)).toEqual([]);
});

/** Worker threads and open sockets of this process. */
const resources = () =>
	process.getActiveResourcesInfo().filter((name) => /^(MessagePort|TCPSocketWrap|Worker)/.test(name)).length;

/** How a run ends that is cancelled so many milliseconds after its beginning. */
async function cancelAfter(
	delay: number,
	run: (signal: AbortSignal) => Promise<unknown>,
): Promise<'cancelled' | 'finished'> {
	const controller = new AbortController();
	const timer = setTimeout(() => controller.abort(), delay);
	const outcome = await run(controller.signal).then(
		() => undefined,
		(error: unknown) => ({ error }),
	);
	clearTimeout(timer);
	if (!outcome) return 'finished';
	expect(outcome.error).toMatchObject({ name: 'BackupError', code: 'CANCELLED' });
	// A server that is too busy drops it later than a cancelled run waits for, which the error says.
	const late = /The staging database "(.*)" could not be dropped: the server did not answer in time/;
	const [, staging] = late.exec((outcome.error as Error).message) ?? [];
	if (staging !== undefined) await until(async () => !(await databaseNames(server)).includes(staging));
	return 'cancelled';
}

/** Moments of a run, in milliseconds after its beginning: spread over the time that a whole one takes here and now. */
async function momentsOf(count: number, whole: () => Promise<unknown>): Promise<number[]> {
	const begun = performance.now();
	await whole();
	const duration = performance.now() - begun;
	return Array.from({ length: count }, (_, index) => (index * duration) / count);
}

describe('cancelling', () => {
	it('a backup at any moment ends it and leaves nothing', async () => {
		const before = resources();
		const { storage, files } = temporaryStorage();
		const connection = connectionTo(server, database);
		const run = (signal?: AbortSignal) =>
			backUpDatabase({
				connection,
				storage,
				codec: { name: 'gzip', level: 9 },
				parallel: 3,
				...(signal && { signal }),
			});
		for (const delay of await momentsOf(16, run)) {
			const kept = files();
			const end = await cancelAfter(delay, run);
			// The first is cancelled as it begins; of the others, those that were faster this time have finished.
			if (end === 'finished') expect(delay).toBeGreaterThan(0);
			else expect(files()).toEqual(kept);
		}
		await untilNoEngineSession(server);
		await until(() => resources() <= before);
	});

	it('a restore at any moment ends it and drops what was begun', async () => {
		const before = resources();
		const names = await databaseNames(server);
		const name = newName();
		const run = (signal?: AbortSignal) =>
			restore(server, backup, {
				parallel: 3,
				target: { type: 'newDatabase', database: name },
				...(signal && { signal }),
			});
		const moments = await momentsOf(16, run);
		await server.query('postgres', `DROP DATABASE ${name}`);
		for (const delay of moments) {
			const end = await cancelAfter(delay, run);
			if (end === 'finished') {
				expect(delay).toBeGreaterThan(0);
				await server.query('postgres', `DROP DATABASE ${name}`);
			}
			expect(await databaseNames(server)).toEqual(names);
		}
		await untilNoEngineSession(server);
		await until(() => resources() <= before);
	});

	it('a restore drops the staging database also where the request to create it is still on its way', async () => {
		const names = await databaseNames(server);
		const controller = new AbortController();
		let session = 0;
		/** Its session is stopped before it sees the request; then the restore is cancelled. */
		class OnItsWay extends Socket {
			override connect(...args: unknown[]): this {
				(super.connect as (...to: unknown[]) => this).apply(this, args);
				// Node puts its own `write` onto the socket here.
				Reflect.deleteProperty(this, 'write');
				return this;
			}

			override write(chunk: Uint8Array | string, ...rest: unknown[]): boolean {
				const pass = (...more: unknown[]) => (super.write as (...all: unknown[]) => boolean).call(this, chunk, ...more);
				if (!Buffer.from(chunk as string).includes('CREATE DATABASE')) return pass(...rest);
				const which = `SELECT pid FROM pg_stat_activity WHERE client_port = ${this.localPort}`;
				void server.query<{ pid: number }>('postgres', which).then(({ rows }) => {
					session = rows[0]?.pid ?? 0;
					process.kill(session, 'SIGSTOP');
					pass(() => controller.abort());
				});
				return true;
			}
		}
		let isFirst = true;
		const openStream = () => {
			const socket = new OnItsWay();
			// The session that was to be terminated at once is not, as on a machine that is too busy to let us in.
			if (controller.signal.aborted && isFirst) {
				isFirst = false;
				socket.connect = () => socket.destroy(new Error('too busy'));
			}
			return socket;
		};
		const connection = { ...connectionTo(server, 'postgres'), openStream };
		const target = { type: 'newDatabase', database: newName() } as const;
		const run = restore(server, backup, { connection, target, signal: controller.signal });
		const ended = failureOf(run, 'CANCELLED');
		// What is wrong ends at once; what is right waits for the session.
		await Promise.race([ended, until(() => controller.signal.aborted).then(() => pause(1000))]);
		process.kill(session, 'SIGCONT');
		await ended;
		await untilNoEngineSession(server);
		expect(await databaseNames(server)).toEqual(names);
	});

	it('a swap at any moment leaves the old database or the new one under the name', async () => {
		const shop = await databaseWith(server, 'CREATE TABLE t (old int)');
		const small = await backUp(server, await databaseWith(server, 'CREATE TABLE t (new int)'));
		const target = { type: 'replace', database: shop, confirmation: shop } as const;
		const moments = await momentsOf(12, () => restore(server, small, { target }));
		await server.query(shop, 'DROP TABLE t; CREATE TABLE t (old int)');
		for (const delay of moments) {
			const end = await cancelAfter(delay, (signal) => restore(server, small, { signal, target }));
			const { rows } = await server.query<{ attname: string }>(
				shop,
				`SELECT attname FROM pg_attribute WHERE attrelid = 't'::regclass AND attname IN ('old', 'new')`,
			);
			expect(rows).toHaveLength(1);
			expect((await databaseNames(server)).filter((name) => name.startsWith(`${shop}_`))).toEqual([]);
			if (end === 'finished') await server.query(shop, 'DROP TABLE t; CREATE TABLE t (old int)');
			else expect(rows).toEqual([{ attname: 'old' }]);
		}
	});

	describe('a restore into an existing database', () => {
		const cancelWhileBlocked = async (existing: string, lock: string, before: 'nothing' | 'truncate') => {
			const blocker = await anotherSession(server, existing);
			const target = { type: 'existing', database: existing, confirmation: existing, before } as const;
			await blocker.query(`BEGIN; ${lock}`);
			const controller = new AbortController();
			const selection = { tables: ['parents'], dataOnly: true };
			const run = restore(server, backup, { target, selection, signal: controller.signal });
			run.catch(() => {});
			await until(async () => {
				const waiting = `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'`;
				return (await server.query('postgres', waiting)).rowCount !== 0;
			});
			controller.abort();
			const failure = await failureOf(run, 'CANCELLED');
			await blocker.query('ROLLBACK');
			await untilNoEngineSession(server);
			return failure;
		};
		/** The last row waits for whoever has locked the gate. */
		const GATE = [
			'CREATE TABLE gate (id int PRIMARY KEY); INSERT INTO gate VALUES (1)',
			`CREATE FUNCTION pass(int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN IF $1 = 20000 THEN PERFORM FROM public.gate FOR UPDATE; END IF; RETURN true; END $$`,
			'CREATE TABLE parents (id int PRIMARY KEY CHECK (pass(id)), filler text)',
			`INSERT INTO parents VALUES (-1, 'there before')`,
		];

		it('has emptied nothing, whether it was waiting or loading', async () => {
			const existing = await databaseWith(server, ...GATE);
			for (const lock of ['LOCK TABLE parents', 'SELECT FROM gate FOR UPDATE']) {
				const { message } = await cancelWhileBlocked(existing, lock, 'truncate');
				expect(message).toBe('The run was cancelled; nothing was changed.');
				expect((await server.query(existing, 'SELECT id FROM parents')).rows).toEqual([{ id: -1 }]);
			}
		});

		it('says what it has added', async () => {
			const existing = await databaseWith(server, ...GATE);
			const { message, hint } = await cancelWhileBlocked(existing, 'SELECT FROM gate FOR UPDATE', 'nothing');
			expect(message).toContain(
				`The database "${existing}" holds part of the backup now: of 1 tables with rows, 0 are loaded`,
			);
			expect(hint).toContain('run the restore again');
		});
	});

	it('a backup that waits for a lock ends its sessions on the server', async () => {
		const blocker = await anotherSession(server, database);
		await blocker.query('BEGIN; LOCK TABLE children');
		const { storage, files } = temporaryStorage();
		const controller = new AbortController();
		const run = backUpDatabase({
			connection: connectionTo(server, database),
			storage,
			codec: { name: 'none' },
			signal: controller.signal,
		});
		run.catch(() => {});
		await until(async () => {
			const { rowCount } = await server.query(
				'postgres',
				`SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'`,
			);
			return rowCount === 1;
		});
		controller.abort();
		await failureOf(run, 'CANCELLED');
		await untilNoEngineSession(server);
		expect(files()).toEqual([]);
	});

	it.each(['backup', 'restore'] as const)('a %s of a server that hangs', async (what) => {
		const { storage, files } = temporaryStorage();
		const controller = new AbortController();
		const common = { signal: controller.signal, parallel: 2 };
		const run =
			what === 'backup'
				? backUpDatabase({ connection: connectionTo(server, database), storage, codec: { name: 'none' }, ...common })
				: restoreDatabase({
						connection: connectionTo(server, 'postgres'),
						source: await backup.source(),
						target: { type: 'newDatabase', database: newName() },
						...common,
					});
		run.catch(() => {});
		await until(async () => (await engineSessions(server)).length >= 2);
		const line = `SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1) AS pid`;
		const postmaster = Number((await server.query<{ pid: string }>('postgres', line)).rows[0]?.pid);
		const all = [postmaster, ...(await engineSessions(server))];
		const send = (signal: NodeJS.Signals) => {
			for (const pid of all) {
				try {
					process.kill(pid, signal);
				} catch {
					// It has ended meanwhile.
				}
			}
		};
		send('SIGSTOP');
		try {
			controller.abort();
			const failure = await failureOf(run, 'CANCELLED');
			if (what === 'restore')
				expect(failure.message).toMatch(/staging database "made_.*_restoring_.*could not be dropped/);
			expect(files()).toEqual([]);
		} finally {
			send('SIGCONT');
		}
		await untilNoEngineSession(server);
	});
});
