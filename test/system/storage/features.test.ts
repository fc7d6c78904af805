import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { checkStorage, type SetupFinding } from '../../../engine/preflight';
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

describe('a bucket with object lock, on MinIO', () => {
	let server: S3Server;
	beforeAll(async () => {
		server = await startMinio();
	});
	afterAll(() => server?.stop());

	const lock = { mode: 'COMPLIANCE', days: 30 } as const;
	const bad = (findings: readonly SetupFinding[]) =>
		findings.filter(({ check, level }) => check === 'Object Lock' && level !== 'ok').map(({ level }) => level);

	it('is checked without leaving a locked object, though the credential locks archives', async () => {
		const bucket = 'locked-by-credential';
		await server.client.makeBucket(bucket, 'us-east-1', { ObjectLocking: true });
		const storage = new S3Storage({ ...optionsFor(server, bucket), objectLock: lock });
		const findings = await checkStorage({ storage, keys: undefined });
		expect(bad(findings)).toEqual([]);
		expect(findings.filter(({ level }) => level === 'problem')).toEqual([]);
		for await (const { name, versionId } of server.client.listObjects(bucket, '', true, { IncludeVersion: true })) {
			const given = await server.client.getObjectRetention(bucket, name, { versionId }).catch(() => undefined);
			expect(given, name).toBeUndefined();
		}
		storage.close();
	});

	it('that locks whatever comes is told, until its rule is gone; and so is a credential that asks for what a bucket has not', async () => {
		const bucket = 'locked-by-rule';
		await server.client.makeBucket(bucket, 'us-east-1', { ObjectLocking: true });
		// Its types say of the same call that it answers nothing, and that it answers a promise.
		const set = async (rule: object) => await Promise.resolve(server.client.setObjectLockConfig(bucket, rule as never));
		await set({ mode: 'GOVERNANCE', unit: 'Days', validity: 1 });
		const storage = new S3Storage(optionsFor(server, bucket));
		const told = (await checkStorage({ storage, keys: undefined })).find(({ check }) => check === 'Object Lock');
		expect(told?.what).toContain('(GOVERNANCE, 1 days)');
		await set({});
		expect(bad(await checkStorage({ storage, keys: undefined }))).toEqual([]);
		storage.close();
		const plain = new S3Storage({ ...optionsFor(server, await server.createBucket()), objectLock: lock });
		expect(bad(await checkStorage({ storage: plain, keys: undefined }))).toEqual(['problem']);
		plain.close();
	});
});
