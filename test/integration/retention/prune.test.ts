import { writeFileSync, utimesSync, existsSync } from 'node:fs';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { manifestKeyOf } from '../../../engine/archive';
import { readCatalog } from '../../../engine/retention';
import { FolderStorage, S3Storage } from '../../../engine/storage';
import { startS3rver } from '../../services/s3/s3rver';
import type { S3Server } from '../../services/s3/server';
import { optionsFor } from '../storage/s3-under-test';
import { backupsIn, pruneBy, pruneContract } from './prune-contract';
import {
	changeManifest,
	DAY_MS,
	temporaryRoot,
	temporaryStorage,
	textOf,
	withManifests,
	writeBackup,
	writeDaily,
} from './support';

describe('in a folder', () => {
	pruneContract(() => Promise.resolve(temporaryStorage()));

	it('removes unfinished writes that are older than a day', async () => {
		const root = temporaryRoot();
		const storage = new FolderStorage({ root });
		await writeBackup(storage, 0);
		const partial = path.join(root, 'postgres', '.shop_20200101_000000.sql.zst.partial');
		writeFileSync(partial, 'half');
		expect((await pruneBy(storage, { last: 1 })).swept).toEqual([]);
		const old = new Date(Date.now() - 2 * DAY_MS);
		utimesSync(partial, old, old);
		expect((await pruneBy(storage, { last: 1 })).swept).toEqual(['postgres/shop_20200101_000000.sql.zst']);
		expect(existsSync(partial)).toBe(false);
	});

	it('can be limited to a part of the storage', async () => {
		const storage = temporaryStorage();
		const weekly = await writeBackup(storage, 9, { folder: 'weekly/2026_W03' });
		const older = await writeBackup(storage, 20, { folder: 'weekly/2026_W01' });
		const keys = await writeDaily(storage, 3);
		await pruneBy(storage, { last: 1, weeklySnapshots: 1 }, { prefix: 'postgres/' });
		expect(await backupsIn(storage)).toEqual(withManifests([keys[0]!, weekly, older]));
		await pruneBy(storage, { last: 1, weeklySnapshots: 1 });
		expect(await backupsIn(storage)).toEqual(withManifests([keys[0]!, weekly]));
	});

	it('does nothing once it is cancelled', async () => {
		const storage = temporaryStorage();
		const keys = await writeDaily(storage, 3);
		const pruning = pruneBy(storage, { last: 1 }, { signal: AbortSignal.abort() });
		await expect(pruning).rejects.toMatchObject({ code: 'CANCELLED' });
		expect(await backupsIn(storage)).toEqual(withManifests(keys));
	});
});

describe('in a bucket', () => {
	let server: S3Server;
	const storages: S3Storage[] = [];
	beforeAll(async () => {
		server = await startS3rver();
	});
	afterAll(async () => {
		for (const storage of storages) storage.close();
		await server.stop();
	});
	pruneContract(async () => {
		const storage = new S3Storage(optionsFor(server, await server.createBucket()));
		storages.push(storage);
		return storage;
	});
});

describe('the catalogue', () => {
	it('reads a manifest once, and again only when it changes', async () => {
		const storage = temporaryStorage();
		const keys = await writeDaily(storage, 4);
		const first = await readCatalog(storage, { keepCache: true });
		expect(first.manifestsRead).toBe(4);
		const second = await readCatalog(storage, { keepCache: true });
		expect(second.manifestsRead).toBe(0);
		const sorted = (entries: typeof first.entries) => entries.sort((a, b) => (a.key < b.key ? -1 : 1));
		expect(sorted(second.entries)).toEqual(sorted(first.entries));
		await changeManifest(storage, keys[1]!, { pinned: true });
		await storage.remove(manifestKeyOf(keys[2]!));
		const third = await readCatalog(storage, { keepCache: true });
		expect(third.manifestsRead).toBe(1);
		expect(third.entries.filter(({ pinned }) => pinned).map(({ key }) => key)).toEqual([keys[1]]);
		expect(third.entries).toHaveLength(3);
	});

	it('knows an archive that has gone, though its manifest is cached', async () => {
		const storage = temporaryStorage();
		const keys = await writeDaily(storage, 2);
		await readCatalog(storage, { keepCache: true });
		await storage.remove(keys[0]!);
		const { entries } = await readCatalog(storage);
		expect(entries.filter(({ complete }) => !complete).map(({ key }) => key)).toEqual([keys[0]]);
	});

	it('does without a cache that is damaged', async () => {
		const storage = temporaryStorage();
		await writeDaily(storage, 2);
		await readCatalog(storage, { keepCache: true });
		const text = await textOf(storage, '.stack-backup/catalog.json');
		for (const damaged of [
			text.slice(0, -20),
			text.replaceAll('"kind":"postgres"', '"kind":"x"'),
			'{"version":1}',
			'',
		]) {
			await storage.replace('.stack-backup/catalog.json', Buffer.from(damaged));
			const { entries, manifestsRead } = await readCatalog(storage);
			expect([entries.length, manifestsRead]).toEqual([2, 2]);
		}
	});
});
