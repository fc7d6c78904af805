import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { parseLsn } from '../../../../engine/postgres/physical/lsn';
import { planRecovery, recoverCluster, type RecoveryTarget } from '../../../../engine/postgres/physical/recover';
import { trustedProgram } from '../../../../engine/postgres/physical/verify/program';
import { archiveWal } from '../../../../engine/postgres/physical/wal';
import { FolderStorage } from '../../../../engine/storage';
import {
	expectedRows,
	writeNumberedRows,
	type NumberedRows,
} from '../../../integration/postgres/physical/recover/numbered-rows';
import { recoverInto, startRecovered } from '../../../integration/postgres/physical/recover/recovered-server';
import { noise } from '../../../random/bytes';
import { removeFolder, temporaryFolder } from '../../../services/guard';
import { postgresProgram, serverAccount } from '../../../services/postgres-binaries';
import { freePort } from '../../../services/process';

const folder = temporaryFolder('recovery-faults');
const root = join(folder, 'storage');
let written: NumberedRows;

beforeAll(async () => {
	written = await writeNumberedRows(18, root, { rounds: 2 });
});
afterAll(async () => {
	await written?.server.stop();
	removeFolder(folder);
});

const at = (share: number) => written.rows[Math.floor(written.rows.length * share)]!;
const options = (target: RecoveryTarget) => ({ storage: written.storage, target, action: 'promote' as const });

/** The rows that a server has on a recovered data directory. */
async function rowsOf(place: { folder: string; port: number }): Promise<unknown[]> {
	return (await rowsAndTimeline(place)).rows;
}

/** The same, and the timeline that the server has begun. */
async function rowsAndTimeline(place: {
	folder: string;
	port: number;
}): Promise<{ rows: unknown[]; timeline: number }> {
	const recovered = await startRecovered(written.server, place, 'promoted');
	try {
		const [now] = await recovered.query('SELECT pg_walfile_name(pg_current_wal_lsn()) AS name');
		const rows = (await recovered.query('SELECT id FROM rows ORDER BY id')).map(({ id }) => id);
		return { rows, timeline: Number.parseInt(String(now!['name']).slice(0, 8), 16) };
	} finally {
		await recovered.stop();
	}
}

