import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, chownSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import type { PostgresConnection } from '../../../../engine/postgres';
import { formatLsn, parseLsn, segmentName } from '../../../../engine/postgres/physical/lsn';
import { createPhysicalSlot, withWalSender } from '../../../../engine/postgres/physical/protocol';
import { archiveWal, followWal, type FollowEvents } from '../../../../engine/postgres/physical/wal';
import { FolderStorage } from '../../../../engine/storage';
import { runNative } from '../../../fidelity/native';
import { connectionTo, until } from '../../../integration/postgres/engine/support';
import { coverageIn, eventsIn, storedSegments } from '../../../integration/postgres/physical/stored-wal';
import { noise } from '../../../random/bytes';
import { temporaryFolder } from '../../../services/guard';
import { startPostgres, type PostgresServer } from '../../../services/postgres';
import { postgresProgram, serverAccount } from '../../../services/postgres-binaries';
import { freePort, startProcess, type ServerProcess } from '../../../services/process';

const SLOT = 'n8n_wal';
let primary: PostgresServer;
let connection: PostgresConnection;

beforeAll(async () => {
	primary = await startPostgres({
		version: 15,
		config: { synchronous_commit: 'on', full_page_writes: 'on', wal_sender_timeout: '5s', max_wal_size: '256MB' },
	});
	connection = connectionTo(primary, 'postgres');
	await primary.query('postgres', 'CREATE TABLE rows (id bigint PRIMARY KEY, at timestamptz, filler text)');
});
afterAll(() => primary?.stop());

/** A row a transaction, numbered, until it is told to end; where the log stood behind each of them. */
function startWriter(to: () => PostgresConnection) {
	const rows: { id: number; lsn: bigint }[] = [];
	let isOver = false;
	const ended = (async () => {
		const { host, port, user, password, database } = to();
		const client = new Client({ host, port, user, password, database });
		client.on('error', () => {});
		await client.connect();
		const { rows: last } = await client.query('SELECT coalesce(max(id), 0)::int AS id FROM rows');
		for (let id = (last[0].id as number) + 1; !isOver; id++) {
			const filler = 'x'.repeat((id * 7919) % 6000);
			await client.query('INSERT INTO rows VALUES ($1, clock_timestamp(), $2)', [id, filler]);
			const { rows: now } = await client.query('SELECT pg_current_wal_flush_lsn()::text AS lsn');
			rows.push({ id, lsn: parseLsn(now[0].lsn) });
		}
		await client.end();
	})();
	ended.catch(() => {});
	return {
		rows,
		async stop() {
			isOver = true;
			await ended.catch(() => {});
		},
	};
}

function storageFor(purpose: string): FolderStorage {
	return new FolderStorage({ root: temporaryFolder(purpose) });
}

function own(...paths: string[]): void {
	const account = serverAccount();
	if (account) for (const path of paths) chownSync(path, account.uid, account.gid);
}

function ownAll(folder: string): void {
	const all = readdirSync(folder, { recursive: true }) as string[];
	own(folder, ...all.map((name) => join(folder, name)));
}

async function startOn(dataDir: string, port: number, settings: string[] = []): Promise<ServerProcess> {
	return await startProcess({
		name: 'PostgreSQL of a test',
		command: postgresProgram(15, 'postgres'),
		args: ['-D', dataDir, '-p', String(port), ...settings.flatMap((one) => ['-c', one])],
		env: { LC_ALL: 'C', TZ: 'UTC' },
		cwd: dataDir,
		...serverAccount(),
		ready: (output) => /ready to accept (read-only )?connections/.test(output),
		readyWithinMs: 60_000,
		stopSignal: 'SIGQUIT',
	});
}

/** A base backup by the native program, in a folder that a server can be started on. */
async function baseBackup(extra: string[]): Promise<string> {
	const folder = temporaryFolder('base');
	const dataDir = join(folder, 'data');
	await runNative(primary, 'pg_basebackup', ['-D', dataDir, '-c', 'fast', ...extra]);
	rmSync(join(dataDir, 'postmaster.pid'), { force: true });
	return dataDir;
}

/** Recovers a base backup by hand with what the storage holds of WAL, and answers the numbers of all rows. */
async function recovered(dataDir: string, storage: FolderStorage): Promise<number[]> {
	const wal = join(dataDir, 'wal_restore');
	mkdirSync(wal);
	for (const [name, content] of await storedSegments(storage)) {
		const whole = Buffer.alloc(16 * 1024 * 1024);
		content.copy(whole);
		writeFileSync(join(wal, name), whole);
	}
	appendFileSync(
		join(dataDir, 'postgresql.auto.conf'),
		`restore_command = 'cp "wal_restore/%f" "%p"'\nrecovery_target_action = 'promote'\n`,
	);
	writeFileSync(join(dataDir, 'recovery.signal'), '');
	ownAll(join(dataDir, '..'));
	const port = await freePort();
	const server = await startOn(dataDir, port);
	onTestFinished(() => server.stop());
	const client = new Client({ ...primary.clientConfig(), port });
	await client.connect();
	await until(async () => !(await client.query('SELECT pg_is_in_recovery() AS is')).rows[0].is);
	const { rows } = await client.query('SELECT id::int FROM rows ORDER BY id');
	await client.end();
	return rows.map(({ id }) => id as number);
}

