import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { S3Storage, type S3StorageOptions } from '../../../engine/storage';
import { content, digest } from '../../integration/storage/content';
import { storageContract } from '../../integration/storage/contract';
import { s3Faults } from '../../integration/storage/s3-faults';
import {
	optionsFor,
	PART_BYTES,
	quickRetry,
	s3UnderTest,
	unfinishedUploads,
} from '../../integration/storage/s3-under-test';
import { startMinio } from '../../services/s3/minio';
import type { S3Server } from '../../services/s3/server';

const MIB = 1024 * 1024;
const THREE_PARTS = 13 * MIB;

/** Everything that only MinIO can judge: conditional writes, object lock, encryption, regions. */
export function withMinio(): void {
	describe('with MinIO', () => {
		storageContract('MinIO', () => s3UnderTest(startMinio, { listsUploads: true }));
		s3Faults('MinIO', startMinio, { listsUploads: true, checksSignatures: true });

		describe('S3Storage before MinIO', () => {
			let server: S3Server;
			const opened: S3Storage[] = [];
			beforeAll(async () => {
				server = await startMinio({ region: 'eu-test-1' });
			});
			afterAll(async () => {
				for (const storage of opened) storage.close();
				await server.stop();
			});
			const open = (bucket: string, more: Partial<S3StorageOptions> = {}) => {
				const storage = new S3Storage(optionsFor(server, bucket, more));
				opened.push(storage);
				return storage;
			};

			it('locks what it writes, large and small, for as long as asked', async () => {
				const bucket = await server.createBucket(undefined, { objectLock: true });
				const storage = open(bucket, { objectLock: { mode: 'GOVERNANCE', days: 2 }, prefix: '' });
				await storage.write('large.bin', content(THREE_PARTS));
				await storage.write('small.bin', content(10));
				await storage.replace('small.json', Buffer.from('{}'));
				for (const key of ['large.bin', 'small.bin', 'small.json']) {
					const lock = await server.client.getObjectRetention(bucket, key);
					expect(lock).toMatchObject({ mode: 'GOVERNANCE' });
					const { versionId } = await server.client.statObject(bucket, key);
					const removing = server.client.removeObject(bucket, key, { versionId: versionId ?? '' });
					await expect(removing).rejects.toThrow(/WORM|lock|retention/i);
				}
			});

			it('says so where the bucket has no object lock', async () => {
				const storage = open(await server.createBucket(), { objectLock: { mode: 'COMPLIANCE', days: 1 } });
				await expect(storage.write('x.bin', content(10))).rejects.toMatchObject({ code: 'INVALID_INPUT' });
				await expect(storage.write('y.bin', content(THREE_PARTS))).rejects.toMatchObject({ code: 'INVALID_INPUT' });
			});

			it.each([['AES256' as const], [{ kmsKeyId: 'test-key' }]])('writes encrypted objects: %j', async (encryption) => {
				const bucket = await server.createBucket();
				const storage = open(bucket, { serverSideEncryption: encryption, prefix: '' });
				await storage.write('large.bin', content(THREE_PARTS));
				await storage.write('small.bin', content(10));
				expect(await digest(await storage.read('large.bin'))).toEqual(await digest(content(THREE_PARTS)));
				const { metaData } = await server.client.statObject(bucket, 'large.bin');
				expect(JSON.stringify(metaData)).toContain(typeof encryption === 'string' ? 'AES256' : 'aws:kms');
			});

			it('lets one of two simultaneous writers of a key win, and keeps what that one wrote', async () => {
				const bucket = await server.createBucket();
				for (const size of [1000, THREE_PARTS]) {
					const key = `race-${size}.bin`;
					const writers = [open(bucket), open(bucket)].map((storage) => storage.write(key, content(size)));
					const outcomes = await Promise.allSettled(writers);
					expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
					const failed = outcomes.find((outcome) => outcome.status === 'rejected');
					expect(failed?.reason).toMatchObject({ code: 'STORAGE_EXISTS' });
					expect(await digest(await open(bucket).read(key))).toEqual(await digest(content(size)));
				}
				expect(await unfinishedUploads(server, bucket)).toEqual([]);
			});

			it('names the right region where the credential has a wrong one', async () => {
				const storage = open(await server.createBucket(), { region: 'us-west-2' });
				const writing = storage.write('x.bin', content(10));
				await expect(writing).rejects.toMatchObject({
					code: 'INVALID_INPUT',
					hint: expect.stringContaining('eu-test-1'),
				});
			});

			it('sweeps the uploads of its own prefix that were begun before the given time', async () => {
				const bucket = await server.createBucket();
				const begin = (key: string) => server.client.initiateNewMultipartUpload(bucket, key, {});
				await begin('backups/test/postgres/old.sql');
				await begin('elsewhere/other.bin');
				const storage = open(bucket);
				expect(await storage.sweep(new Date(Date.now() - 3_600_000))).toEqual([]);
				expect(await storage.sweep(new Date(Date.now() + 60_000))).toEqual(['postgres/old.sql']);
				expect(await unfinishedUploads(server, bucket)).toEqual(['elsewhere/other.bin']);
			});

			it('stops a read of an object that was replaced meanwhile, instead of mixing the two', async () => {
				const bucket = await server.createBucket();
				const storage = open(bucket);
				await storage.write('x.bin', content(8 * PART_BYTES));
				// Only who reads is impatient, and as often as a busy machine wants.
				const retry = { ...quickRetry(), outageMs: 3_600_000, stallMs: 300 };
				const stream = await open(bucket, { retry }).read('x.bin');
				const chunks = stream[Symbol.asyncIterator]();
				await chunks.next();
				await storage.replace('x.bin', Buffer.from('another object'));
				// Nobody reads for longer than a connection may be idle, so the rest has to be asked for anew.
				await new Promise((resolve) => setTimeout(resolve, 1000));
				const rest = (async () => {
					while (!(await chunks.next()).done);
				})();
				await expect(rest).rejects.toMatchObject({
					code: 'STORAGE_FAILED',
					message: expect.stringContaining('replaced'),
				});
			});

			it('keeps the pointer readable for other programs as a small JSON object', async () => {
				const bucket = await server.createBucket();
				const storage = open(bucket);
				await storage.setLatest('postgres/shop_latest', 'postgres/shop_1.sql');
				const pointer = await text(await server.client.getObject(bucket, 'backups/test/postgres/shop_latest'));
				expect(JSON.parse(pointer)).toEqual({ file: 'shop_1.sql', updatedAt: expect.any(String) });
			});
		});
	});
}
