import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { findBackup, openArchive, type Manifest } from '../../../engine/archive';
import { S3Client, type Bucket, type ObjectAttributes } from '../../../engine/minio/client';
import { backUpBuckets, type BackUpBucketsOptions } from '../../../engine/minio/backUpBuckets';
import { restoreBucket, type RestoreBucketOptions } from '../../../engine/minio/restoreBucket';
import { verifyBackup } from '../../../engine/systems';
import type { FolderStorage } from '../../../engine/storage/folder';
import { noise } from '../../random/bytes';
import type { S3Server } from '../../services/s3/server';
import { temporaryStorage } from '../archive/support';
import { connectionOf } from './support';

const random = noise('buckets');
const signal = new AbortController().signal;

export interface Abilities {
	tags: boolean;
	/** Whether keys may be no names of files: `a//b`, `/a`, `a` beside `a/b`. */
	oddKeys: boolean;
}

export async function put(
	bucket: Bucket,
	key: string,
	content: Uint8Array | string,
	attributes: ObjectAttributes = {},
) {
	const bytes = Buffer.from(content);
	const chunks = async function* () {
		if (bytes.length > 0) yield await Promise.resolve(bytes);
	};
	await bucket.put(key, chunks(), { size: bytes.length, attributes, replaces: true, signal });
}

/** All that a user can see of a bucket's objects. */
export async function look(bucket: Bucket): Promise<Record<string, unknown>> {
	const seen: Record<string, unknown> = {};
	for await (const { key, size } of bucket.list()) {
		const opened = (await bucket.open(key))!;
		const pieces: Uint8Array[] = [];
		for await (const piece of opened.bytes) pieces.push(piece);
		const { contentType, cacheControl, metadata } = opened.facts.attributes;
		const content = Buffer.concat(pieces).toString('base64');
		seen[key] = { size, content, contentType, cacheControl, metadata, tags: (await bucket.tags(key)) ?? {} };
	}
	return seen;
}

export async function backUp(
	server: Parameters<typeof connectionOf>[0],
	storage: FolderStorage,
	bucket: string,
	options: Partial<BackUpBucketsOptions> = {},
): Promise<Manifest> {
	const connection = connectionOf(server);
	const run = await backUpBuckets({ connection, storage, codec: { name: 'zstd' }, buckets: [bucket], ...options });
	if (run.failures[0]) throw run.failures[0].error;
	return run.backups[0]!;
}

export async function restore(
	server: Parameters<typeof connectionOf>[0],
	storage: FolderStorage,
	manifest: Manifest,
	options: Partial<RestoreBucketOptions> & { bucket: string },
) {
	const reader = await openArchive(storage, { manifest, folder: 'minio' });
	const connection = connectionOf(server);
	return await restoreBucket({ reader, storage, keys: undefined, connection, existing: 'fail', ...options });
}