test('a recovery that is killed at any step leaves nothing that a server starts from, and can be run again', async () => {
	const script = join(__dirname, 'recover-until-killed.ts');
	const run = (target: string, step?: string) => {
		const args = [...process.execArgv, script, root, target, ...(step === undefined ? [] : [step])];
		const { status, signal, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
		expect(step === undefined ? status : signal, stderr).toBe(step === undefined ? 0 : 'SIGKILL');
		return stdout;
	};
	const steps = JSON.parse(run(join(folder, 'counted'))) as Record<'open' | 'write' | 'sync' | 'rename', number>;
	removeFolder(join(folder, 'counted'));
	const target = join(folder, 'killed');
	const draw = noise('recoveries that are killed');
	const below = (count: number) => 1 + (draw(4).readUInt32LE() % count);
	// How much is written at once may differ a little from run to run.
	const anywhere = [
		`open:${below(steps.open)}`,
		`write:${below(Math.floor(0.9 * steps.write))}`,
		`sync:${below(steps.sync)}`,
	];
	// The last ones move everything to its place, PG_VERSION at the end.
	const moving = [20, 9, 0].map((before) => `rename:${steps.rename - before}`);
	for (const step of [...anywhere, ...moving]) {
		run(target, step);
		const message = `killed at ${step} of ${JSON.stringify(steps)}`;
		expect(existsSync(join(target, 'PG_VERSION')), message).toBe(false);
		if (!existsSync(target)) continue;
		const account = serverAccount();
		const started = spawnSync(postgresProgram(18, 'postgres'), ['-D', target], { encoding: 'utf8', ...account });
		expect(started.status, message).toBeGreaterThan(0);
	}
	const last = { type: 'end' } as const;
	expect(await rowsOf(await recoverInto(folder, 'killed', options(last)))).toEqual(expectedRows(written, last));
	expect(readdirSync(target).filter((name) => name.startsWith('.recovering'))).toEqual([]);
});

test('a disk that becomes full meanwhile is told, nothing stays on it, and with room it works', async () => {
	const disk = join(folder, 'disk');
	mkdirSync(disk);
	const { bytes } = await planRecovery(options({ type: 'end' }));
	const megabytes = Math.ceil(bytes / 2 ** 20) + 64;
	execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', disk]);
	try {
		const filler = join(disk, 'filler');
		const recover = async (onProgress: () => void) =>
			await recoverCluster({
				...options({ type: 'end' }),
				into: { type: 'folder', folder: join(disk, 'data') },
				owner: serverAccount(),
				port: await freePort(),
				onProgress,
			});
		let isFull = false;
		const failed = recover(() => {
			if (isFull) return;
			isFull = true;
			execFileSync('fallocate', ['-l', `${megabytes - 8}m`, filler]);
		});
		await expect(failed).rejects.toMatchObject({
			code: 'TARGET_FAILED',
			message: expect.stringContaining('The disk is full'),
			hint: expect.stringContaining('Nothing half-written was left'),
		});
		expect(readdirSync(disk)).toEqual(['filler']);
		await expect(recover(() => {})).rejects.toThrow(/has room for \d+ MB/);
		rmSync(filler);
		await recover(() => {});
		expect(existsSync(join(disk, 'data', 'PG_VERSION'))).toBe(true);
	} finally {
		execFileSync('umount', ['--lazy', disk]);
	}
});

test('after a failover, both the timeline before and the one that people went on with can be recovered', async () => {
	const branched = join(folder, 'branched');
	cpSync(root, branched, { recursive: true });
	const storage = new FolderStorage({ root: branched });
	const fork: RecoveryTarget = { type: 'lsn', lsn: at(0.5).endLsn, inclusive: false };
	const before = expectedRows(written, fork);
	// A server that leaves the timeline there, as a standby does that is promoted, and goes on.
	const place = await recoverInto(folder, 'promoted', options(fork));
	const promoted = await startRecovered(written.server, place, 'promoted');
	let later: RecoveryTarget;
	try {
		await promoted.query('INSERT INTO rows VALUES (1000001)');
		const [row] = await promoted.query('SELECT pg_current_wal_insert_lsn()::text AS lsn');
		later = { type: 'lsn', lsn: parseLsn(String(row!['lsn'])), inclusive: false };
		await promoted.query('INSERT INTO rows VALUES (1000002)');
		const { host, user, password } = written.server;
		const connection = { host, port: place.port, user, password, database: 'postgres' };
		await archiveWal({ storage, codec: { name: 'zstd' }, connection, slot: 'branch' });
	} finally {
		await promoted.stop();
	}
	const early: RecoveryTarget = { type: 'time', time: at(0.3).committed, inclusive: true };
	const recoveries = [
		[early, undefined, expectedRows(written, early)],
		[later, undefined, [...before, 1000001]],
		[{ type: 'end' }, undefined, [...before, 1000001, 1000002]],
		// What the old server wrote after the other one had gone on: a dead end, yet it can be had.
		[{ type: 'end' }, 1, expectedRows(written, { type: 'end' })],
	] as const;
	for (const [index, [target, timeline, expected]] of recoveries.entries()) {
		const recovery = { ...options(target), storage, ...(timeline !== undefined && { timeline }) };
		const again = await recoverInto(folder, `branch-${index}`, recovery);
		expect(again.recovered.plan.timeline).toBe(timeline ?? 2);
		// A second timeline 2 would bring other WAL under the names of that which is archived.
		expect(await rowsAndTimeline(again)).toEqual({ rows: expected, timeline: 3 });
	}
});

test('a program for test restores must be one that no workflow can have written', async () => {
	const program = postgresProgram(15, 'postgres');
	expect(await trustedProgram(program, () => Promise.resolve(false))).toBe(program);
	// These tests run as root, whom all folders belong to; so what n8n lets workflows do counts.
	await expect(trustedProgram(program, () => Promise.resolve(true))).rejects.toMatchObject({
		code: 'ACCESS_DENIED',
		message: expect.stringContaining('lets workflows write to'),
	});
	const shared = join(folder, 'postgres');
	writeFileSync(shared, '#!/bin/sh\n', { mode: 0o755 });
	await expect(trustedProgram(shared, () => Promise.resolve(false))).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
	expect(process.getuid!()).toBe(0);
});
