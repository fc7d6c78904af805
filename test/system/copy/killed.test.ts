import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';

import { describe, expect, it } from 'vitest';

import { findBackup, listManifests, prune, S3Storage, type S3StorageOptions, type Storage } from '../../../engine';
import { copyBackups } from '../../../engine/copy';
import { temporaryStorage } from '../../integration/archive/support';
import { daily } from '../../integration/copy/support';
import { DAY_MS, tomorrow } from '../../integration/retention/support';
import { TEST_PREFIX } from '../../integration/storage/s3-under-test';
import { backUp, baseIn, restored } from '../../integration/tree/stage';
import { noise } from '../../random/bytes';
import { startMinio } from '../../services/s3/minio';

const random = noise('copy/killed');
const PASSPHRASE = 'open sesame';

/** A folder with increments that need a checkpoint, one of them large, and daily backups of another kind. */
async function source(bytes: number) {
	const { storage, root } = temporaryStorage();
	const contents = new Map([['a', random(3000)]]);
	const expected = new Map<string, Map<string, Buffer>>();
	for (const [index, size] of [2000, bytes, 500].entries()) {
		contents.set(`b${index}`, random(size)).set(`c${index}`, random(size));
		const startedAt = new Date(Date.now() - (3 - index) * DAY_MS);
		const options = { base: await baseIn(storage), checkpointBytes: index === 1 ? 1000 : 1e9, startedAt };
		expected.set((await backUp(storage, contents, options)).id, new Map(contents));
	}
	await daily(storage, 2);
	return { storage, place: { root }, expected };
}

/** Lets a copy come to one of its steps, and kills it there. */
async function killAt(step: string, times: number, from: object, to: object, passphrase = ''): Promise<void> {
	const places = [from, to].map((place) => JSON.stringify(place));
	const child = spawn(
		process.execPath,
		[
			'--import',
			'./scripts/typescript-hooks.mjs',
			`${__dirname}/worker.ts`,
			...places,
			passphrase,
			step,
			String(times),
		],
		{ stdio: ['ignore', 'pipe', 'inherit'] },
	);
	const closed = once(child, 'close');
	const lines: string[] = [];
	for await (const line of createInterface(child.stdout)) {
		lines.push(line);
		child.kill('SIGKILL');
	}
	await closed;
	expect([lines, child.signalCode]).toEqual([[step], 'SIGKILL']);
}

function filesIn(root: string): string[] {
	return readdirSync(root, { recursive: true, encoding: 'utf8' });
}

/** What lists as a backup has its archive, and restores to what was backed up. */
async function assertWhole(target: Storage, expected: Map<string, Map<string, Buffer>>, passphrase?: string) {
	const keys = passphrase === undefined ? undefined : { passphrase };
	const { backups, damaged } = await listManifests(target, '', { checkpoints: true });
	expect(damaged).toEqual([]);
	for (const { manifest, foundSize } of backups) {
		expect(foundSize).toBe(manifest.size.stored);
		const content = expected.get(manifest.id);
		if (!content) continue;
		expect(await restored(target, (await findBackup(target, { id: manifest.id })).manifest, keys)).toEqual(content);
	}
	return backups.length;
}

/** Steps at which runs are killed, one after the other, and how many of them come before. */
const FORMS: Record<string, { passphrase: string | undefined; at: [step: string, times: number][] }> = {
	'as it is': {
		passphrase: undefined,
		at: [
			['midst lock', 1],
			['midst claim', 1],
			['midst archive', 1],
			['write manifest', 1],
			['midst archive', 2],
			['setLatest pointer', 1],
		],
	},
	'encrypted on its way': {
		passphrase: PASSPHRASE,
		at: [
			['midst archive', 1],
			['write manifest', 1],
			['remove claim', 2],
		],
	},
};

describe('a copy that is killed', () => {
	it.each(Object.entries(FORMS))(
		'%s, at any of its steps, leaves nothing that is half a backup, and the next one goes on',
		async (_form, { passphrase, at }) => {
			const from = await source(200_000);
			const { storage: target, root } = temporaryStorage();
			let before = 0;
			for (const [step, times] of at) {
				await killAt(step, times, from.place, { root }, passphrase);
				const whole = await assertWhole(target, from.expected, passphrase);
				expect(whole).toBeGreaterThanOrEqual(before);
				before = whole;
			}
			expect(before).toBeGreaterThan(0);
			const keys = passphrase === undefined ? {} : { encryption: { passphrase } };
			const { rows } = await copyBackups({ source: from.storage, target, owner: 'test', ...keys });
			const count = (one: string) => rows.filter(({ outcome }) => outcome === one).length;
			expect([count('skipped'), count('copied')]).toEqual([before, rows.length - before]);
			expect(await assertWhole(target, from.expected, passphrase)).toBe(rows.length);
			// What the killed ones have left is cleared away when it is old; a claim beside a backup goes with that.
			await prune({ storage: target, policy: { rules: { last: 'all' } }, owner: 'test', now: tomorrow() });
			const files = new Set(filesIn(root));
			const isLeft = (name: string) =>
				name.endsWith('.partial') ||
				(name.endsWith('.writing.json') && !files.has(name.replace('.writing.json', '.manifest.json')));
			expect([...files].filter(isLeft)).toEqual([]);
			expect(await assertWhole(target, from.expected, passphrase)).toBe(rows.length);
		},
	);

	it('in the middle of an upload, leaves a bucket in which the next one goes on', async () => {
		const from = await source(12_000_000);
		const server = await startMinio();
		const { endpoint, region, accessKeyId, secretAccessKey } = server;
		const bucket = await server.createBucket();
		const options: S3StorageOptions = { endpoint, region, accessKeyId, secretAccessKey, bucket, prefix: TEST_PREFIX };
		const target = new S3Storage(options);
		try {
			const partSize = 5 * 1024 * 1024;
			await killAt('midst archive', 2, from.place, { ...options, partSize });
			expect(await assertWhole(target, from.expected)).toBe(1);
			const { rows } = await copyBackups({ source: from.storage, target, owner: 'test' });
			expect(new Set(rows.map(({ outcome }) => outcome))).toEqual(new Set(['skipped', 'copied']));
			expect(await assertWhole(target, from.expected)).toBe(rows.length);
		} finally {
			target.close();
			await server.stop();
		}
	});
});