/** Back up and restore with any S3 server. */
export function describeRoundTrips(name: string, start: () => Promise<S3Server>, has: Abilities): void {
	describe(`backups of buckets of ${name}`, () => {
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
			await put(bucket, 'docs/a.txt', 'a', { contentType: 'text/plain', metadata: { author: 'Zoë', stage: 'x' } });
			await put(bucket, 'docs/large.bin', random(6 * 1024 ** 2), { cacheControl: 'no-cache' });
			await put(bucket, 'docs/empty', '');
			await put(bucket, 'docs/ü b+c%20', 'ü', has.tags ? { tags: { project: 'a/b' } } : {});
			await put(bucket, 'images/1.png', random(1000), { contentType: 'image/png' });
			if (has.oddKeys) for (const key of ['docs', 'x//y', '/x', 'x/../y', 'folder/']) await put(bucket, key, key);
			return bucket;
		};

		it('come back with all that belongs to the objects', async () => {
			const { storage } = temporaryStorage();
			const bucket = await filled();
			const manifest = await backUp(server, storage, bucket.name);
			const seen = await look(bucket);
			expect(manifest).toMatchObject({ kind: 'minio', name: bucket.name, counts: { files: Object.keys(seen).length } });
			expect(manifest.partial).toBeUndefined();
			const restored = await restore(server, storage, manifest, { bucket: `${bucket.name}-again`, createBucket: true });
			expect(restored).toMatchObject({ isBucketCreated: true, written: Object.keys(seen).length, warnings: [] });
			expect(await look(client.bucket(`${bucket.name}-again`))).toEqual(seen);
			const { manifestKey } = await findBackup(storage, { id: manifest.id });
			const scratch = { minio: { connection: connectionOf(server) } };
			const report = await verifyBackup({ storage, key: manifestKey, level: 'restore', scratch });
			expect(report).toMatchObject({ verdict: 'passed', reached: 'restore' });
			expect((await client.buckets()).filter((each) => each.name.includes('verify'))).toEqual([]);
		});

		it('are restored for a test below a prefix, however long their keys are, and leave nothing there', async () => {
			const { storage } = temporaryStorage();
			const bucket = await filled();
			await put(bucket, Array.from({ length: 5 }, () => 'k'.repeat(200)).join('/'), 'long');
			const manifest = await backUp(server, storage, bucket.name);
			const { manifestKey } = await findBackup(storage, { id: manifest.id });
			const scratch = client.bucket(await server.createBucket());
			await put(scratch, 'own.txt', 'own');
			const minio = { connection: connectionOf(server), bucket: scratch.name };
			const report = await verifyBackup({ storage, key: manifestKey, level: 'restore', scratch: { minio } });
			expect(report).toMatchObject({ verdict: 'passed', reached: 'restore', findings: [] });
			expect(Object.keys(await look(scratch))).toEqual(['own.txt']);
		});

		it('hold only what is new, and come back whole', async () => {
			const { storage } = temporaryStorage();
			const bucket = await filled();
			const incremental = { wholeEvery: 0, leastUse: 0 };
			const first = await backUp(server, storage, bucket.name, { incremental });
			await put(bucket, 'docs/new', 'new');
			await put(bucket, 'docs/a.txt', 'other');
			await bucket.remove(['images/1.png']);
			const second = await backUp(server, storage, bucket.name, { incremental });
			expect(second).toMatchObject({ needs: [first.id], counts: { stored: 2, increment: 1 } });
			const seen = await look(bucket);
			await restore(server, storage, second, { bucket: `${bucket.name}-second`, createBucket: true });
			expect(await look(client.bucket(`${bucket.name}-second`))).toEqual(seen);
		});

		it('are without what a mirror remembers of its copies, and with what it has put into its trash', async () => {
			const { storage } = temporaryStorage();
			const bucket = await filled();
			const seen = await look(bucket);
			await put(bucket, '.stack-backup-trash/2026-01-31/x', 'x');
			await put(bucket, 'stack-backup-mirror/y', 'y');
			const kept = await look(bucket);
			expect(Object.keys(kept)).toHaveLength(Object.keys(seen).length + 2);
			for (const key of ['.stack-backup-mirror/a/head', 'below/.stack-backup-mirror/b'])
				await put(bucket, key, 'record');
			const manifest = await backUp(server, storage, bucket.name);
			expect(manifest).toMatchObject({ counts: { files: Object.keys(kept).length }, warnings: [] });
			const into = { bucket: `${bucket.name}-again`, createBucket: true };
			await restore(server, storage, manifest, into);
			expect(await look(client.bucket(into.bucket))).toEqual(kept);
		});

		it('come back in part, below another prefix, and go on where a restore broke', async () => {
			const { storage } = temporaryStorage();
			const bucket = await filled();
			const manifest = await backUp(server, storage, bucket.name, { prefix: 'docs/', exclude: ['*.bin'] });
			expect(manifest).toMatchObject({
				partial: { content: 'all', selection: ['--prefix=docs/', '--exclude=*.bin'] },
				counts: { files: 3 },
			});
			const target = client.bucket(await server.createBucket());
			const into = { bucket: target.name, prefix: 'restored/', withoutPrefix: 'docs/' };
			await put(target, 'restored/empty', '');
			await put(target, 'restored/a.txt', 'a');
			expect(await restore(server, storage, manifest, into)).toMatchObject({ written: 1, same: 2 });
			await put(target, 'restored/a.txt', 'b');
			await expect(restore(server, storage, manifest, into)).rejects.toMatchObject({ code: 'TARGET_EXISTS' });
			expect(await restore(server, storage, manifest, { ...into, existing: 'skip' })).toMatchObject({ skipped: 1 });
			const overwrite = { ...into, existing: 'overwrite' as const };
			await expect(restore(server, storage, manifest, overwrite)).rejects.toMatchObject({ code: 'NOT_CONFIRMED' });
			await restore(server, storage, manifest, { ...overwrite, confirmation: target.name });
			expect((await look(target))['restored/a.txt']).toMatchObject({ content: 'YQ==', metadata: { stage: 'x' } });
		});

		it('are made of several buckets, and one that fails does not keep the others', async () => {
			const { storage } = temporaryStorage();
			const [one, two] = [await server.createBucket(), await server.createBucket()];
			await put(client.bucket(one), 'a', '1');
			const buckets = [one, 'no-such-bucket-here', two];
			const run = await backUpBuckets({ connection: connectionOf(server), storage, codec: { name: 'gzip' }, buckets });
			expect(run.backups.map((manifest) => [manifest.name, manifest.runId, manifest.counts['files']])).toEqual([
				[one, run.runId, 1],
				[two, run.runId, 0],
			]);
			expect(run.failures).toMatchObject([{ bucket: 'no-such-bucket-here', error: { code: 'INVALID_INPUT' } }]);
			const empty = await restore(server, storage, run.backups[1]!, { bucket: `${two}-empty`, createBucket: true });
			expect(empty).toMatchObject({ isBucketCreated: true, written: 0 });
		});
	});
}
