import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { listManifests, verifyBackup } from '../../../engine';
import { noise } from '../../random/bytes';
import {
	archiveKey,
	backUp,
	emptyStorage,
	folder,
	KEY,
	KEYS,
	makeInstance,
	restore,
	rowsOf,
} from '../../integration/n8n/instance/stage';

const random = noise('n8n/broken');

/** Runs the worker until it says that it is at something, and kills it there. @param ready what has to be so before */
async function killAt(line: string, what: string[], env: Record<string, string>, ready: () => boolean): Promise<void> {
	const child = spawn(
		process.execPath,
		['--import', './scripts/typescript-hooks.mjs', join(__dirname, 'worker.ts'), ...what],
		{ stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...env } },
	);
	const closed = once(child, 'exit');
	let said = '';
	child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
	await vi.waitUntil(() => said.includes(line) && ready(), { timeout: 120_000, interval: 5 });
	child.kill('SIGKILL');
	await closed;
	expect(child.signalCode).toBe('SIGKILL');
}

/** How many processes were started with this among their arguments. */
function processesWith(argument: string): number {
	const ids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
	return ids.filter((id) => {
		try {
			return readFileSync(`/proc/${id}/cmdline`, 'utf8').includes(argument);
		} catch {
			return false;
		}
	}).length;
}

/** What this process has open there. */
function openFilesBelow(root: string): string[] {
	const files = readdirSync('/proc/self/fd').map((fd) => {
		try {
			return readlinkSync(`/proc/self/fd/${fd}`);
		} catch {
			return '';
		}
	});
	return files.filter((file) => file.startsWith(root));
}

/** A disk of so many megabytes. */
function diskOf(megabytes: number): string {
	const disk = join(folder(), 'disk');
	mkdirSync(disk);
	execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', disk]);
	onTestFinished(() => void execFileSync('umount', ['--lazy', disk]));
	return disk;
}

/** With a database of so many megabytes. */
function largeInstance(megabytes: number) {
	const instance = makeInstance();
	const insert = instance.database.prepare('INSERT INTO execution_data VALUES (?, ?)');
	for (let id = 1; id <= megabytes; id++) insert.run(id, random(500_000).toString('hex'));
	return instance;
}

describe('a run that is killed', () => {
	it('while it backs up, leaves no backup, and a copy that nobody else may read', async () => {
		const instance = makeInstance();
		const storage = emptyStorage();
		const temporary = folder();
		// The copy waits for this.
		instance.database.exec('PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE');
		const copies = () => processesWith(`"source":"${instance.file}"`);
		const what = ['backup', storage.root, instance.root, KEY];
		await killAt('Copying', what, { TMPDIR: temporary }, () => copies() === 1);
		expect((await listManifests(storage, '')).backups).toEqual([]);
		instance.database.exec('COMMIT');
		// The process that copied has nobody to answer, and ends.
		await vi.waitUntil(() => copies() === 0, { timeout: 120_000 });
		const left = readdirSync(temporary);
		expect(left.map((name) => statSync(join(temporary, name)).mode & 0o777)).toEqual([0o700]);
		await restore(storage, await backUp(storage, instance.settings), join(folder(), 'new'));
	});

	it('at whatever moment of a restore, leaves nothing that is taken for an n8n, and says so the next time', async () => {
		const storage = emptyStorage();
		const { settings } = largeInstance(20);
		const manifest = await backUp(storage, settings);
		const [{ rawLength = 0 } = {}] = manifest.parts.filter(({ type }) => type === 'database');
		const written = (target: string) => {
			const [draft = ''] = existsSync(target) ? readdirSync(target) : [];
			return statSync(join(target, draft, 'database.sqlite'), { throwIfNoEntry: false })?.size ?? 0;
		};
		const moments: [line: string, share: number][] = [
			['', 0],
			['Writing', 0],
			['Writing', 0.05 + random(1)[0]! / 300],
			['Checking', 1],
		];
		await Promise.all(
			moments.map(async ([line, share]) => {
				const target = join(folder(), 'new');
				const ready = () => existsSync(target) && written(target) >= share * rawLength * 0.99;
				await killAt(line, ['restore', storage.root, target], {}, ready);
				const left = readdirSync(target);
				expect(left).toEqual(left.length === 0 ? [] : [expect.stringMatching(/^\.n8n_restoring_/)]);
				for (const name of left) expect(statSync(join(target, name)).mode & 0o777).toBe(0o700);
				if (left.length === 0) return;
				await expect(restore(storage, manifest, target)).rejects.toMatchObject({
					code: 'TARGET_EXISTS',
					hint: expect.stringContaining('was killed on its way'),
				});
			}),
		);
		const other = join(folder(), 'new');
		await restore(storage, manifest, other);
		expect(rowsOf(join(other, '.n8n/database.sqlite'), 'SELECT count(*) AS n FROM execution_data')).toMatchObject([
			{ n: 20 },
		]);
	});
});

describe('a full disk', () => {
	it('ends a restore before it begins, or where it is at, and nothing is left', async () => {
		const storage = emptyStorage();
		const manifest = await backUp(storage, largeInstance(20).settings);
		const small = diskOf(10);
		await expect(restore(storage, manifest, join(small, 'new'))).rejects.toMatchObject({
			code: 'TARGET_FAILED',
			message: expect.stringContaining('has room for'),
		});
		expect(readdirSync(small)).toEqual([]);
		// Somebody else takes the room away meanwhile.
		const disk = diskOf(30);
		const log = (line: string) => {
			if (line === 'Writing the database') writeFileSync(join(disk, 'other'), Buffer.alloc(20_000_000));
		};
		await expect(restore(storage, manifest, join(disk, 'new'), { log })).rejects.toMatchObject({
			code: 'TARGET_FAILED',
			message: expect.stringContaining('ENOSPC'),
		});
		expect(readdirSync(disk)).toEqual(['other']);
		expect(openFilesBelow(storage.root)).toEqual([]);
	});

	it('where temporary files lie ends a back up, and tells of a backup nothing bad', async () => {
		const storage = emptyStorage();
		const { settings } = largeInstance(20);
		const manifest = await backUp(storage, settings);
		const disk = diskOf(10);
		vi.stubEnv('TMPDIR', disk);
		onTestFinished(() => void vi.unstubAllEnvs());
		await expect(backUp(storage, settings)).rejects.toMatchObject({
			code: 'TARGET_FAILED',
			message: expect.stringContaining('no room for a copy'),
		});
		const report = await verifyBackup({ storage, key: archiveKey(manifest), level: 'content', keys: KEYS });
		expect(report).toMatchObject({
			verdict: 'incomplete',
			findings: [{ code: 'TARGET_FAILED', hint: expect.stringContaining('TMPDIR') }],
		});
		expect(readdirSync(disk)).toEqual([]);
	});
});
