/** What mirrors, restores and test restores that were killed have begun to upload. */
import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';

import { S3Client } from '../../../engine/minio/client';
import { UnfinishedUploads } from '../../../engine/minio/unfinished';
import { withScratchPlace } from '../../../engine/minio/verify/scratch';
import { listUploads } from '../../../engine/storage/s3/listing';
import { settingsOf } from '../../../engine/storage/s3/options';
import { S3Requests } from '../../../engine/storage/s3/requests';
import { scratchName } from '../../../engine/verify/scratchName';
import { temporaryStorage } from '../../integration/archive/support';
import { backUp, restore } from '../../integration/minio/round-trip-contract';
import { connectionOf } from '../../integration/minio/support';
import { bucketPlace, folder, folderPlace, run } from '../../integration/minio/mirror/support';
import { startMinio } from '../../services/s3/minio';
import type { S3Server } from '../../services/s3/server';
import { startSwift } from '../../services/s3/swift';

const signal = new AbortController().signal;

const HOUR = 3600_000;
const hoursAfter = (hours: number) => new Date(Date.now() + hours * HOUR);

describe.each([
	['MinIO', startMinio],
	['Swift', startSwift],
])('an unfinished upload in a bucket of %s', (_, start) => {
	let server: S3Server;
	beforeAll(async () => (server = await start()));
	afterAll(async () => await server.stop());

	const begin = async (bucket: string, key: string) => await server.client.initiateNewMultipartUpload(bucket, key, {});
	const unfinished = async (bucket: string) => {
		const found: string[] = [];
		const requests = new S3Requests(settingsOf({ ...connectionOf(server), bucket }));
		for await (const { key } of listUploads(requests, '')) found.push(key);
		requests.close();
		return found.sort();
	};
	const keys = ['beside', 'to/.stack-backup-trash/x', 'to/a', 'to/others'];

	it('is given up when it is old, and on a key that the mirror writes', async () => {
		const bucket = await server.createBucket();
		for (const key of keys) await begin(bucket, key);
		const target = bucketPlace(server, bucket, 'target', { prefix: 'to/' });
		const isOurs = (name: string) => Promise.resolve(name === 'a');
		await target.clearUnfinished(isOurs, new Date(Date.now() - 60_000), signal);
		expect(await unfinished(bucket)).toEqual(keys);
		await target.clearUnfinished(isOurs, new Date(Date.now() + 60_000), signal);
		expect(await unfinished(bucket)).toEqual(['beside', 'to/others']);
	});

	it('stays while parts of it come', async () => {
		const bucket = await server.createBucket();
		const uploadId = await begin(bucket, 'to/a');
		await sleep(1100);
		const between = new Date();
		await sleep(1100);
		const part = { bucketName: bucket, objectName: 'to/a', uploadID: uploadId, partNumber: 1, headers: {} };
		await server.client.uploadPart(part, Buffer.alloc(5 * 1024 * 1024));
		const target = bucketPlace(server, bucket, 'target', { prefix: 'to/' });
		await target.clearUnfinished(() => Promise.resolve(true), between, signal);
		expect(await unfinished(bucket)).toEqual(['to/a']);
		await target.clearUnfinished(() => Promise.resolve(true), new Date(Date.now() + 60_000), signal);
		expect(await unfinished(bucket)).toEqual([]);
	});

	it('stays for a day, whatever mirror comes', async () => {
		const bucket = await server.createBucket();
		await begin(bucket, 'to/a');
		const target = bucketPlace(server, bucket, 'target', { prefix: 'to/' });
		const report = await run(folderPlace(folder({ a: 'one' }), 'source'), target);
		expect(report).toMatchObject({ added: { count: 1 }, warnings: [] });
		expect(await unfinished(bucket)).toEqual(['to/a']);
	});

	for (const versions of ['current', 'all'] as const) {
		it(`of a restore of ${versions} versions goes with the next one into the same keys, a day later`, async () => {
			const { storage } = temporaryStorage();
			const [from, to] = [await server.createBucket(), await server.createBucket()];
			if (versions === 'all') {
				await Promise.all([from, to].map((name) => server.client.setBucketVersioning(name, { Status: 'Enabled' })));
			}
			for (const content of ['old', 'new']) await server.client.putObject(from, 'a', content);
			const manifest = await backUp(server, storage, from, { versions });
			const left = ['a', 'to/a', 'to/ab', 'to/others'];
			for (const key of left) await begin(to, key);
			const again = { bucket: to, prefix: 'to/', versions, existing: 'skip' as const };
			expect((await restore(server, storage, manifest, again)).warnings).toEqual([]);
			expect(await unfinished(to)).toEqual(left);
			const { find } = UnfinishedUploads;
			vi.spyOn(UnfinishedUploads, 'find').mockImplementation((bucket, prefix, options) =>
				find(bucket, prefix, { ...options, now: hoursAfter(25) }),
			);
			onTestFinished(() => void vi.restoreAllMocks());
			expect((await restore(server, storage, manifest, again)).warnings).toEqual([]);
			expect(await unfinished(to)).toEqual(left.filter((key) => key !== 'to/a'));
		});
	}

	it('of a test restore goes with a later one, a day later, and so does the bucket that was made for it', async () => {
		const bucket = await server.createBucket();
		const client = new S3Client(connectionOf(server), 'target');
		onTestFinished(() => client.close());
		const name = scratchName(hoursAfter(-100));
		const left = ['a', `a/${name}/b`, `${name}/a`, `${name}_mine/b`];
		for (const key of left) await begin(bucket, key);
		const own = name.replaceAll('_', '-');
		await client.createBucket(own);
		await begin(own, 'a');
		const warned: string[] = [];
		const later = async (hours: number) => {
			const options = { warn: (message: string) => void warned.push(message), now: hoursAfter(hours) };
			for (const place of [bucket, undefined]) {
				await withScratchPlace(client, place, () => Promise.resolve(), options);
			}
		};
		await later(23);
		expect([await unfinished(bucket), await unfinished(own)]).toEqual([[...left].sort(), ['a']]);
		await later(25);
		expect(await unfinished(bucket)).toEqual(left.filter((key) => key !== `${name}/a`).sort());
		expect(await client.exists(own)).toBe(false);
		expect(warned).toEqual([]);
	});
});
