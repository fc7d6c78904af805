import { utimesSync } from 'node:fs';
import path from 'node:path';
import { gzipSync, gunzipSync } from 'node:zlib';

import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { findBackup, formatManifest, listManifests, manifestKeyOf, type Manifest } from '../../../engine/archive';
import { BackupError } from '../../../engine/errors';
import { prune } from '../../../engine/retention';
import { S3Storage, type Storage } from '../../../engine/storage';
import { startFaultyProxy, type FaultyProxy } from '../../services/faultyProxy';
import { startS3rver } from '../../services/s3/s3rver';
import type { S3Server } from '../../services/s3/server';
import { intercepted } from '../retention/proxy';
import { optionsFor } from '../storage/s3-under-test';
import { collect, temporaryStorage } from './support';

const STORED = '.stack-backup/catalog.jsonl.gz';
const HOUR_MS = 3_600_000;

/** Hourly backups of one name in a folder, the newest first. Resolves with their manifests. */
async function writeMany(storage: Storage, count: number, folder = 'postgres', offset = 0): Promise<Manifest[]> {
	const made: Manifest[] = [];
	for (let index = offset; index < offset + count; index++) {
		const startedAt = new Date(Date.UTC(2026, 5, 1) - index * HOUR_MS).toISOString();
		const file = `shop_${startedAt.slice(0, 19).replace(/[-:]/g, '').replace('T', '_')}.sql`;
		const id = `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`;
		const manifest: Manifest = {
			formatVersion: 2,
			id,
			kind: 'postgres',
			name: 'shop',
			file,
			folder,
			startedAt,
			finishedAt: startedAt,
			source: { system: 'postgresql', version: '18.0' },
			tool: { name: 'test', version: '1' },
			codec: { name: 'none' },
			encryption: null,
			size: { raw: 1, compressed: 1, stored: 1 },
			sha256: 'a'.repeat(64),
			parts: [{ type: 'data', offset: 0, length: 1, rawLength: 1, sha256: 'a'.repeat(64) }],
			counts: { rows: index },
			options: {},
			warnings: [],
			tags: [],
		};
		made.push(manifest);
	}
	await Promise.all(
		made.map(async (manifest) => {
			const key = `${folder}/${manifest.file}`;
			await storage.replace(key, Buffer.from('x'));
			await storage.replace(manifestKeyOf(key), Buffer.from(formatManifest(manifest)));
		}),
	);
	return made;
}

/** A manifest that comes back after its removal with the size and the time that it had. */
async function movableManifest(root: string, storage: Storage, { file }: Manifest) {
	const key = `postgres/${file}`;
	const manifest = manifestKeyOf(key);
	const content = await collect(await storage.read(manifest));
	const time = new Date(Math.floor(Date.now() / 1000) * 1000);
	const putBack = async () => {
		await storage.replace(manifest, content);
		utimesSync(path.join(root, manifest), time, time);
	};
	await putBack();
	return { key, manifest, mtime: time.getTime(), putBack };
}

/** Counts the manifests that are read of a storage. */
function counting(storage: Storage, more: Partial<Storage> = {}) {
	const read: string[] = [];
	const small = storage.smallReader?.();
	const counted = intercepted(storage, {
		...(small && {
			smallReader: () => async (key, signal) => {
				read.push(key);
				return await small(key, signal);
			},
		}),
		read: async (key, options) => {
			if (key.endsWith('.manifest.json')) read.push(key);
			return await storage.read(key, options);
		},
		...more,
	});
	return { storage: counted, read, take: () => read.splice(0).length };
}

const idsOf = ({ backups }: Awaited<ReturnType<typeof listManifests>>) => backups.map(({ manifest }) => manifest.id);

