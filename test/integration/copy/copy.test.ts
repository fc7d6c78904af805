import { describe, expect, it, onTestFinished } from 'vitest';

import { acquireLock, CLAIM_SUFFIX, manifestKeyOf, withLock } from '../../../engine/archive';
import type { CopyProgress } from '../../../engine/copy';
import { BackupError } from '../../../engine/errors';
import { setPinned } from '../../../engine/retention';
import { gatedStorage, S3Storage, type Storage } from '../../../engine/storage';
import { startFaultyProxy } from '../../services/faultyProxy';
import { startS3rver } from '../../services/s3/s3rver';
import { withFaults } from '../archive/support';
import { intercepted, keysIn, pruneBy, textOf, withManifests, writeBackup } from '../retention/support';
import { optionsFor } from '../storage/s3-under-test';
import { baseIn, backUp, restored } from '../tree/stage';
import { copyAll, daily, outcomesOf, temporaryStorage, twoBuckets } from './support';

const folders = () => [temporaryStorage().storage, temporaryStorage().storage] as const;

const PAIRS: [string, () => Promise<readonly [Storage, Storage]>][] = [
	['a folder to a folder', () => Promise.resolve(folders())],
	['a folder to a bucket', async () => [temporaryStorage().storage, (await twoBuckets())[0]]],
	['a bucket to a folder', async () => [(await twoBuckets())[0], temporaryStorage().storage]],
	['a bucket to a bucket of the same server', twoBuckets],
];

describe.each(PAIRS)('a copy from %s', (_, open) => {
	it('brings to the byte what the target lacks, with the pointer, and goes on from there', async () => {
		const [source, target] = await open();
		const keys = await daily(source, 3);
		const before = await keysIn(source);
		const dry = await copyAll(source, target, { dryRun: true });
		expect(Object.values(outcomesOf(dry))).toEqual(keys.map(() => 'wouldBeCopied'));
		expect(await keysIn(target)).toEqual([]);
		const report = await copyAll(source, target);
		expect(report.copiedBytes).toBe(dry.copiedBytes);
		expect(Object.entries(outcomesOf(report))).toEqual(keys.map((key) => [key, 'copied']));
		for (const key of withManifests(keys)) expect(await textOf(target, key)).toBe(await textOf(source, key));
		expect(await target.readLatest('postgres/shop_latest')).toBe(keys[2]);
		expect(await keysIn(source)).toEqual(before);
		const newer = await writeBackup(source, 0, { name: 'crm' });
		const next = await copyAll(source, target);
		expect(outcomesOf(next)).toEqual({
			...Object.fromEntries(keys.map((key) => [key, 'skipped: there'])),
			[newer]: 'copied',
		});
		// The other way round it is the same operation.
		const [back] = await open();
		expect(Object.values(outcomesOf(await copyAll(target, back)))).toEqual(Array(4).fill('copied'));
		for (const key of withManifests([...keys, newer])) expect(await textOf(back, key)).toBe(await textOf(source, key));
	});

	it('commits nothing of what is damaged at the source', async () => {
		const [source, target] = await open();
		const [bad, cut, good] = (await daily(source, 3)) as [string, string, string];
		await source.replace(bad, Buffer.from((await textOf(source, bad)).toUpperCase()));
		await source.replace(cut, Buffer.from('-'));
		const report = await copyAll(source, target);
		expect(outcomesOf(report)).toEqual({ [bad]: 'failed', [cut]: 'failed', [good]: 'copied' });
		expect(report.rows.slice(0, 2).map(({ error }) => error?.code)).toEqual(['ARCHIVE_CORRUPT', 'ARCHIVE_CORRUPT']);
		expect((await keysIn(target)).filter((key) => !key.endsWith('_latest'))).toEqual(withManifests([good]));
	});
});

