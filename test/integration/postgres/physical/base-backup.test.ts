import { execFile } from 'node:child_process';
import {
	chmodSync,
	cpSync,
	createWriteStream,
	mkdirSync,
	openSync,
	readdirSync,
	readFileSync,
	statSync,
	writeFileSync,
	writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pipeline } from 'node:stream/promises';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { openArchive, type Manifest } from '../../../../engine/archive';
import { backUpCluster, type BackUpClusterOptions } from '../../../../engine/postgres';
import { backupManifestOf } from '../../../../engine/postgres/physical/base';
import { FolderStorage } from '../../../../engine/storage';
import { verifyBackup } from '../../../../engine';
import { postgresProgram, serverAccount } from '../../../services/postgres-binaries';
import { removeFolder, temporaryFolder } from '../../../services/guard';
import { giveToServer } from '../../../services/postgres-data';
import { startPostgres, type PostgresServer } from '../../../services/postgres';
import { freePort, startProcess } from '../../../services/process';

const run = promisify(execFile);

let server: PostgresServer;
let folder: string;
let storage: FolderStorage;

beforeAll(async () => {
	folder = temporaryFolder('base-backup');
	const spaces = join(folder, 'tablespace');
	mkdirSync(spaces);
	giveToServer(spaces);
	chmodSync(folder, 0o755);
	server = await startPostgres({ version: 18, config: { summarize_wal: 'on', cluster_name: 'main' } });
	storage = new FolderStorage({ root: join(folder, 'storage') });
	await server.query('postgres', `CREATE TABLESPACE far LOCATION '${spaces}'`);
	await server.query(
		'postgres',
		`CREATE TABLE near AS SELECT i, repeat(md5(i::text), 4) AS t FROM generate_series(1, 20000) i;
		CREATE TABLE distant TABLESPACE far AS SELECT * FROM near LIMIT 1000; CHECKPOINT`,
	);
});
afterAll(async () => {
	await server.stop();
	removeFolder(folder);
});

async function backUp(more: Partial<BackUpClusterOptions> = {}): Promise<Manifest> {
	const { host, port, user, password } = server;
	const connection = { host, port, user, password, database: 'postgres' };
	return await backUpCluster({ storage, codec: { name: 'zstd', level: 1 }, connection, ...more });
}

const keyOf = ({ folder: place, file }: Manifest) => `${place}/${file}`;
const pathOf = (manifest: Manifest) => join(folder, 'storage', keyOf(manifest));

/** Unpacks as anybody would. */
async function unpacked(manifest: Manifest, name: string): Promise<string> {
	const target = join(folder, name);
	mkdirSync(target, { mode: 0o700 });
	const tar = `${target}.tar`;
	const reader = await openArchive(storage, `${keyOf(manifest)}.manifest.json`);
	await pipeline(reader.raw(), createWriteStream(tar));
	await run('tar', ['-xf', tar, '-C', target]);
	return target;
}

const names = () => readdirSync(join(folder, 'storage'), { recursive: true, encoding: 'utf8' }).sort();
const slots = async () => (await server.query('postgres', 'SELECT slot_name FROM pg_replication_slots')).rows;

