import { promisify } from 'node:util';

import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';

import { checkBuckets } from '../../../engine/minio';
import type { SetupFinding } from '../../../engine/preflight';
import { connectionOf } from '../../integration/minio/support';
import { startFaultyProxy } from '../../services/faultyProxy';
import { startMinio } from '../../services/s3/minio';
import type { S3Server } from '../../services/s3/server';

/** The client's types leave out its callback. */
type LockCall = (bucket: string, config: object, done: (error: Error | null) => void) => void;

let server: S3Server;
beforeAll(async () => void (server = await startMinio({ region: 'eu-central-1' })));
afterAll(() => server?.stop());

const bad = (findings: readonly SetupFinding[]) =>
	findings.filter(({ level }) => level !== 'ok').map(({ check, level, what }) => `${check}: ${level}: ${what}`);

const check = async (bucket: string, connection = connectionOf(server)) =>
	await checkBuckets({ connection, buckets: [bucket], writes: true });

async function versionsIn(bucket: string): Promise<string[]> {
	const found: string[] = [];
	for await (const { name } of server.client.listObjects(bucket, '', true, { IncludeVersion: true })) found.push(name);
	return found;
}

it('has nothing against a bucket that keeps versions, compares clocks, and leaves no version behind', async () => {
	const bucket = await server.createBucket();
	await server.client.setBucketVersioning(bucket, { Status: 'Enabled' });
	await server.client.putObject(bucket, 'one.txt', 'One.');
	const findings = await check(bucket);
	expect(bad(findings)).toEqual([]);
	expect(findings.map(({ check: name }) => name)).toEqual([
		'Connection',
		'Clock',
		'Read Objects',
		'Tags',
		'Versions',
		'Write Objects',
	]);
	expect(await versionsIn(bucket)).toEqual(['one.txt']);
});

it('says which rights are missing, by their names', async () => {
	const bucket = await server.createBucket();
	await server.client.setBucketVersioning(bucket, { Status: 'Enabled' });
	await server.client.putObject(bucket, 'one.txt', 'One.');
	const proxy = await startFaultyProxy(server.endpoint);
	onTestFinished(() => proxy.stop());
	const act = { kind: 'status' as const, status: 403, code: 'AccessDenied' };
	proxy.faults = [
		{ when: /^GET .*[?&]versions/, times: 100, act },
		{ when: /^PUT .*[?&]tagging/, times: 100, act },
		{ when: /^GET .*[?&]uploads/, times: 100, act },
	];
	const findings = await check(bucket, { ...connectionOf(server), endpoint: proxy.endpoint });
	expect(findings.filter(({ level }) => level !== 'ok').map(({ remedy }) => remedy)).toEqual([
		expect.stringMatching(/^Allow s3:ListBucketVersions on arn:aws:s3:::/),
		expect.stringMatching(/^Allow s3:PutObjectTagging on arn:aws:s3:::/),
		expect.stringMatching(/^Allow s3:ListBucketMultipartUploads on arn:aws:s3:::/),
	]);
});

it('does not try to write into a bucket that would lock what is tried, and says so', async () => {
	const bucket = await server.createBucket(undefined, { objectLock: true });
	const config = { mode: 'GOVERNANCE', unit: 'Days', validity: 2 };
	await promisify(server.client.setObjectLockConfig.bind(server.client) as LockCall)(bucket, config);
	expect(bad(await check(bucket))).toEqual([
		expect.stringMatching(/^Write Objects: warning: The bucket locks each new object \(GOVERNANCE, 2 days\)/),
	]);
	expect(await versionsIn(bucket)).toEqual([]);
});

it('names the region that the server is in', async () => {
	const bucket = await server.createBucket();
	const findings = await check(bucket, { ...connectionOf(server), region: 'us-west-2' });
	expect(bad(findings)[0]).toMatch(/region/);
	expect(findings.find(({ level }) => level === 'problem')!.remedy).toBe('Set the region to eu-central-1.');
});