const confirmed = async (slot: string) => {
	const sql = `SELECT restart_lsn::text AS lsn FROM pg_replication_slots WHERE slot_name = '${slot}'`;
	return parseLsn((await primary.query('postgres', sql)).rows[0]!['lsn'] as string);
};

const noEvents: FollowEvents = { onStored: () => {}, onGap: () => {}, onTrouble: () => {}, notice: () => {} };

describe('the stored WAL of PostgreSQL 15', () => {
	it('is to the byte what the server has, and reads as pg_waldump reads it', async () => {
		const storage = storageFor('wal');
		const archive = () => archiveWal({ storage, codec: { name: 'gzip' }, connection, slot: 'n8n_judged' });
		await archive();
		await runNative(primary, 'pgbench', ['-i', '-q', '-s', '2', 'postgres']);
		await runNative(primary, 'pgbench', ['-c', '2', '-t', '500', '-n', 'postgres']);
		await primary.query('postgres', `SELECT pg_create_restore_point('judged'); SELECT pg_switch_wal()`);
		await primary.query('postgres', `INSERT INTO pgbench_history (tid) VALUES (1)`);
		const { storedLsn } = await archive();
		const segments = await storedSegments(storage);
		const first = [...segments.keys()][0]!;
		const folder = temporaryFolder('judged');
		for (const [name, content] of segments) {
			const whole = Buffer.alloc(16 * 1024 * 1024);
			content.copy(whole);
			writeFileSync(join(folder, name), whole);
		}
		const args = ['-p', folder, first, [...segments.keys()].at(-1)!, '-r', 'Transaction', '-e', formatLsn(storedLsn)];
		const { stdout, stderr } = spawnSync(primary.bin('pg_waldump'), args, { encoding: 'utf8', maxBuffer: 2 ** 28 });
		// It looks for the record behind the last one, and says that there is none.
		expect(stderr).not.toMatch(/checksum|prev-link|magic|could not/);
		const judged = stdout.split('\n').filter((line) => /desc: (COMMIT|ABORT) /.test(line));
		const own = eventsIn(segments).filter(({ type }) => type !== 'restorePoint');
		const lsnOf = (line: string) => parseLsn(/lsn: (\S+),/.exec(line)![1]!.replace(/\/0*(?=.)/, '/'));
		expect(own.map(({ startLsn }) => startLsn)).toEqual(judged.map(lsnOf));
		expect(own.length).toBeGreaterThan(1000);
	});

	it('brings back every row that was confirmed, at whatever moment the follower is killed', async () => {
		const storage = storageFor('killed');
		await withWalSender(connection, {}, (sender) => createPhysicalSlot(sender, SLOT));
		const dataDir = await baseBackup(['-X', 'none']);
		const writer = startWriter(() => connection);
		const moments = [...noise('postgres/physical/kills')(6)].map((byte) => 2 * byte);
		const script = join(__dirname, '../../../integration/postgres/physical/follow-until-killed.ts');
		const start = (): ChildProcess => {
			const args = [...process.execArgv, script, storage.root, JSON.stringify(connection), SLOT];
			const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
			onTestFinished(() => void child.kill('SIGKILL'));
			return child;
		};
		let isGap = false;
		for (const [round, moment] of moments.entries()) {
			const child = start();
			let problems = '';
			child.stderr!.on('data', (chunk: Buffer) => (problems += chunk.toString()));
			const exited = once(child, 'exit');
			await Promise.race([
				once(child.stdout!, 'data').then(([chunk]) => (isGap ||= String(chunk).includes('gap'))),
				exited.then(() => expect.fail(`The follower ended by itself: ${problems}`)),
			]);
			// What was written before the base backup may take all rounds, where each stores little before it is killed.
			if (round === moments.length - 1)
				await until(async () => writer.rows.length > 0 && (await confirmed(SLOT)) >= writer.rows[0]!.lsn);
			await sleep(moment);
			child.kill('SIGKILL');
			await exited;
			// The server notices that it is gone when it writes to it, and the slot is free then.
			await until(async () => {
				const sql = `SELECT active FROM pg_replication_slots WHERE slot_name = '${SLOT}'`;
				return !(await primary.query('postgres', sql)).rows[0]!['active'];
			});
		}
		await writer.stop();
		const upTo = await confirmed(SLOT);
		const kept = writer.rows.filter(({ lsn }) => lsn <= upTo).map(({ id }) => id);
		const ids = await recovered(dataDir, storage);
		expect(isGap).toBe(false);
		expect(kept.length).toBeGreaterThan(0);
		expect(ids.length).toBeGreaterThanOrEqual(kept.length);
		expect(ids).toEqual(Array.from(ids, (_, index) => index + 1));
		const { windows, gaps, intervals } = await coverageIn(storage, await systemIdentifier());
		expect([windows, gaps]).toEqual([[], []]);
		expect(intervals.get(1)).toHaveLength(1);
		expect(intervals.get(1)![0]!.endLsn).toBeGreaterThanOrEqual(upTo);
	});

	it('goes on behind a failover to the standby that the same connection then leads to', async () => {
		const storage = storageFor('failover');
		const dataDir = await baseBackup(['-X', 'stream', '-R']);
		ownAll(join(dataDir, '..'));
		const standbyPort = await freePort();
		const standby = await startOn(dataDir, standbyPort, ['wal_keep_size=1GB', 'max_replication_slots=5']);
		onTestFinished(() => standby.stop());
		let { port } = primary;
		// One address that leads to another server after a while.
		class MovingSocket extends Socket {
			override connect(): this {
				return super.connect(port, '127.0.0.1');
			}
		}
		const moving: PostgresConnection = { ...connection, openStream: () => new MovingSocket() };
		const stop = new AbortController();
		const stored: string[] = [];
		const notices: string[] = [];
		const gaps: unknown[] = [];
		const following = followWal({
			storage,
			codec: { name: 'zstd' },
			connection: moving,
			slot: 'n8n_failover',
			interval: 20,
			signal: stop.signal,
			events: {
				...noEvents,
				onStored: ({ timeline, endLsn }) => void stored.push(`${timeline} ${formatLsn(endLsn)}`),
				onGap: (gap) => void gaps.push(gap),
				notice: (sentence) => void notices.push(sentence),
			},
		});
		let problem: unknown;
		following.catch((error: unknown) => (problem = stop.signal.aborted ? undefined : error));
		const unlessItFails = async (condition: () => Promise<boolean>) =>
			await until(async () => {
				if (problem) throw problem as Error;
				return await condition();
			});
		await primary.query('postgres', 'DELETE FROM rows');
		await unlessItFails(() => Promise.resolve(stored.length > 0));
		await primary.query('postgres', 'INSERT INTO rows SELECT n, now(), md5(n::text) FROM generate_series(1, 5000) n');
		const sent = parseLsn(
			(await primary.query('postgres', 'SELECT pg_current_wal_flush_lsn()::text AS lsn')).rows[0]!['lsn'] as string,
		);
		const replica = new Client({ ...primary.clientConfig(), port: standbyPort });
		replica.on('error', () => {});
		await replica.connect();
		const replayed = async () =>
			parseLsn((await replica.query('SELECT pg_last_wal_replay_lsn()::text AS lsn')).rows[0].lsn as string);
		await until(async () => (await replayed()) >= sent);
		port = standbyPort;
		await primary.kill('SIGINT');
		await replica.query('SELECT pg_promote()');
		await replica.query(`INSERT INTO rows SELECT n, now(), 'after' FROM generate_series(5001, 5100) n`);
		const after = parseLsn(
			(await replica.query('SELECT pg_current_wal_flush_lsn()::text AS lsn')).rows[0].lsn as string,
		);
		await unlessItFails(async () => {
			const { intervals } = await coverageIn(storage, await systemIdentifier(replica));
			return (intervals.get(2)?.at(-1)?.endLsn ?? 0n) >= after;
		});
		stop.abort();
		await expect(following).rejects.toMatchObject({ code: 'CANCELLED' });
		expect(gaps).toEqual([]);
		const segments = await storedSegments(storage);
		const branch = [...segments.keys()].find((name) => name.startsWith('00000002'))!;
		expect(segments.has(branch.replace('00000002', '00000001'))).toBe(true);
		const ofSecond = new Map([...segments].filter(([name]) => name.startsWith('00000002')));
		expect(eventsIn(ofSecond).some(({ endLsn }) => endLsn >= after - 200n)).toBe(true);
		expect(segmentName(2, after, 16 * 1024 * 1024) >= branch).toBe(true);
		await replica.end();
		await standby.stop();
		await primary.start();
	});
});

async function systemIdentifier(client?: Client): Promise<string> {
	const sql = 'SELECT system_identifier::text AS id FROM pg_control_system()';
	const { rows } = client ? await client.query(sql) : await primary.query('postgres', sql);
	return rows[0]!['id'] as string;
}
