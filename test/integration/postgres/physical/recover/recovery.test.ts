import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { listManifests, openArchive } from '../../../../../engine/archive';
import {
	planRecovery,
	previewRecovery,
	recoverCluster,
	type RecoveryAction,
	type RecoveryTarget,
} from '../../../../../engine/postgres/physical/recover';
import { testRecovery } from '../../../../../engine/postgres/physical/verify/testRecovery';
import type { CheckContext } from '../../../../../engine/verify/types';
import { removeFolder, temporaryFolder } from '../../../../services/guard';
import { postgresPrograms, serverAccount } from '../../../../services/postgres-binaries';
import { freePort } from '../../../../services/process';
import { expectedRows, writeNumberedRows, type NumberedRows } from './numbered-rows';
import { recoverInto, startRecovered, type RecoveredServer } from './recovered-server';

const PASSPHRASE = 'a passphrase of this test';

const folder = temporaryFolder('recovery');
let written: NumberedRows;

beforeAll(async () => {
	written = await writeNumberedRows(18, join(folder, 'storage'), {
		rounds: 2,
		passphrase: PASSPHRASE,
		// A server that obeyed would find the other one at work on that data, and would not come up.
		configuration: ({ dataDir }) =>
			`data_directory = '${dataDir}'\nhba_file = '/nowhere/pg_hba.conf'\nexternal_pid_file = '/nowhere/pid'\ninclude '/nowhere/more.conf'\n`,
	});
});
afterAll(async () => {
	await written.server.stop();
	removeFolder(folder);
});

/** Archives of a kind, the oldest first. */
const archives = async (kind: 'postgres-base' | 'postgres-wal') =>
	(await listManifests(written.storage, '', { kind })).backups.reverse();
const options = (target: RecoveryTarget) => ({
	storage: written.storage,
	keys: written.keys,
	target,
	action: 'promote' as const,
});
const idsIn = async (server: RecoveredServer) =>
	(await server.query('SELECT id FROM rows ORDER BY id')).map(({ id }) => id as number);
const at = (share: number) => written.rows[Math.floor(written.rows.length * share)]!;

/** What to recover to, what the server does there, and the target. */
const RECOVERIES: [string, RecoveryAction, () => RecoveryTarget][] = [
	['a time', 'pause', () => ({ type: 'time', time: at(0.7).committed, inclusive: true })],
	[
		'right before a transaction',
		'promote',
		() => ({ type: 'transaction', transaction: at(0.8).transaction, inclusive: false }),
	],
	['a restore point', 'pause', () => ({ type: 'restorePoint', name: 'the end' })],
	['the end of the log, to wait there', 'pause', () => ({ type: 'end' })],
	['the end of the log', 'promote', () => ({ type: 'end' })],
];