describe('a copy between buckets of one server', () => {
	it('leaves the bytes there', async () => {
		const [source, target] = await twoBuckets();
		await daily(source, 2);
		// Also where what goes to the target is counted or slowed down.
		const told: CopyProgress[] = [];
		const onProgress = (progress: CopyProgress) => told.push(progress);
		const report = await copyAll(source, gatedStorage(target, { pass: () => Promise.resolve() }), { onProgress });
		expect(report.rows.map(({ byServer }) => byServer)).toEqual([true, true]);
		// They are read back, which takes as long as the copying.
		expect(told.at(-1)).toMatchObject({ bytes: report.copiedBytes, totalBytes: report.copiedBytes, copied: 2 });
	});
});

describe('a copy into a bucket', () => {
	it('costs a few requests for each archive, and one for all pointers of a name', async () => {
		const server = await startS3rver();
		const proxy = await startFaultyProxy(server.endpoint);
		const bucket = await server.createBucket();
		const target = new S3Storage(optionsFor({ ...server, endpoint: proxy.endpoint }, bucket));
		onTestFinished(async () => {
			target.close();
			await proxy.stop();
			await server.stop();
		});
		const source = temporaryStorage().storage;
		const keys = await daily(source, 12);
		await copyAll(source, target);
		const about = (part: string) => proxy.requests.filter((line) => line.includes(part)).length;
		expect(about('shop_latest')).toBe(1);
		expect(await target.readLatest('postgres/shop_latest')).toBe(keys.at(-1));
		// s3rver heeds no conditional writes, so it is asked before each whether something is there, twice as it gives no reason.
		expect(about('.sql.writing.json')).toBe(12 * 5);
		expect(about('.sql.manifest.json')).toBeLessThanOrEqual(12 * 3 + 1);
		expect(about('.stack-backup/lock-')).toBeLessThan(12 * 4);
	});
});

