import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
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
import { postgresPrograms } from '../../../../services/postgres-binaries';
import { expectedRows, writeNumberedRows, type NumberedRows } from './numbered-rows';
import { recoverInto, startRecovered } from './recovered-server';

const folder = temporaryFolder('recovery');
let written: NumberedRows;

beforeAll(async () => {
	written = await writeNumberedRows(18, join(folder, 'storage'), 2);
});
afterAll(async () => {
	await written.server.stop();
	removeFolder(folder);
});

/** Archives of a kind, the oldest first. */
const archives = async (kind: 'postgres-base' | 'postgres-wal') =>
	(await listManifests(written.storage, '', { kind })).backups.reverse();
const options = (target: RecoveryTarget) => ({ storage: written.storage, target, action: 'promote' as const });
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
			const recovery = { storage: written.storage, target, action };
			const { plan, problems } = await previewRecovery({ ...recovery, folder: join(folder, 'preview') });
			expect(problems).toEqual([]);
			expect(existsSync(join(folder, 'preview'))).toBe(false);
			const place = await recoverInto(folder, name, recovery);
			const recovered = await startRecovered(written.server, place, action === 'pause' ? 'paused' : 'promoted');
			try {
				const rows = (await recovered.query('SELECT id FROM rows ORDER BY id')).map(({ id }) => id);
				expect(rows).toEqual(expectedRows(written, target));
				if (target.type === 'time') expect(plan!.lastTransaction).toBe(at(0.7).committed);
				expect(place.recovered.plan.bases.length).toBe(2);
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
			const recovery = recoverCluster({ ...options({ type: 'end' }), folder: target });
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
			needed: { storage: written.storage, keys: undefined },
		};
		const reader = await openArchive(written.storage, manifestKey);
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
		const script = '[ "$1" = --version ] && echo "postgres (PostgreSQL) 18.4" || echo "FATAL:  it is broken" >&2';
		writeFileSync(program, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
		const { findings } = await tested(() => 0, program);
		expect(findings).toMatchObject([{ severity: 'error', message: expect.stringContaining('FATAL:  it is broken') }]);
	});
});