describe('a recovery', () => {
	test.each(RECOVERIES)(
		'to %s brings back what was committed by then, and the plan says so before',
		async (name, action, targetOf) => {
			const target = targetOf();
			const recovery = { ...options(target), action };
			const { plan, problems } = await previewRecovery({
				...recovery,
				into: { type: 'folder', folder: join(folder, 'preview') },
			});
			expect(problems).toEqual([]);
			expect(existsSync(join(folder, 'preview'))).toBe(false);
			const place = await recoverInto(folder, name, recovery);
			const recovered = await startRecovered(written.server, place, action === 'pause' ? 'paused' : 'promoted');
			try {
				expect(await idsIn(recovered)).toEqual(expectedRows(written, target));
				if (target.type === 'time') expect(plan!.lastTransaction).toBe(at(0.7).committed);
				expect(place.recovered.plan.bases.length).toBe(2);
				const told = place.recovered.warnings.join('\n');
				expect(told).toContain(`data_directory = '${written.server.dataDir}' in postgresql.conf`);
				expect(told).toContain("include = '/nowhere/more.conf'");
				expect(told).toContain('pg_hba.conf in the data directory was not what the server read');
				expect(told).toContain('The tablespace lies below pg_tblspc');
			} finally {
				await recovered.stop();
			}
		},
	);

	test('to a moment that cannot be had is refused with those that can, and writes nothing', async () => {
		const { firstBase, rows } = written;
		const early = planRecovery(options({ type: 'lsn', lsn: firstBase.endLsn - 1n, inclusive: false }));
		await expect(early).rejects.toMatchObject({
			code: 'ARCHIVE_INCOMPLETE',
			message: expect.stringContaining('no base backup ends before it'),
			hint: expect.stringMatching(/What can be recovered: from 20.* to 20/),
			details: { windows: [{ timeline: 1 }] },
		});
		const hour = 3_600_000_000;
		const late = planRecovery(options({ type: 'time', time: rows.at(-1)!.committed + hour, inclusive: true }));
		await expect(late).rejects.toMatchObject({ message: expect.stringContaining('the WAL does not reach so far') });
		const unknown = planRecovery(options({ type: 'restorePoint', name: 'nobody made it' }));
		await expect(unknown).rejects.toMatchObject({ message: expect.stringContaining('not in the WAL') });
		const none = planRecovery({ ...options({ type: 'end' }), cluster: 'another' });
		await expect(none).rejects.toMatchObject({ code: 'STORAGE_MISSING' });
	});

	test('into a tar gives one that a stock tar unpacks, and that a server starts from', async () => {
		const target = { type: 'end' } as const;
		const port = await freePort();
		const account = serverAccount() ?? { uid: process.getuid!(), gid: process.getgid!() };
		const file = join(folder, 'tars', 'recovered.tar.gz');
		const recovery = { ...options(target), port, owner: account };
		const { tarBytes } = await recoverCluster({ ...recovery, into: { type: 'tar', file } });
		expect(readdirSync(join(folder, 'tars'))).toEqual(['recovered.tar.gz']);
		expect(statSync(file)).toMatchObject({ size: tarBytes });
		const unpacked = join(folder, 'unpacked');
		mkdirSync(unpacked);
		execFileSync('tar', ['-xpzf', file, '-C', unpacked]);
		expect(statSync(unpacked).mode & 0o777).toBe(0o700);
		const recovered = await startRecovered(written.server, { folder: unpacked, port }, 'promoted');
		try {
			expect(await idsIn(recovered)).toEqual(expectedRows(written, target));
		} finally {
			await recovered.stop();
		}
		const again = recoverCluster({ ...recovery, into: { type: 'tar', file } });
		await expect(again).rejects.toMatchObject({ code: 'TARGET_EXISTS' });
	});

	test('that is cancelled leaves nothing, neither of a folder nor of a tar', async () => {
		for (const type of ['folder', 'tar'] as const) {
			const controller = new AbortController();
			const place = join(folder, `cancelled.${type}`);
			const cancelled = recoverCluster({
				...options({ type: 'end' }),
				into: type === 'tar' ? { type, file: place } : { type, folder: place },
				signal: controller.signal,
				onProgress: ({ bytes, totalBytes }) => void (bytes > totalBytes / 2 && controller.abort()),
			});
			await expect(cancelled).rejects.toMatchObject({ code: 'CANCELLED' });
		}
		expect(readdirSync(folder).filter((name) => /cancelled|recovering/.test(name))).toEqual([]);
	});

	test.each([
		['another passphrase', { passphrase: 'another one' }, 'KEY_WRONG'],
		['no passphrase', undefined, 'KEY_MISSING'],
	])('of encrypted backups with %s says so, and writes nothing', async (_, keys, code) => {
		const into = { type: 'folder', folder: join(folder, 'locked') } as const;
		const recovery = { ...options({ type: 'end' }), keys, into };
		await expect(recoverCluster(recovery)).rejects.toMatchObject({ code });
		expect((await previewRecovery(recovery)).problems).toMatchObject([{ code }]);
		expect(existsSync(into.folder)).toBe(false);
	});

	test('uses the base backup that was chosen, if that ends before the moment', async () => {
		const [full, increment] = (await archives('postgres-base')).map(({ manifest }) => manifest.id);
		const plan = await planRecovery({ ...options({ type: 'end' }), base: full });
		expect(plan.bases.map(({ manifest }) => manifest.id)).toEqual([full]);
		const before = { ...options({ type: 'lsn', lsn: written.firstBase.endLsn, inclusive: false }), base: increment };
		await expect(planRecovery(before)).rejects.toMatchObject({ code: 'ARCHIVE_INCOMPLETE' });
		expect((await planRecovery(options({ type: 'immediate' }))).bases.length).toBe(2);
	});

	test.each(['postgres-base', 'postgres-wal'] as const)('from damaged archives (%s) leaves nothing', async (kind) => {
		const { key } = (await archives(kind)).at(-1)!;
		const file = join(folder, 'storage', key);
		const whole = readFileSync(file);
		const damaged = Buffer.from(whole);
		damaged[Math.floor(whole.length / 2)]! ^= 1;
		writeFileSync(file, damaged);
		const target = join(folder, `from-damaged-${kind}`);
		try {
			const recovery = recoverCluster({ ...options({ type: 'end' }), into: { type: 'folder', folder: target } });
			await expect(recovery).rejects.toMatchObject({ code: 'ARCHIVE_CORRUPT' });
			expect(existsSync(target)).toBe(false);
		} finally {
			writeFileSync(file, whole);
		}
	});
});

describe('the test restore of a base backup', () => {
	const tested = async (draw: () => number, program = join(postgresPrograms(18), 'postgres')) => {
		const { manifestKey } = (await archives('postgres-base')).at(-1)!;
		const findings: Parameters<CheckContext['found']>[0][] = [];
		const lines: string[] = [];
		const context: CheckContext = {
			log: (line) => lines.push(line),
			found: (finding) => findings.push(finding),
			needed: { storage: written.storage, keys: written.keys },
		};
		const reader = await openArchive(written.storage, manifestKey, written.keys);
		const counts = await testRecovery(reader, { program, folder, draw }, context);
		return { counts, findings, lines };
	};

	test('starts a server, which recovers to a place that was drawn, and leaves nothing', async () => {
		const before = readdirSync(folder);
		const { counts, findings, lines } = await tested(() => 0.5);
		expect(findings).toEqual([]);
		expect(counts).toMatchObject({ increments: 1, recovered: 1 });
		expect(lines[0]).toMatch(/^recovers to the LSN /);
		expect(readdirSync(folder)).toEqual(before);
	});

	test('says what the server says where that does not recover', async () => {
		// A server that ends at once, as one of another build would.
		const program = join(folder, 'postgres');
		const users = join(folder, 'users');
		writeFileSync(users, '');
		chmodSync(users, 0o666);
		const script = `id -u >> "${users}"; [ "$1" = --version ] && echo "postgres (PostgreSQL) 18.4" || echo "FATAL:  it is broken" >&2`;
		writeFileSync(program, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
		const { findings } = await tested(() => 0, program);
		// Neither when it is asked for its version nor as a server does it run as root.
		const user = String(serverAccount()?.uid ?? process.getuid!());
		expect(readFileSync(users, 'utf8')).toBe(`${user}\n${user}\n`);
		expect(findings).toMatchObject([{ severity: 'error', message: expect.stringContaining('FATAL:  it is broken') }]);
	});
});
