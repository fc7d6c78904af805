import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { checkStorage } from '../../../engine/preflight';
import { S3Storage } from '../../../engine/storage';
import { optionsFor, unfinishedUploads } from '../../integration/storage/s3-under-test';
import { startMinio } from '../../services/s3/minio';
import type { S3Server } from '../../services/s3/server';
import { startSwift } from '../../services/s3/swift';

describe.each([
	['MinIO', startMinio, { createOnly: true, uploads: true, copies: true, listsUploads: true, tags: true }],
	['Swift', startSwift, { uploads: true, copies: true, listsUploads: true, tags: false }],
] as const)('%s', (_, start, expected) => {
	let server: S3Server;
	beforeAll(async () => {
		server = await start();
	});
	afterAll(() => server?.stop());

	it('shows what it can do, and keeps nothing of it', async () => {
		const bucket = await server.createBucket();
		const storage = new S3Storage(optionsFor(server, bucket));
		expect(await storage.features('.stack-backup/setup-check-1')).toMatchObject(expected);
		const findings = await checkStorage({ storage, keys: undefined });
		expect(findings.filter(({ level }) => level === 'problem')).toEqual([]);
		const keys: string[] = [];
		for await (const { key } of storage.list('')) keys.push(key);
		expect(keys).toEqual([]);
		expect(await unfinishedUploads(server, bucket)).toEqual([]);
		storage.close();
	});
});

describe('a bucket that keeps versions, on MinIO', () => {
	let server: S3Server;
	beforeAll(async () => {
		server = await startMinio();
	});
	afterAll(() => server?.stop());

	it('is found out, and keeps no version of what it was found out by', async () => {
		const bucket = await server.createBucket();
		await server.client.setBucketVersioning(bucket, { Status: 'Enabled' });
		const storage = new S3Storage(optionsFor(server, bucket));
		expect(await storage.features('.stack-backup/setup-check-1')).toMatchObject({ keepsVersions: true });
		const versions: string[] = [];
		for await (const { name } of server.client.listObjects(bucket, '', true, { IncludeVersion: true }))
			versions.push(name);
		expect(versions).toEqual([]);
		storage.close();
	});
});
