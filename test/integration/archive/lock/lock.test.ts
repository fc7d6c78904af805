import { afterAll, beforeAll, describe } from 'vitest';

import { S3Storage } from '../../../../engine/storage';
import { startS3rver } from '../../../services/s3/s3rver';
import type { S3Server } from '../../../services/s3/server';
import { optionsFor } from '../../storage/s3-under-test';
import { temporaryStorage } from '../../retention/support';
import { lockContract } from './lock-contract';

describe('the lock of a folder', () => {
	lockContract(() => Promise.resolve(temporaryStorage()), { createsOnce: true });
});

describe('the lock of a bucket', () => {
	let server: S3Server;
	const storages: S3Storage[] = [];
	beforeAll(async () => {
		server = await startS3rver();
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
	lockContract(newStorage, { createsOnce: false });
});
