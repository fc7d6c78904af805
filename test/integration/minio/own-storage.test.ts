import { afterAll, beforeAll, expect, it } from 'vitest';

import { S3Client } from '../../../engine/minio/client';
import { backUpBuckets } from '../../../engine/minio/backUpBuckets';
import { listSourceBuckets } from '../../../engine/minio/listSources';
import { S3Storage } from '../../../engine/storage';
import { startFaultyProxy, type FaultyProxy } from '../../services/faultyProxy';
import { startS3rver } from '../../services/s3/s3rver';
import { optionsFor } from '../storage/s3-under-test';
import { put } from './round-trip-contract';
import { connectionOf } from './support';

let server: Awaited<ReturnType<typeof startS3rver>>;
let other: Awaited<ReturnType<typeof startS3rver>>;
let proxy: FaultyProxy;

beforeAll(async () => {
	[server, other] = await Promise.all([startS3rver(), startS3rver()]);
	proxy = await startFaultyProxy(server.endpoint);
});

afterAll(async () => {
	await Promise.all([proxy?.stop(), server?.stop(), other?.stop()]);
});

it.each(['', 'backups/'])('a storage of backups in %j is known by another address of its server', async (prefix) => {
	const bucket = await server.createBucket();
	const client = new S3Client(connectionOf(server), 'target');
	await put(client.bucket(bucket), 'docs/a', 'a');
	const storage = new S3Storage({ ...optionsFor(server, bucket), prefix, endpoint: proxy.endpoint });
	const run = async (at = server) => {
		const connection = connectionOf(at);
		return await backUpBuckets({ connection, storage, codec: { name: 'zstd' }, buckets: [bucket] });
	};
	// There is nothing yet by which it could be known.
	expect(await run()).toMatchObject({ backups: [{}], failures: [] });
	const again = await run();
	if (prefix === '') expect(again.failures[0]?.error.message).toMatch(/is the storage of the backups/);
	else expect(again).toMatchObject({ backups: [{ counts: { files: 1 } }], failures: [] });

	// What should have a backup: all of a server but the bucket that holds nothing else.
	const sources = async (at: typeof server) => await listSourceBuckets(connectionOf(at), storage);
	expect((await sources(server)).includes(bucket)).toBe(prefix !== '');

	// A bucket of the same name on another server is another bucket.
	const stranger = new S3Client(connectionOf(other), 'target');
	await stranger.createBucket(bucket);
	await put(stranger.bucket(bucket), 'docs/b', 'b');
	expect(await run(other)).toMatchObject({ backups: [{ counts: { files: 1 } }], failures: [] });
	expect(await sources(other)).toContain(bucket);
	client.close();
	stranger.close();
});
