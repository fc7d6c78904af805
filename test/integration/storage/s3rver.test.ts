import { Readable } from 'node:stream';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { probeStorage, S3Storage, type S3StorageOptions } from '../../../engine/storage';
import { createAuthority } from '../../services/certificates';
import { startS3rver } from '../../services/s3/s3rver';
import type { S3Server } from '../../services/s3/server';
import { storageContract } from './contract';
import { optionsFor, s3UnderTest } from './s3-under-test';

storageContract('s3rver', () => s3UnderTest(startS3rver, { listsUploads: false }));

describe('an address that S3Storage hands out', () => {
	let server: S3Server;
	beforeAll(async () => {
		server = await startS3rver({ buckets: ['addresses'] });
	});
	afterAll(() => server.stop());

	it('lets anybody read the object, whatever its key', async () => {
		const storage = new S3Storage(optionsFor(server, 'addresses', { prefix: 'some/where' }));
		const key = 'qdrant/Bücher & more_20260131_020000.snapshot';
		await storage.write(key, Readable.from([Buffer.from('a snapshot')]));
		const answer = await fetch(await storage.presignedUrl(key, 60));
		expect([answer.status, await answer.text()]).toEqual([200, 'a snapshot']);
		storage.close();
	});
});

describe('S3Storage before a server with a certificate that nobody knows', () => {
	const authority = createAuthority();
	let server: S3Server;
	const bucket = 'behind-tls';
	beforeAll(async () => {
		server = await startS3rver({ tls: authority.issue('127.0.0.1'), buckets: [bucket] });
	});
	afterAll(() => server.stop());

	const probe = async (more: Partial<S3StorageOptions>) => {
		const storage = new S3Storage(optionsFor(server, bucket, more));
		await probeStorage(storage).finally(() => storage.close());
	};

	it('refuses it at once and says what to do', async () => {
		await expect(probe({})).rejects.toMatchObject({
			code: 'STORAGE_UNREACHABLE',
			message: expect.stringContaining('certificate'),
			hint: expect.stringContaining('authority'),
			details: { attempts: 1 },
		});
	});

	it('accepts it with the certificate of its authority, or when told to accept any', async () => {
		await probe({ caCertificate: authority.ca });
		await probe({ ignoreSslIssues: true });
	});
});