describe('the stored catalogue', () => {
	it('spares lists, finds by id and the latest the reading of manifests', async () => {
		const plain = temporaryStorage().storage;
		const made = await writeMany(plain, 60);
		const { storage, take } = counting(plain);
		const first = await listManifests(storage, 'postgres/');
		expect(take()).toBe(60);
		const second = await listManifests(storage, 'postgres/');
		expect(take()).toBe(0);
		expect(second).toEqual(first);
		expect(idsOf(await listManifests(storage, '', { limit: 3 }))).toEqual(made.slice(0, 3).map(({ id }) => id));
		expect(take()).toBe(0);
		expect((await findBackup(storage, { id: made[7]!.id })).manifest).toEqual(made[7]);
		expect(take()).toBe(1);
		expect((await findBackup(storage, { latest: 'shop' })).manifest).toEqual(made[0]);
		// Those that were written after it began, and may be newer by their names in some time zone.
		expect(take()).toBe(1 + 12);
		const secret = { passphrase: 'secret' };
		await listManifests(storage, '', {}, undefined, secret);
		take();
		for (const reference of [{ latest: 'shop' }, { id: made[0]!.id }]) {
			expect((await findBackup(storage, reference, '', undefined, secret)).manifest).toEqual(made[0]);
			expect(take()).toBe(1);
		}
	});

	it('is right after changes by others, whatever they changed', async () => {
		const plain = temporaryStorage().storage;
		const made = await writeMany(plain, 60);
		const { storage, take } = counting(plain);
		await listManifests(storage, '');
		take();
		const keyOf = ({ file }: Manifest) => `postgres/${file}`;
		await plain.remove(manifestKeyOf(keyOf(made[0]!)));
		await plain.replace(manifestKeyOf(keyOf(made[1]!)), Buffer.from(formatManifest({ ...made[1]!, pinned: true })));
		await plain.replace(manifestKeyOf(keyOf(made[2]!)), Buffer.from('{'));
		await plain.remove(keyOf(made[3]!));
		await writeMany(plain, 1, 'postgres', 60);
		const { backups, damaged } = await listManifests(storage, '');
		expect(take()).toBe(3);
		expect(backups.map(({ manifest }) => manifest.id)).toEqual([
			...[1, 3].map((index) => made[index]!.id),
			...made.slice(4).map(({ id }) => id),
			'00000000-0000-4000-8000-000000000060',
		]);
		expect([backups[0]!.manifest.pinned, backups[1]!.foundSize]).toEqual([true, undefined]);
		expect(damaged.map(({ manifestKey }) => manifestKey)).toEqual([manifestKeyOf(keyOf(made[2]!))]);
	});

	it('leads nobody to another backup when it was forged: all manifests are read then', async () => {
		const plain = temporaryStorage().storage;
		const made = await writeMany(plain, 40);
		const { storage, take } = counting(plain);
		await listManifests(storage, '');
		const text = gunzipSync(await collect(await plain.read(STORED))).toString();
		const [wanted, other] = [made[5]!.id, made[6]!.id];
		const forged = text.replace(wanted, 'x').replace(other, wanted).replace('x', other);
		await plain.replace(STORED, gzipSync(forged));
		take();
		expect((await findBackup(storage, { id: wanted })).manifest).toEqual(made[5]);
		expect(take()).toBeGreaterThanOrEqual(40);
		// That reading stored it anew.
		expect((await findBackup(storage, { id: wanted })).manifest).toEqual(made[5]);
		expect(take()).toBe(1);
	});

	const newest = '00000000-0000-4000-8000-000000000000';
	it.each<[string, (line: string) => string]>([
		['another id', (line) => line.replace(newest, '00000000-1111-4000-8000-000000000000')],
		['another time', (line) => line.replace(/"startedAt":"[^"]*"/, '"startedAt":"2020-01-01T00:00:00.000Z"')],
		['another kind', (line) => line.replace('"kind":"postgres"', '"kind":"qdrant"')],
		['a part', (line) => line.replace('"tags":', '"partial":{"content":"data","selection":[]},"tags":')],
		['needs', (line) => line.replace('"tags":', `"needs":["11111111-1111-4000-8000-000000000000"],"tags":`)],
	])('hides no backup by a line that is forged: %s', async (_name, forge) => {
		for (const passphrase of [undefined, 'secret']) {
			const { storage } = temporaryStorage();
			const made = await writeMany(storage, 40);
			await listManifests(storage, '', {}, undefined, { passphrase });
			const text = gunzipSync(await collect(await storage.read(STORED))).toString();
			const forged = text.replace(/^.*000000000000".*$/m, forge);
			expect(forged).not.toBe(text);
			for (const reference of [{ id: newest }, { latest: 'shop' }, { latest: 'shop', kind: 'postgres' }] as const)
				for (const reader of [{ passphrase }, { passphrase: 'secret' }]) {
					await storage.replace(STORED, gzipSync(forged));
					expect((await findBackup(storage, reference, '', undefined, reader)).manifest).toEqual(made[0]);
				}
		}
	});

	it('is repaired by whoever finds that a line in it was forged', async () => {
		const plain = temporaryStorage().storage;
		const made = await writeMany(plain, 40);
		const { storage, take } = counting(plain);
		await listManifests(storage, '');
		const text = gunzipSync(await collect(await plain.read(STORED))).toString();
		for (const reference of [{ id: newest }, { latest: 'shop' }]) {
			await plain.replace(STORED, gzipSync(text.replace(newest, '00000000-1111-4000-8000-000000000000')));
			expect((await findBackup(storage, reference)).manifest).toEqual(made[0]);
			take();
			expect((await findBackup(storage, { id: newest })).manifest).toEqual(made[0]);
			expect(take()).toBe(1);
		}
	});

	it.each([
		['that are of nothing that is listed', (line: string) => line],
		['that cannot be parsed', () => '["postgres/x'],
		['of archives that are listed, which no schema takes', (line: string) => line.replace('"postgres"', '"x"')],
	])('keeps no run busy, filled with lines %s, and is replaced by the first list', async (_name, change) => {
		const { storage } = temporaryStorage();
		const made = await writeMany(storage, 3);
		await writeMany(storage, 40, 'other');
		await listManifests(storage, 'other/');
		await prune({ storage, policy: { rules: { last: 100 } }, owner: 'test' });
		const [head, first = '', ...others] = gunzipSync(await collect(await storage.read(STORED)))
			.toString()
			.split('\n');
		const lines = Array.from({ length: 60_000 }, () => change(first));
		for (const key of [`postgres/${made[0]!.file}`]) await storage.remove(manifestKeyOf(key));
		await storage.replace(STORED, gzipSync([head, ...lines, ...others].join('\n')));
		expect(idsOf(await listManifests(storage, 'postgres/'))).toEqual(made.slice(1).map(({ id }) => id));
		await listManifests(storage, '');
		const text = gunzipSync(await collect(await storage.read(STORED))).toString();
		expect(text.split('\n').length).toBeLessThan(50);
	});

	it('is replaced where it is damaged, however few backups there are', async () => {
		const { storage } = temporaryStorage();
		const made = await writeMany(storage, 2);
		for (const content of ['{', gzipSync('\n'.repeat(3_000_000))]) {
			await storage.replace(STORED, Buffer.from(content));
			expect(idsOf(await listManifests(storage, ''))).toEqual(made.map(({ id }) => id));
			const text = gunzipSync(await collect(await storage.read(STORED))).toString();
			expect(text.split('\n')).toHaveLength(4);
		}
	});

	it('is not needed: where nothing may be written, everything is read each time', async () => {
		const plain = temporaryStorage().storage;
		const made = await writeMany(plain, 40);
		const replace = () => Promise.reject(new BackupError('STORAGE_DENIED', 'Read only.'));
		const { storage, take } = counting(plain, { replace });
		for (const _run of [1, 2]) {
			expect(idsOf(await listManifests(storage, ''))).toEqual(made.map(({ id }) => id));
			expect(take()).toBe(40);
		}
		expect((await findBackup(storage, { id: made[3]!.id })).manifest).toEqual(made[3]);
	});

	it('is kept whole by two runs at once', async () => {
		const { storage } = temporaryStorage();
		await writeMany(storage, 40, 'a');
		await writeMany(storage, 40, 'b', 40);
		let goOn = () => {};
		const waiting = new Promise<void>((resolve) => (goOn = resolve));
		// The first one has read all its manifests when the other one stores what it has read.
		const slow = intercepted(storage, {
			list: async function* (prefix) {
				yield* storage.list(prefix);
				await waiting;
			},
		});
		const first = listManifests(slow, 'a/');
		await listManifests(storage, 'b/');
		goOn();
		await first;
		const { storage: counted, take } = counting(storage);
		expect((await listManifests(counted, '')).backups).toHaveLength(80);
		expect(take()).toBe(0);
	});

	it('knows what is missed for retention, also when a list has stored it anew in between', async () => {
		const { storage } = temporaryStorage();
		const made = await writeMany(storage, 40);
		const policy = { rules: { last: 100 } };
		const now = new Date('2026-07-01T00:00:00.000Z');
		await prune({ storage, policy, owner: 'test', now });
		const key = `postgres/${made[9]!.file}`;
		await storage.remove(manifestKeyOf(key));
		await writeMany(storage, 40, 'postgres', 40);
		await listManifests(storage, '');
		// The files of this test are of today, the runs of retention of later days.
		const later = (days: number) => new Date(Date.now() + days * 24 * HOUR_MS);
		const first = await prune({ storage, policy, owner: 'test', now: later(2) });
		expect([first.orphans, first.unproven]).toEqual([[], []]);
		const second = await prune({ storage, policy, owner: 'test', now: later(4) });
		expect(second.removedOrphans).toEqual([key]);
	});

	it.each([undefined, 'secret'])(
		'forgets that a manifest was missed when it is back (passphrase: %s)',
		async (passphrase) => {
			const { root, storage } = temporaryStorage();
			const made = await writeMany(storage, 40);
			const { mtime, key, manifest, putBack } = await movableManifest(root, storage, made[9]!);
			const pruned = async (days: number) => {
				const now = new Date(mtime + days * 24 * HOUR_MS);
				const trust = { passphrase };
				return await prune({ storage, policy: { rules: { last: 100 } }, owner: 'test', now, trust });
			};
			await pruned(2);
			await storage.remove(manifest);
			await pruned(3);
			await putBack();
			await pruned(4);
			await storage.remove(manifest);
			expect((await pruned(40)).removedOrphans).toEqual([]);
			expect((await pruned(40.5)).removedOrphans).toEqual([]);
			expect((await pruned(42)).removedOrphans).toEqual([key]);
		},
	);
});

describe('lists and finds in a bucket', () => {
	let server: S3Server;
	let proxy: FaultyProxy;
	beforeAll(async () => {
		server = await startS3rver();
		proxy = await startFaultyProxy(server.endpoint);
	});
	afterAll(async () => {
		await proxy.stop();
		await server.stop();
	});

	it('take a few requests, however many backups there are', async () => {
		const bucket = await server.createBucket();
		const direct = new S3Storage(optionsFor(server, bucket));
		const storage = new S3Storage(optionsFor(server, bucket, { endpoint: proxy.endpoint }));
		onTestFinished(() => [direct, storage].forEach((one) => one.close()));
		const made = await writeMany(direct, 300);
		const requests = () => proxy.requests.splice(0).length;
		requests();
		await listManifests(storage, '', { limit: 50 });
		// A listing, and a stored catalogue that is not there, read twice and then written.
		expect(requests()).toBe(300 + 4);
		await listManifests(storage, '', { limit: 50 });
		expect(requests()).toBe(2);
		expect((await findBackup(storage, { id: made[299]!.id })).key).toBe(`postgres/${made[299]!.file}`);
		expect(requests()).toBe(3);
	});
});
