import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { S3Client } from '../../../engine/minio/client';
import { ListedKeys } from '../../../engine/minio/listedKeys';
import { startFaultyProxy } from '../../services/faultyProxy';
import { startS3rver } from '../../services/s3/s3rver';
import type { S3Server } from '../../services/s3/server';
import { connectionOf } from './support';

let server: S3Server;
beforeAll(async () => (server = await startS3rver()));
afterAll(async () => await server.stop());

const signal = new AbortController().signal;

/** @param keys of the bucket */
async function listed(keys: string[], prefix = '') {
	const bucket = await server.createBucket();
	for (const key of keys) await server.client.putObject(bucket, key, key);
	const proxy = await startFaultyProxy(server.endpoint);
	onTestFinished(async () => await proxy.stop());
	const client = new S3Client({ ...connectionOf(server), endpoint: proxy.endpoint }, 'target');
	return { keys: new ListedKeys(client.bucket(bucket), prefix), requests: proxy.requests };
}

async function found(keys: ListedKeys, asked: string[]): Promise<boolean[]> {
	return await Promise.all(asked.map(async (key) => (await keys.find(key, signal)) !== undefined));
}

describe('the keys of a list', () => {
	it('are found in their order, by one reading of it', async () => {
		const { keys, requests } = await listed(['a', 'b/1', 'b/2', 'ä', '😀']);
		expect(await found(keys, ['a', 'aa', 'b/1', 'b/3', 'ä', 'ö', '😀', '😁'])).toEqual([
			true,
			false,
			true,
			false,
			true,
			false,
			true,
			false,
		]);
		await keys.close();
		// One page, and the two questions whether that was all.
		expect(requests).toHaveLength(3);
	});

	it('are found where they come out of order or again', async () => {
		const { keys } = await listed(['a', 'b', 'c']);
		expect(await found(keys, ['c', 'a', 'b', 'b', 'd', '0', 'a'])).toEqual([
			true,
			true,
			true,
			true,
			false,
			false,
			true,
		]);
		await keys.close();
	});

	it('are found below a prefix, and nothing is in an empty bucket', async () => {
		const { keys } = await listed(['p/a', 'p/b', 'q'], 'p/');
		expect(await found(keys, ['p/', 'p/a', 'p/b', 'p/c'])).toEqual([false, true, true, false]);
		await keys.close();
		const none = await listed([]);
		expect(await found(none.keys, ['a', 'b'])).toEqual([false, false]);
		await none.keys.close();
	});
});
