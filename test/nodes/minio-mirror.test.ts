import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startS3rver } from '../services/s3/s3rver';
import type { S3Server } from '../services/s3/server';
import { inProcessN8n } from './harness';
import { backup, byName, type Json, NodeRunner } from './node-runner';
import { columnsOf, expectNoGaps } from './table';
import { PACKAGE } from './workflow';

const n8n = await inProcessN8n();
const NODE_TYPE = `${PACKAGE}.minioMirror`;
let server: S3Server;

beforeAll(async () => {
	server = await startS3rver();
});

afterAll(async () => {
	await server?.stop();
});

/** MinIO Mirror with a fresh folder as the storage, and a bucket to back up. */
async function stage() {
	const { endpoint, region, accessKeyId, secretAccessKey } = server;
	const data = { endpoint, region, accessKeyId, secretAccessKey, forcePathStyle: true };
	const s3 = await n8n.createCredential('objects', 's3', data);
	const { node } = await NodeRunner.withFolder(n8n, NODE_TYPE, { s3 });
	const bucket = await server.createBucket();
	const put = async (key: string, text: string) => void (await server.client.putObject(bucket, key, text));
	await put('contracts/offer.pdf', 'An offer.');
	await put('contracts/offer.tmp', 'Scratch.');
	await put('readme.txt', 'Read me.');
	return { node, bucket, put, chosen: { bucketMode: 'chosen', buckets: [bucket] } };
}

async function textOf(bucket: string, key: string): Promise<string> {
	const stream = await server.client.getObject(bucket, key);
	const pieces: Buffer[] = [];
	for await (const piece of stream) pieces.push(piece as Buffer);
	return Buffer.concat(pieces).toString();
}

describe('Back Up Bucket and Restore', () => {
	it('backs a bucket up, what is new of it the next time, and restores it into a bucket that it creates', async () => {
		const { node, bucket, put, chosen } = await stage();
		const [whole] = (await node.ok('backUp', chosen)) as [Json];
		expect(whole).toMatchObject({
			bucket,
			state: 'whole',
			objects: 3,
			stored: 3,
			endpoint: server.endpoint,
			warnings: [],
		});
		await put('readme.txt', 'Read me again.');
		const [next] = (await node.ok('backUp', chosen)) as [Json];
		expect(next).toMatchObject({ state: 'incremental', stored: 1, reused: 2, needs: [whole['id']] });
		const into = { targetBucket: byName(`${bucket}-new`), addPrefix: 'restored/' };
		expect(await node.fails('restore', { ...backup('id', next['id']), ...into })).toMatch(/There is no bucket/);
		const [report] = await node.ok('restore', { ...backup('id', next['id']), ...into, createBucket: true });
		expect(report).toMatchObject({ bucket: `${bucket}-new`, written: 3, isBucketCreated: true, warnings: [] });
		expect(await textOf(`${bucket}-new`, 'restored/readme.txt')).toBe('Read me again.');
	});

	it('restores what fits, and overwrites only what was confirmed', async () => {
		const { node, bucket, put, chosen } = await stage();
		const [made] = (await node.ok('backUp', { ...chosen, excludePatterns: '*.tmp' })) as [Json];
		expect(made).toMatchObject({ objects: 2, state: 'without some data' });
		await put('readme.txt', 'Other.');
		const restore = { ...backup('latest', bucket), targetBucket: byName(bucket) };
		expect(await node.fails('restore', restore)).toMatch(/The target has others of these already: readme.txt/);
		const skipped = await node.ok('restore', { ...restore, existing: 'skip' });
		expect(skipped).toMatchObject([{ written: 0, same: 1, skipped: 1, skippedNames: ['readme.txt'] }]);
		expect(await node.fails('restore', { ...restore, existing: 'overwrite', confirmation: 'other' })).toMatch(
			/not confirmed/,
		);
		const overwrite = { ...restore, existing: 'overwrite', confirmation: bucket, what: 'prefix', prefix: 'read' };
		expect(await node.ok('restore', overwrite)).toMatchObject([{ written: 1, overwritten: 1 }]);
		expect(await textOf(bucket, 'readme.txt')).toBe('Read me.');
	});

	it('names the buckets that failed, and keeps the backups of the others', async () => {
		const { node, bucket } = await stage();
		const buckets = [bucket, 'no-such-bucket'];
		expect(await node.fails('backUp', { bucketMode: 'chosen', buckets })).toMatch(/no-such-bucket/);
		const [listed] = await node.ok('listBackups', { simplify: true });
		expect(listed).toMatchObject({ name: bucket, state: 'whole', files: 3 });
		expectNoGaps([listed!]);
		expect(columnsOf([listed!]).length).toBeLessThanOrEqual(10);
	});
});

describe('Check', () => {
	it('says what may be done in each bucket', async () => {
		const { node, bucket } = await stage();
		const buckets = [bucket, 'no-such-bucket'];
		const [own, none] = await node.ok('check', { bucketMode: 'chosen', buckets, tryWriting: true });
		expect(own).toEqual({ bucket, canBeBackedUp: true, canBeWritten: true, hasTags: true, versioning: 'never' });
		expect(none).toMatchObject({
			canBeBackedUp: false,
			problem: expect.stringMatching(/There is no bucket/) as string,
		});
	});
});