describe('a copy', () => {
	it('chooses by what is asked for', async () => {
		const [source, target] = folders();
		const shop = await daily(source, 3);
		const crm = await daily(source, 2, { name: 'crm', tags: ['weekly'] });
		const asked = async (more: Parameters<typeof copyAll>[2]) =>
			Object.keys(outcomesOf(await copyAll(source, target, { dryRun: true, ...more })));
		expect(await asked({ which: { type: 'latest' } })).toEqual(expect.arrayContaining([shop[2], crm[1]]));
		expect(await asked({ filters: { names: ['crm'] } })).toEqual(crm);
		expect(await asked({ filters: { tags: ['weekly', 'x'] } })).toEqual(crm);
		expect(await asked({ filters: { kinds: ['qdrant'] } })).toEqual([]);
		const since = new Date(Date.now() - 1.5 * 24 * 60 * 60 * 1000);
		expect(await asked({ filters: { since, names: ['shop'] } })).toEqual(shop.slice(1));
		const { id } = JSON.parse(await textOf(source, manifestKeyOf(shop[0]!)));
		const picked = await copyAll(source, target, { which: { type: 'picked', ids: [id, 'none'] } });
		expect(outcomesOf(picked)).toEqual({ [shop[0]!]: 'copied' });
		expect(picked.missing).toEqual(['none']);
	});

	it('does not bring back what retention has removed from the target, but for the newest', async () => {
		const [source, target] = folders();
		const keys = await daily(source, 4);
		await copyAll(source, target);
		await pruneBy(target, { last: 1 });
		const again = await copyAll(source, target);
		expect(outcomesOf(again)).toEqual({
			...Object.fromEntries(keys.slice(0, 3).map((key) => [key, 'skipped: removed'])),
			[keys[3]!]: 'skipped: there',
		});
		// Whoever empties the target has not made it whole by that.
		for (const key of await keysIn(target)) await target.remove(key);
		const anew = await copyAll(source, target);
		expect(Object.values(outcomesOf(anew))).toEqual(Array(4).fill('copied'));
		await pruneBy(target, { last: 1 });
		expect(Object.values(outcomesOf(await copyAll(source, target, { which: { type: 'all' } })))).toContain('copied');
	});

	it('brings with an increment all that it needs, in its order, and checkpoints too', async () => {
		const [source, target] = folders();
		const contents = new Map([['a', Buffer.alloc(3000, 1)]]);
		await backUp(source, contents);
		contents.set('b', Buffer.alloc(3000, 2));
		const second = await backUp(source, contents, { base: await baseIn(source), checkpointBytes: 1000 });
		const report = await copyAll(source, target, { which: { type: 'picked', ids: [second.id] } });
		expect(report.rows.length).toBeGreaterThan(1);
		expect(report.rows.map(({ outcome }) => outcome)).toEqual(report.rows.map(() => 'copied'));
		expect(report.rows.map(({ isNeeded }) => isNeeded)).toEqual(
			report.rows.map((_row, at) => at < report.rows.length - 1),
		);
		expect(await restored(target, second)).toEqual(contents);
	});

	it('skips a backup whose pin differs, and takes a pin along', async () => {
		const [source, target] = folders();
		const [first, second] = (await daily(source, 2)) as [string, string];
		await setPinned({ storage: source, reference: { file: first }, pinned: true, owner: 'test' });
		await copyAll(source, target);
		expect(await textOf(target, manifestKeyOf(first))).toContain('"pinned": true');
		await setPinned({ storage: target, reference: { file: second }, pinned: true, owner: 'test' });
		expect(outcomesOf(await copyAll(source, target))).toEqual({
			[first]: 'skipped: there',
			[second]: 'skipped: there',
		});
	});

	it('never overwrites what stands there, be it a backup, a file or a damaged archive', async () => {
		const [source, target] = folders();
		const [one, two, three, four] = (await daily(source, 4)) as [string, string, string, string];
		await copyAll(source, target, { which: { type: 'all' } });
		const changed = (await textOf(target, manifestKeyOf(one))).replace('"name": "shop"', '"name": "shap"');
		await target.replace(manifestKeyOf(one), Buffer.from(changed));
		await target.replace(two, Buffer.from('cut'));
		await target.remove(manifestKeyOf(three));
		await target.replace(three, Buffer.from('x'.repeat((await target.stat(three))!.size)));
		await target.remove(four);
		const contents = async () => {
			const keys = (await keysIn(target)).filter((key) => !key.endsWith('_latest'));
			return await Promise.all(keys.map(async (key) => [key, await textOf(target, key)]));
		};
		const before = await contents();
		const report = await copyAll(source, target);
		// What has lost its archive alone gets it again.
		expect(outcomesOf(report)).toEqual({ [one]: 'conflict', [two]: 'conflict', [three]: 'conflict', [four]: 'copied' });
		const restored = [four, await textOf(source, four)];
		expect(await contents()).toEqual([...before, restored].sort(([a], [b]) => (a! < b! ? -1 : 1)));
	});

	it('is refused while a prune has the target, and keeps prunes out', async () => {
		const [source, target] = folders();
		await daily(source, 1);
		await withLock(target, { owner: 'a prune' }, async () => {
			await expect(copyAll(source, target)).rejects.toMatchObject({ code: 'STORAGE_LOCKED' });
		});
		let pruned: unknown;
		const slow = intercepted(source, {
			read: async (key, options) => {
				pruned ??= await pruneBy(target, { last: 1 }).catch((error: unknown) => error);
				return await source.read(key, options);
			},
		});
		await copyAll(slow, target);
		expect(pruned).toMatchObject({ code: 'STORAGE_LOCKED' });
	});

	it('tells as gone what is pruned at the source meanwhile', async () => {
		const [source, target] = folders();
		const keys = await daily(source, 3);
		let isPruned = false;
		const racing = intercepted(source, {
			read: async (key, options) => {
				if (!isPruned && key === manifestKeyOf(keys[0]!)) {
					isPruned = true;
					await pruneBy(source, { last: 1 });
				}
				return await source.read(key, options);
			},
		});
		const report = await copyAll(racing, target, { parallel: 1 });
		expect(outcomesOf(report)).toMatchObject({ [keys[0]!]: 'skipped: gone', [keys[2]!]: 'copied' });
		expect(report.rows.map(({ outcome }) => outcome)).not.toContain('failed');
	});

	it('that is killed before the manifest goes on at once, and takes what is whole', async () => {
		const [source, target] = folders();
		const [key] = (await daily(source, 1)) as [string];
		// Nothing is cleared up where the process is gone.
		const dying = intercepted(target, {
			write: async (name, ...more) => {
				if (name.endsWith('.manifest.json')) throw new BackupError('STORAGE_UNREACHABLE', 'killed');
				return await target.write(name, ...more);
			},
			remove: () => Promise.reject(new BackupError('STORAGE_UNREACHABLE', 'killed')),
		});
		await expect(copyAll(source, dying)).rejects.toMatchObject({ code: 'STORAGE_UNREACHABLE' });
		expect(await keysIn(target)).toEqual([key, `${key}${CLAIM_SUFFIX}`]);
		let written = 0;
		const counting = intercepted(target, {
			write: async (name, ...more) => {
				if (name === key) written += 1;
				return await target.write(name, ...more);
			},
		});
		expect(outcomesOf(await copyAll(source, counting))).toEqual({ [key]: 'copied' });
		expect(written).toBe(0);
		expect((await keysIn(target)).filter((name) => name.endsWith(CLAIM_SUFFIX))).toEqual([]);
	});

	it('that is cancelled leaves nothing of what was under way', async () => {
		const [source, target] = folders();
		const keys = await daily(source, 2);
		const controller = new AbortController();
		const slow = intercepted(source, {
			read: async (key, options) => {
				if (key === keys[1]) controller.abort();
				return await source.read(key, options);
			},
		});
		await expect(copyAll(slow, target, { parallel: 1, signal: controller.signal })).rejects.toMatchObject({
			code: 'CANCELLED',
		});
		expect((await keysIn(target)).filter((key) => !key.endsWith('_latest'))).toEqual(withManifests([keys[0]!]));
		expect(outcomesOf(await copyAll(source, target))).toEqual({ [keys[0]!]: 'skipped: there', [keys[1]!]: 'copied' });
	});

	it('needs no right to delete at the target, and none to write at the source', async () => {
		const [source, target] = folders();
		const denied = () => Promise.reject(new BackupError('STORAGE_DENIED', 'denied'));
		const readOnly = intercepted(source, { write: denied, replace: denied, remove: denied, setLatest: denied });
		const keeping = intercepted(target, { remove: denied, removeMany: denied });
		const first = await daily(source, 1);
		expect(outcomesOf(await copyAll(readOnly, keeping))).toEqual({ [first[0]!]: 'copied' });
		const second = await writeBackup(source, 0, { name: 'crm' });
		// Two days later there are records of locks that are old.
		const clock = () => new Date(Date.now() + 2 * 24 * 60 * 60 * 1000);
		await (await acquireLock(keeping, { owner: 'test', clock })).release();
		expect(outcomesOf(await copyAll(readOnly, keeping))).toEqual({ [first[0]!]: 'skipped: there', [second]: 'copied' });
	});

	it('reads no manifest again once it has read those of both storages', async () => {
		const [source, target] = folders();
		// As many as make it worth while to keep what was read.
		const keys = await daily(source, 33);
		for (const outcome of ['copied', 'skipped']) {
			const { rows } = await copyAll(source, target);
			expect(new Set(rows.map((row) => row.outcome))).toEqual(new Set([outcome]));
		}
		const read: string[] = [];
		const counted = (storage: Storage) =>
			intercepted(storage, {
				read: async (key, options) => {
					read.push(key);
					return await storage.read(key, options);
				},
			});
		const again = await copyAll(counted(source), counted(target));
		expect(Object.keys(outcomesOf(again)).sort()).toEqual([...keys].sort());
		expect(new Set(again.rows.map(({ why }) => why))).toEqual(new Set(['there']));
		expect(read.filter((key) => key.endsWith('.manifest.json'))).toEqual([]);
	});

	it('is refused between a storage and itself, or one that lies in it, by whatever name', async () => {
		const { storage, root } = temporaryStorage();
		await expect(copyAll(storage, storage, { dryRun: true })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
		const inside = new (storage.constructor as new (options: object) => Storage)({ root: `${root}/postgres/deeper` });
		await expect(copyAll(storage, inside)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
		await expect(copyAll(inside, storage)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
		const [bucket] = await twoBuckets();
		await expect(copyAll(bucket, bucket)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
		// A storage of which nobody knows where it is.
		await expect(copyAll(withFaults(storage, {}), storage)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
	});
});
