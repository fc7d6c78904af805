import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { findBackup, listManifests, openArchive, type Manifest } from '../../../engine/archive';
import { S3Client, type Bucket } from '../../../engine/minio/client';
import { restoreBucket } from '../../../engine/minio/restoreBucket';
import { BucketSource } from '../../../engine/minio/source';
import { isVersionName, pathOfVersion, versionIn } from '../../../engine/minio/versions';
import { prune } from '../../../engine/retention';
import { verifyBackup } from '../../../engine/systems';
import type { FolderStorage } from '../../../engine/storage/folder';
import { readIndex, Selection, type TreeEntry } from '../../../engine/tree';
import { noise } from '../../random/bytes';
import { temporaryStorage } from '../../integration/archive/support';
import { backUp, look, put, restore } from '../../integration/minio/round-trip-contract';
import { connectionOf } from '../../integration/minio/support';
import { startFaultyProxy } from '../../services/faultyProxy';
import { startMinio } from '../../services/s3/minio';
import { startSwift } from '../../services/s3/swift';
import type { S3Server } from '../../services/s3/server';

const random = noise('versions');
const signal = new AbortController().signal;
const ENABLED = '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>';

/** The histories of a bucket: for each key, the newest last, what each version holds. */
async function histories(bucket: Bucket): Promise<Record<string, string[]>> {
	const found: Record<string, string[]> = {};
	for await (const { key, versions } of bucket.listVersions()) {
		found[key] = [];
		for (const { versionId, isDeleteMarker } of versions.reverse()) {
			found[key].push(isDeleteMarker ? 'deleted' : await contentOf(bucket, key, versionId));
		}
	}
	return found;
}

async function contentOf(bucket: Bucket, key: string, versionId: string): Promise<string> {
	const opened = (await bucket.open(key, { versionId }))!;
	const pieces: Uint8Array[] = [];
	for await (const piece of opened.bytes) pieces.push(piece);
	const { metadata } = opened.facts.attributes;
	const tags = await bucket.tags(key, undefined, versionId);
	const content = Buffer.concat(pieces);
	const shown = content.length > 100 ? content.toString('base64') : content.toString();
	return [shown, ...Object.values(metadata ?? {}), ...Object.values(tags ?? {})].join(' ');
}

async function idsOf(bucket: Bucket): Promise<string[]> {
	const ids: string[] = [];
	for await (const { versions } of bucket.listVersions()) ids.push(...versions.map(({ versionId }) => versionId));
	return ids;
}

/** What a backup holds besides current objects: for each key, versions and markers in the order of the index. */
async function heldVersions(storage: FolderStorage, manifest: Manifest): Promise<Record<string, number[]>> {
	const held: Record<string, number[]> = {};
	const reader = await openArchive(storage, { manifest, folder: 'minio' });
	for await (const entry of readIndex(reader)) {
		const version = versionIn(entry);
		if (version) (held[version.key] ??= []).push(version.isDeleteMarker ? -1 : entry.size);
	}
	return held;
}

const OLDEST = 'before versions';