describe('a base backup', () => {
	it('is a data directory that a stock server starts from with its WAL', async () => {
		const manifest = await backUp();
		expect(manifest).toMatchObject({
			kind: 'postgres-base',
			name: 'main',
			folder: 'postgres/base',
			warnings: [],
			source: { timeline: 1, checksums: true, incremental: false, previous: null, blockBytes: 8192 },
			counts: { tablespaces: 1, damagedPages: 0, increment: 0 },
		});
		expect(manifest.counts['pages']).toBeGreaterThan(400);
		const target = await unpacked(manifest, 'whole');
		const [oid] = readdirSync(join(target, 'pg_tblspc'));
		expect(readdirSync(join(target, 'pg_tblspc', oid!))).toEqual([expect.stringMatching(/^PG_18_/)]);
		// What Recover does: tablespaces stay where they were unpacked.
		writeFileSync(join(target, 'tablespace_map'), '');
		cpSync(join(server.dataDir, 'pg_wal'), join(target, 'pg_wal'), { recursive: true });
		const port = await freePort();
		writeFileSync(
			join(target, 'postgresql.auto.conf'),
			`port = ${port}\nunix_socket_directories = ''\nlisten_addresses = '127.0.0.1'\nallow_in_place_tablespaces = on\n`,
		);
		const account = serverAccount();
		if (account) await run('chown', ['-R', `${account.uid}:${account.gid}`, target]);
		const started = await startProcess({
			name: 'PostgreSQL from a base backup',
			command: postgresProgram(18, 'postgres'),
			args: ['-D', target],
			env: { LC_ALL: 'C', TZ: 'UTC' },
			cwd: target,
			...account,
			ready: (output) => output.includes('database system is ready to accept connections'),
			readyWithinMs: 60_000,
			stopSignal: 'SIGQUIT',
		});
		try {
			const { user, password } = server;
			const client = new Client({ host: '127.0.0.1', port, user, password, database: 'postgres' });
			await client.connect();
			const { rows } = await client.query(
				"SELECT (SELECT count(*)::int FROM near) AS near, (SELECT count(*)::int FROM distant) AS distant, md5(string_agg(t, '' ORDER BY i)) AS md5 FROM near",
			);
			await client.end();
			const { rows: source } = await server.query(
				'postgres',
				"SELECT md5(string_agg(t, '' ORDER BY i)) AS md5 FROM near",
			);
			expect(rows[0]).toEqual({ near: 20_000, distant: 1000, md5: source[0]!['md5'] });
		} finally {
			await started.stop();
		}
	});

	it('holds the manifest of PostgreSQL in frames of its own, as the last file', async () => {
		const manifest = await backUp();
		const reader = await openArchive(storage, `${keyOf(manifest)}.manifest.json`);
		const pieces: Uint8Array[] = [];
		for await (const piece of backupManifestOf(reader)) pieces.push(Buffer.from(piece));
		const target = await unpacked(manifest, 'manifest');
		expect(Buffer.concat(pieces).equals(readFileSync(join(target, 'backup_manifest')))).toBe(true);
		expect(statSync(join(target, 'backup_manifest')).mode & 0o777).toBe(0o600);
	});

	it('goes on from the newest good one with what has changed, and needs all before it', async () => {
		const increments = { incremental: { fullEvery: 4 } };
		const full = await backUp();
		await server.query('postgres', 'UPDATE near SET i = -i WHERE i <= 5; CHECKPOINT');
		const first = await backUp(increments);
		expect(first).toMatchObject({ needs: [full.id], source: { incremental: true, previous: full.id }, warnings: [] });
		expect(first.size.raw).toBeLessThan(full.size.raw / 3);
		const second = await backUp(increments);
		expect(second).toMatchObject({ needs: [first.id, full.id], counts: { increment: 2 } });
		const target = await unpacked(second, 'increment');
		const files = readdirSync(join(target, 'base'), { recursive: true, encoding: 'utf8' });
		expect(files.some((file) => file.includes('/INCREMENTAL.'))).toBe(true);
		const third = await backUp(increments);
		expect((await backUp(increments)).counts['increment']).toBe(0);
		// One that is not as it was stored is not gone on from.
		const newest = await backUp(increments);
		writeFileSync(pathOf(newest), 'cut off');
		const after = await backUp(increments);
		expect(after.needs).not.toContain(newest.id);
		expect(after.warnings).toEqual([expect.stringContaining(`${keyOf(newest)} or what it needs is missing`)]);
		expect(third.counts['increment']).toBe(3);
	});

	it('tells a damaged page by file and block, and fails because of it where asked to', async () => {
		const { rows } = await server.query<{ path: string }>('postgres', "SELECT pg_relation_filepath('near') AS path");
		const { path } = rows[0]!;
		const handle = openSync(join(server.dataDir, path), 'r+');
		const at = 3 * 8192 + 4000;
		const whole = readFileSync(join(server.dataDir, path)).subarray(at, at + 4);
		writeSync(handle, Buffer.from('bad!'), 0, 4, at);
		try {
			const damaged = await backUp();
			expect(damaged.counts['damagedPages']).toBe(1);
			expect(damaged.warnings).toEqual([
				expect.stringContaining(`A page does not fit its checksum: block 3 of ${path}.`),
			]);
			const report = await verifyBackup({ storage, key: keyOf(damaged), level: 'content' });
			expect(report.findings).toEqual([
				expect.objectContaining({ severity: 'warning', message: `Block 3 of ${path} does not fit its checksum.` }),
			]);
			const before = names();
			await expect(backUp({ failOnDamage: true })).rejects.toMatchObject({ code: 'SOURCE_FAILED' });
			expect(names()).toEqual(before);
		} finally {
			writeSync(handle, whole, 0, 4, at);
		}
	});

	it('makes the slot first; a run that is cancelled leaves neither archive nor a slot that it made', async () => {
		const before = names();
		const cancel = new AbortController();
		// 32 kB/s: it would take half an hour.
		const running = backUp({ slot: 'n8n_new', maxRate: 32, signal: cancel.signal });
		const ended = expect(running).rejects.toMatchObject({ code: 'CANCELLED' });
		await expect.poll(slots, { timeout: 60_000 }).toEqual([{ slot_name: 'n8n_new' }]);
		await expect.poll(names, { timeout: 60_000 }).not.toEqual(before);
		cancel.abort();
		await ended;
		expect(names()).toEqual(before);
		expect(await slots()).toEqual([]);
		await backUp({ slot: 'n8n_new' });
		await backUp({ slot: 'n8n_new' });
		expect(await slots()).toEqual([{ slot_name: 'n8n_new' }]);
	});

	it('is a full one, with a warning, where the server refuses to go on from the one before', async () => {
		// A server that was set back to an earlier state does not know the WAL of the last backup.
		await server.kill('SIGINT');
		const earlier = join(folder, 'earlier');
		await run('cp', ['-a', server.dataDir, earlier]);
		await server.start();
		await backUp({ folder: 'refused' });
		await server.kill('SIGINT');
		await run('rm', ['-r', server.dataDir]);
		await run('cp', ['-a', earlier, server.dataDir]);
		await server.start();
		const full = await backUp({ folder: 'refused', incremental: { fullEvery: 0 } });
		expect(full).toMatchObject({
			source: { incremental: false },
			warnings: [expect.stringContaining('A full base backup was made, for the server refused an incremental one: ')],
		});
	});
});
