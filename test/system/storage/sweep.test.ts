import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { S3Storage } from '../../../engine/storage';
import { optionsFor, PART_BYTES, unfinishedUploads } from '../../integration/storage/s3-under-test';
import { startMinio } from '../../services/s3/minio';
import type { S3Server } from '../../services/s3/server';
import { startSwift } from '../../services/s3/swift';

function sweepsOn(name: string, start: () => Promise<S3Server>): void {
	describe(`an upload to ${name} that was begun long ago`, () => {
		let server: S3Server;
		let bucket: string;
		let storage: S3Storage;
		beforeAll(async () => {
			server = await start();
			bucket = await server.createBucket();
			storage = new S3Storage(optionsFor(server, bucket));
		});
		afterAll(async () => {
			storage.close();
			await server.stop();
		});

		it('is swept only when no part of it has come since', async () => {
			const begin = (key: string) => server.client.initiateNewMultipartUpload(bucket, `backups/test/${key}`, {});
			await begin('postgres/abandoned.sql');
			const uploadID = await begin('postgres/slow.sql');
			// Servers tell times in whole seconds.
			await sleep(2500);
			const between = new Date(Date.now() - 1000);
			await sleep(1000);
			const part = {
				bucketName: bucket,
				objectName: 'backups/test/postgres/slow.sql',
				uploadID,
				partNumber: 1,
				headers: {},
			};
			await server.client.uploadPart(part, Buffer.alloc(PART_BYTES));
			expect(await storage.sweep(between)).toEqual(['postgres/abandoned.sql']);
			expect(await unfinishedUploads(server, bucket)).toEqual(['backups/test/postgres/slow.sql']);
			expect(await storage.sweep(new Date(Date.now() + 60_000))).toEqual(['postgres/slow.sql']);
			expect(await unfinishedUploads(server, bucket)).toEqual([]);
		});
	});
}

sweepsOn('Swift', startSwift);

sweepsOn('MinIO', startMinio);