/** Back up and restore of all versions with any S3 server that keeps them. */
function describeVersions(name: string, start: () => Promise<S3Server>, has: { tags: boolean }): void {
	describe(`all versions of a bucket of ${name}`, () => {
		let server: S3Server;
		let client: S3Client;

		beforeAll(async () => {
			server = await start();
			client = new S3Client(connectionOf(server), 'target');
		});
		afterAll(async () => {
			client?.close();
			await server?.stop();
		});

		const filled = async (): Promise<Bucket> => {
			const bucket = client.bucket(await server.createBucket());
			await put(bucket, 'docs/a.txt', OLDEST);
			await bucket.configure('versioning', ENABLED);
			for (const stage of ['one', 'two', 'three']) {
				await put(bucket, 'docs/a.txt', stage, {
					metadata: { stage },
					...(has.tags && { tags: { stage: `tag ${stage}` } }),
				});
			}
			await put(bucket, 'docs/gone', 'x');
			await bucket.remove(['docs/gone']);
			await put(bucket, 'docs/again', 'first');
			await bucket.remove(['docs/again']);
			await put(bucket, 'docs/again', 'second');
			await put(bucket, 'docs/large.bin', random(6 * 1024 ** 2));
			await put(bucket, 'docs/large.bin', '');
			await put(bucket, 'once', 'once');
			return bucket;
		};

		it('are in a backup beside the current objects, which alone come back unless all are asked for', async () => {
			const { storage } = temporaryStorage();
			const bucket = await filled();
			const manifest = await backUp(server, storage, bucket.name, { versions: 'all' });
			expect(manifest).toMatchObject({
				counts: { files: 4 + 6 + 2, versions: 6, deleteMarkers: 2 },
				options: { versions: 'all' },
				warnings: [],
			});
			expect(manifest.partial).toBeUndefined();
			expect(await heldVersions(storage, manifest)).toEqual({
				'docs/a.txt': [15, 3, 3],
				'docs/again': [5, -1],
				'docs/gone': [1, -1],
				'docs/large.bin': [6 * 1024 ** 2],
			});
			const into = { bucket: `${bucket.name}-current`, createBucket: true };
			expect(await restore(server, storage, manifest, into)).toMatchObject({ written: 4 });
			expect(await look(client.bucket(into.bucket))).toEqual(await look(bucket));
			const { manifestKey } = await findBackup(storage, { id: manifest.id });
			const scratch = { minio: { connection: connectionOf(server), bucket: await server.createBucket() } };
			const report = await verifyBackup({ storage, key: manifestKey, level: 'restore', scratch });
			expect(report).toMatchObject({ verdict: 'passed', reached: 'restore' });
		});

		it('are not read again, and those that were removed are not in the next backup', async () => {
			const { storage } = temporaryStorage();
			const bucket = await filled();
			const incremental = { wholeEvery: 0, leastUse: 0 };
			const options = { versions: 'all' as const, incremental };
			const first = await backUp(server, storage, bucket.name, options);
			const same = await backUp(server, storage, bucket.name, options);
			expect(same).toMatchObject({ counts: { ...first.counts, stored: 0, reused: 12, increment: 1 } });
			await bucket.remove(['once']);
			for await (const { versions } of bucket.listVersions({ prefix: 'docs/a.txt' })) {
				const { versionId } = versions.at(-1)!;
				await server.client.removeObject(bucket.name, 'docs/a.txt', { versionId });
			}
			const changed = await backUp(server, storage, bucket.name, options);
			expect(changed).toMatchObject({ counts: { versions: 6, deleteMarkers: 3 } });
			expect(await heldVersions(storage, changed)).toMatchObject({ 'docs/a.txt': [3, 3], once: [4, -1] });
			const current = await backUp(server, storage, bucket.name, { incremental });
			expect(current).toMatchObject({ counts: { files: 3, stored: 0 } });
			expect(current.counts['versions']).toBeUndefined();
		});

		it('are not stored once more where the last backup has them as current objects', async () => {
			const { storage } = temporaryStorage();
			const bucket = await filled();
			const keys = Array.from({ length: 30 }, (_, index) => `many/${index}`);
			for (const key of keys) await put(bucket, key, random(10_000), { metadata: { stage: 'one' } });
			const options = { versions: 'all' as const, incremental: { wholeEvery: 0, leastUse: 0 } };
			const first = await backUp(server, storage, bucket.name, options);
			for (const key of keys) await put(bucket, key, random(1000), { metadata: { stage: 'two' } });
			await bucket.remove(['once']);
			await put(bucket, 'docs/large.bin', 'small');
			const second = await backUp(server, storage, bucket.name, options);
			// A tar has blocks of 512 bytes, and a delete marker, which is stored as well, has none.
			const uses = second.source['uses'] as Record<string, number>;
			expect(uses[second.id]).toBe(30 * 1024 + 512);
			expect(second).toMatchObject({ counts: { versions: 6 + 32, deleteMarkers: 3, stored: 30 + 1 + 1 } });
			expect(second.counts['reused']).toBe(second.counts['files']! - 32);
			await backUp(server, storage, bucket.name, { ...options, checkpointBytes: 1 });
			const last = await backUp(server, storage, bucket.name, options);
			expect(last.counts['stored']).toBe(0);
			expect(last.needs).toContain(first.id);
			const seen = await histories(bucket);
			for (const [index, manifest] of [second, last].entries()) {
				const into = { bucket: `${bucket.name}-all-${index}`, createBucket: true, versions: 'all' as const };
				await restore(server, storage, manifest, into);
				expect(await histories(client.bucket(into.bucket))).toEqual(seen);
			}
			const { manifestKey } = await findBackup(storage, { id: last.id });
			const scratch = { minio: { connection: connectionOf(server), bucket: await server.createBucket() } };
			const report = await verifyBackup({ storage, key: manifestKey, level: 'restore', scratch });
			expect(report).toMatchObject({ verdict: 'passed', reached: 'restore' });
		});

		it('are those of the selected keys', async () => {
			const { storage } = temporaryStorage();
			const bucket = await filled();
			const options = { versions: 'all' as const, prefix: 'docs/', exclude: ['*.bin', 'docs/gone'] };
			const manifest = await backUp(server, storage, bucket.name, options);
			expect(Object.keys(await heldVersions(storage, manifest))).toEqual(['docs/a.txt', 'docs/again']);
		});

		it('are the current ones of a bucket that keeps none', async () => {
			const { storage } = temporaryStorage();
			const bucket = client.bucket(await server.createBucket());
			await put(bucket, 'a', 'a');
			const manifest = await backUp(server, storage, bucket.name, { versions: 'all' });
			expect(manifest).toMatchObject({ counts: { files: 1, versions: 0, deleteMarkers: 0 }, warnings: [] });
		});

		it('miss none that is overwritten or removed while the bucket is listed', async () => {
			const bucket = await filled();
			const before = await idsOf(bucket);
			const source = new BucketSource({ bucket, selection: new Selection(), versions: 'all' });
			const held: string[] = [];
			for await (const entry of source.entries(signal)) {
				if (held.length === 0) {
					await put(bucket, 'docs/again', 'third');
					for (const stage of ['four', 'five']) await put(bucket, 'docs/a.txt', stage);
					await bucket.remove(['once']);
				}
				const opened = await source.open(entry, signal);
				if ('leftOut' in opened) continue;
				held.push(String(opened.facts.attributes?.['versionId']));
				await opened.close();
			}
			expect(held).toEqual(expect.arrayContaining(before));
		});

		it('are left out and named where they go before they are read', async () => {
			const bucket = await filled();
			const source = new BucketSource({ bucket, selection: new Selection({ prefix: 'docs/a.' }), versions: 'all' });
			const leftOut: unknown[] = [];
			for await (const entry of source.entries(signal)) {
				const version = versionIn(entry);
				if (version && entry.size === OLDEST.length) {
					await server.client.removeObject(bucket.name, version.key, { versionId: version.versionId });
					leftOut.push(await source.open(entry, signal), source.titleOf(entry));
				}
			}
			expect(leftOut).toEqual([
				{ leftOut: 'it was removed while the backup ran' },
				expect.stringMatching(/^docs\/a\.txt of 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC$/),
			]);
			expect(source.counts).toEqual({ versions: 2, deleteMarkers: 0 });
		});

		it('are asked for where an earlier backup has them and the list has not', async () => {
			const { storage } = temporaryStorage();
			const bucket = await filled();
			const manifest = await backUp(server, storage, bucket.name, { versions: 'all' });
			const reader = await openArchive(storage, { manifest, folder: 'minio' });
			const known: TreeEntry[] = [];
			for await (const entry of readIndex(reader)) if (versionIn(entry)?.key === 'docs/again') known.push(entry);
			const source = new BucketSource({ bucket, selection: new Selection(), versions: 'all' });
			const found = async () => await Promise.all(known.map((entry) => source.unlisted(entry, signal)));
			expect(await found()).toMatchObject([{ name: known[0]!.name, size: 5, state: known[0]!.state }, undefined]);
			expect(source.warnings).toEqual([expect.stringMatching(/^1 object is in the bucket .*docs\/again of 20/)]);
			// It is the current object when what came after it is gone.
			for await (const { versions } of bucket.listVersions({ prefix: 'docs/again' })) {
				for (const { versionId } of versions.slice(0, 2)) {
					await server.client.removeObject(bucket.name, 'docs/again', { versionId });
				}
			}
			expect(await found()).toEqual([undefined, undefined]);
			await bucket.remove(['docs/again']);
			await server.client.removeObject(bucket.name, 'docs/again', { versionId: versionIn(known[0]!)!.versionId });
			expect(await found()).toEqual([undefined, undefined]);
			expect(source.counts).toEqual({ versions: 1, deleteMarkers: 0 });
		});

		it('come back, of each key the oldest first, and a restore that is run again changes nothing', async () => {
			const { storage } = temporaryStorage();
			const bucket = await filled();
			const seen = await histories(bucket);
			const manifest = await backUp(server, storage, bucket.name, { versions: 'all' });
			const into = { bucket: `${bucket.name}-all`, createBucket: true, versions: 'all' as const };
			expect(await restore(server, storage, manifest, into)).toMatchObject({ written: 12, warnings: [] });
			const restored = client.bucket(into.bucket);
			expect(await histories(restored)).toEqual(seen);
			expect(await restore(server, storage, manifest, into)).toMatchObject({ written: 0, same: 12 });
			await put(restored, 'once', 'more');
			await expect(restore(server, storage, manifest, into)).rejects.toMatchObject({ code: 'TARGET_EXISTS' });
			expect(await restore(server, storage, manifest, { ...into, existing: 'skip' })).toMatchObject({
				written: 0,
				same: 11,
				skippedNames: ['once'],
			});
			const overwrite = { ...into, existing: 'overwrite' as const, confirmation: into.bucket };
			expect(await restore(server, storage, manifest, overwrite)).toMatchObject({ written: 1, overwritten: 1 });
			expect(await histories(restored)).toEqual({ ...seen, once: ['once', 'more', 'once'] });
			expect(await restore(server, storage, manifest, overwrite)).toMatchObject({ written: 0, same: 12 });
		});

		it('come back from an incremental set of many archives, below another prefix', async () => {
			const { storage } = temporaryStorage();
			const bucket = await filled();
			const incremental = { wholeEvery: 0, leastUse: 0 };
			await backUp(server, storage, bucket.name, { incremental });
			await put(bucket, 'docs/a.txt', 'four');
			await backUp(server, storage, bucket.name, { versions: 'all', incremental, checkpointBytes: 1 });
			await put(bucket, 'docs/large.bin', random(5 * 1024 ** 2));
			await put(bucket, 'once', random(2 * 1024 ** 2));
			await bucket.remove(['docs/again']);
			await backUp(server, storage, bucket.name, { versions: 'all', incremental });
			await put(bucket, 'docs/again', 'third');
			await put(bucket, 'once', 'three');
			const seen = await histories(bucket);
			const manifest = await backUp(server, storage, bucket.name, { versions: 'all', incremental });
			expect(manifest.needs!.length).toBeGreaterThan(3);
			const into = {
				bucket: await server.createBucket(),
				prefix: 'new/',
				versions: 'all' as const,
			};
			await expect(restore(server, storage, manifest, into)).rejects.toMatchObject({
				code: 'INVALID_INPUT',
				message: expect.stringContaining('does not keep versions') as string,
			});
			const restored = client.bucket(into.bucket);
			await restored.configure('versioning', ENABLED);
			await restore(server, storage, manifest, into);
			const renamed = Object.entries(seen).map(([key, history]) => [`new/${key}`, history]);
			expect(await histories(restored)).toEqual(Object.fromEntries(renamed));
		});

		it('come back from the oldest and the newest backup that retention has left of an encrypted set', async () => {
			const { storage } = temporaryStorage();
			const bucket = await filled();
			const keys = { passphrase: 'of the versions' };
			const options = { keys, encryption: keys, versions: 'all' as const, incremental: { wholeEvery: 0, leastUse: 0 } };
			const seen: Record<string, Record<string, string[]>> = {};
			const made: Manifest[] = [];
			const backUpNow = async (more: { checkpointBytes?: number } = {}) => {
				const manifest = await backUp(server, storage, bucket.name, { ...options, ...more });
				seen[manifest.id] = await histories(bucket);
				made.push(manifest);
			};
			await backUpNow();
			await put(bucket, 'docs/a.txt', 'four');
			await bucket.remove(['once']);
			await backUpNow({ checkpointBytes: 1 });
			await put(bucket, 'once', random(2 * 1024 ** 2));
			await backUpNow();
			await put(bucket, 'once', 'twice');
			await put(bucket, 'docs/gone', 'is back');
			await backUpNow();
			const policy = { rules: { last: 2 }, maxDeletedShare: 1 };
			expect(await prune({ storage, policy, trust: { passphrase: keys.passphrase }, owner: 'test' })).toMatchObject({
				refusal: null,
			});
			const { backups } = await listManifests(storage, '');
			const left = backups.map(({ manifest }) => manifest.id);
			expect(left).toEqual(expect.arrayContaining(made.slice(2).map(({ id }) => id)));
			const scratch = { minio: { connection: connectionOf(server), bucket: await server.createBucket() } };
			for (const id of [left[0]!, left.at(-1)!]) {
				const { manifestKey, manifest } = await findBackup(storage, { id });
				const report = await verifyBackup({ storage, key: manifestKey, level: 'restore', keys, scratch });
				expect(report).toMatchObject({ verdict: 'passed', reached: 'restore' });
				const reader = await openArchive(storage, { manifest, folder: 'minio' }, keys);
				const into = { bucket: `${bucket.name}-${manifest.id.slice(0, 8)}`, createBucket: true };
				const connection = connectionOf(server);
				const existing = 'fail' as const;
				await restoreBucket({ reader, storage, keys, connection, existing, versions: 'all', ...into });
				expect(await histories(client.bucket(into.bucket))).toEqual(seen[manifest.id]);
			}
			const { manifestKey } = await findBackup(storage, { id: made.at(-1)!.id });
			const wrong = { passphrase: 'of something else' };
			const report = await verifyBackup({ storage, key: manifestKey, level: 'restore', keys: wrong, scratch });
			expect(report.verdict).not.toBe('passed');
		});

		it('go on where a restore broke', async () => {
			const { storage } = temporaryStorage();
			const bucket = await filled();
			const seen = await histories(bucket);
			const manifest = await backUp(server, storage, bucket.name, { versions: 'all' });
			const into = { bucket: await server.createBucket(), versions: 'all' as const };
			const restored = client.bucket(into.bucket);
			await restored.configure('versioning', ENABLED);
			for (let entries = 1, isOver = false; !isOver; entries += 2) {
				const controller = new AbortController();
				const onProgress = (progress: { entries: number }) => {
					if (progress.entries > entries) controller.abort();
				};
				isOver = await restore(server, storage, manifest, { ...into, signal: controller.signal, onProgress }).then(
					() => true,
					(error: unknown) => {
						expect(error).toMatchObject({ code: 'CANCELLED' });
						return false;
					},
				);
			}
			expect(await histories(restored)).toEqual(seen);
		});

		it('are chosen one by one, and become current objects', async () => {
			const { storage } = temporaryStorage();
			const bucket = await filled();
			const manifest = await backUp(server, storage, bucket.name, { versions: 'all' });
			const paths: string[] = [];
			const reader = await openArchive(storage, { manifest, folder: 'minio' });
			for await (const { name } of readIndex(reader)) if (isVersionName(name)) paths.push(pathOfVersion(name));
			const pathOf = (key: string, index: number) => paths.filter((path) => path.includes(`/${key}/`))[index]!;
			const into = { bucket: await server.createBucket(), prefix: 'old/' };
			const choices = { exactly: pathOf('docs/a.txt', 1) };
			expect(await restore(server, storage, manifest, { ...into, choices })).toMatchObject({ written: 1 });
			expect(await histories(client.bucket(into.bucket))).toEqual({
				'old/docs/a.txt': [has.tags ? 'one one tag one' : 'one one'],
			});
			const marker = { ...into, choices: { exactly: pathOf('docs/gone', 1) } };
			await expect(restore(server, storage, manifest, marker)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
		});

		it('are told not to be there by a restore of all from a backup without them', async () => {
			const { storage } = temporaryStorage();
			const bucket = await filled();
			const manifest = await backUp(server, storage, bucket.name);
			const into = { bucket: await server.createBucket(), versions: 'all' as const };
			const { written, warnings } = await restore(server, storage, manifest, into);
			expect(written).toBe(4);
			expect(warnings).toEqual(['The backup holds current objects alone, so no older versions were restored.']);
		});

		it('are told where one was written twice because the answer of the server was lost', async () => {
			const { storage } = temporaryStorage();
			const bucket = await filled();
			const manifest = await backUp(server, storage, bucket.name, { versions: 'all' });
			const into = { bucket: `${bucket.name}-all`, createBucket: true, versions: 'all' as const };
			const proxy = await startFaultyProxy(server.endpoint);
			try {
				proxy.faults = [{ when: /^PUT \S+\/once/, times: 1, act: { kind: 'cutAnswer', afterBytes: 0 } }];
				const { warnings } = await restore({ ...server, endpoint: proxy.endpoint }, storage, manifest, into);
				expect(warnings).toEqual([
					expect.stringContaining('has 13 versions and delete markers now, and should have 12'),
				]);
			} finally {
				await proxy.stop();
			}
			await expect(restore(server, storage, manifest, into)).resolves.toMatchObject({ written: 0 });
		});
	});
}

describeVersions('MinIO', startMinio, { tags: true });
describeVersions('Swift', startSwift, { tags: false });

describe('any history of versions, backups and prunes', () => {
	let server: S3Server;
	let client: S3Client;

	beforeAll(async () => {
		server = await startMinio();
		client = new S3Client(connectionOf(server), 'target');
	});
	afterAll(async () => {
		client?.close();
		await server?.stop();
	});

	/** MinIO makes no delete marker of an object that has no version. */
	const fromObjectsOn = (all: Record<string, string[]>) => {
		const begun = Object.entries(all).map(([key, history]) => {
			const first = history.findIndex((version) => version !== 'deleted');
			return [key, first < 0 ? [] : history.slice(first)] as const;
		});
		return Object.fromEntries(begun.filter(([, { length }]) => length > 0));
	};

	const removeOldest = async (bucket: Bucket, key: string) => {
		for await (const { key: listed, versions } of bucket.listVersions({ prefix: key })) {
			if (listed !== key || versions.length < 2) continue;
			await server.client.removeObject(bucket.name, key, { versionId: versions.at(-1)!.versionId });
		}
	};

	it('comes back from each of its backups that prunes have left', async () => {
		const key = fc.constantFrom('a', 'a!', 'b', 'c/d');
		const size = fc.constantFrom(0, 9, 3000);
		const step = fc.oneof(
			{ weight: 6, arbitrary: fc.record({ do: fc.constant('put' as const), key, size }) },
			{ weight: 2, arbitrary: fc.record({ do: fc.constant('remove' as const), key }) },
			{ weight: 1, arbitrary: fc.record({ do: fc.constant('removeOldest' as const), key }) },
			{
				weight: 5,
				arbitrary: fc.record({ do: fc.constant('backUp' as const), checkpointBytes: fc.constantFrom(1, 5000, 1e9) }),
			},
			{
				weight: 1,
				arbitrary: fc.record({ do: fc.constant('prune' as const), last: fc.integer({ min: 1, max: 2 }) }),
			},
		);
		const property = fc.asyncProperty(fc.array(step, { minLength: 12, maxLength: 20 }), async (steps) => {
			const { storage } = temporaryStorage();
			const bucket = client.bucket(await server.createBucket());
			await bucket.configure('versioning', ENABLED);
			const expected = new Map<string, Record<string, string[]>>();
			for (const each of steps) {
				if (each.do === 'put') await put(bucket, each.key, random(each.size));
				else if (each.do === 'remove') await bucket.remove([each.key]);
				else if (each.do === 'removeOldest') await removeOldest(bucket, each.key);
				else if (each.do === 'backUp') {
					const options = { versions: 'all' as const, incremental: { wholeEvery: 0, leastUse: 0 } };
					const manifest = await backUp(server, storage, bucket.name, { ...options, ...each });
					expected.set(manifest.id, fromObjectsOn(await histories(bucket)));
				} else {
					await prune({ storage, policy: { rules: { last: each.last }, maxDeletedShare: 1 }, owner: 'test' });
				}
			}
			for (const { manifest: summary } of (await listManifests(storage, '')).backups) {
				const { manifest } = await findBackup(storage, { id: summary.id });
				const into = { bucket: `${bucket.name}-${manifest.id.slice(0, 8)}`, createBucket: true };
				await restore(server, storage, manifest, { ...into, versions: 'all' });
				expect(fromObjectsOn(await histories(client.bucket(into.bucket)))).toEqual(expected.get(manifest.id));
			}
		});
		await fc.assert(property, { numRuns: 4 });
	});
});
