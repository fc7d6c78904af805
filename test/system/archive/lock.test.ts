import { afterAll, beforeAll, describe } from 'vitest';

import { S3Storage } from '../../../engine/storage';
import { lockContract } from '../../integration/archive/lock/lock-contract';
import { optionsFor } from '../../integration/storage/s3-under-test';
import { startMinio } from '../../services/s3/minio';
import type { S3Server } from '../../services/s3/server';
import { startSwift } from '../../services/s3/swift';

function lockOf(start: () => Promise<S3Server>, options: { createsOnce: boolean }): void {
	let server: S3Server;
	const storages: S3Storage[] = [];
	beforeAll(async () => {
		server = await start();
	});
	afterAll(async () => {
		for (const storage of storages) storage.close();
		await server.stop();
	});
	const newStorage = async () => {
		const storage = new S3Storage(optionsFor(server, await server.createBucket()));
		storages.push(storage);
		return storage;
	};
	lockContract(newStorage, options);
}

describe('the lock of a bucket of Swift', () => {
	lockOf(startSwift, { createsOnce: false });
});

// Conditional writes are MinIO's to judge, where it can be had.
describe('the lock of a bucket of MinIO', () => {
	lockOf(startMinio, { createsOnce: true });
});
