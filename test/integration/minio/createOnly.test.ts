import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { S3Client } from '../../../engine/minio/client';
import { startChangingProxy, type Changes } from '../../services/s3/changingProxy';
import { startS3rver } from '../../services/s3/s3rver';
import type { S3Server } from '../../services/s3/server';
import { connectionOf } from './support';

let server: S3Server;
beforeAll(async () => (server = await startS3rver()));
afterAll(async () => await server.stop());

const signal = new AbortController().signal;

/** Stores some objects, the last one under a key that is in use; resolves with what was asked of the server. */
async function stored(changes: Changes): Promise<string[]> {
	const name = await server.createBucket();
	await server.client.putObject(name, 'there', 'old');
	const proxy = await startChangingProxy(server.endpoint, changes);
	onTestFinished(async () => await proxy.stop());
	const bucket = new S3Client({ ...connectionOf(server), endpoint: proxy.endpoint }, 'target').bucket(name);
	const put = async (key: string) => {
		const content = async function* () {
			yield await Promise.resolve(Buffer.from('new'));
		};
		await bucket.put(key, content(), { size: 3, signal });
	};
	for (const key of ['a', 'b', 'c']) await put(key);
	await expect(put('there')).rejects.toMatchObject({ code: 'TARGET_EXISTS' });
	expect((await server.client.statObject(name, 'there')).etag).toBe('149603e6c03516362a8da23f624db945');
	// Why a HEAD has no answer is asked by a GET.
	return proxy.requests.map(({ line }) => line.replace(`/${name}/`, '')).filter((line) => !line.startsWith('GET'));
}

describe('objects that must not replace others', () => {
	it('are looked for until the server has refused one', async () => {
		const there = new Set(['there']);
		const requests = await stored({
			refuses: ({ method, url = '', headers }) => {
				const key = url.split('/').at(-1) ?? '';
				if (method !== 'PUT') return undefined;
				const isThere = there.has(key) && headers['if-none-match'] === '*';
				there.add(key);
				return isThere ? { status: 412, code: 'PreconditionFailed' } : undefined;
			},
		});
		expect(requests).toEqual(['HEAD a', 'PUT a', 'PUT a', 'PUT b', 'PUT c', 'PUT there', 'HEAD there']);
	});

	it('are always looked for where the server refuses none', async () => {
		const requests = await stored({});
		expect(requests).toEqual(['HEAD a', 'PUT a', 'PUT a', 'HEAD b', 'PUT b', 'HEAD c', 'PUT c', 'HEAD there']);
	});
});
