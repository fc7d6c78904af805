import type { IncomingMessage } from 'node:http';

import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { noise } from '../../../random/bytes';
import { startFaultyProxy } from '../../../services/faultyProxy';
import { startChangingProxy, type Changes, type ChangingProxy } from '../../../services/s3/changingProxy';
import { startS3rver } from '../../../services/s3/s3rver';
import type { S3Server } from '../../../services/s3/server';
import { bucketPlace, folder, folderPlace, objectsIn, run } from './support';

let server: S3Server;
beforeAll(async () => (server = await startS3rver()));
afterAll(async () => await server.stop());

const MIB = 1024 * 1024;
const CONTENT = noise('streams')(8 * MIB).toString('base64');

const isStreamed = ({ headers }: { headers: IncomingMessage['headers'] }) =>
	headers['x-amz-content-sha256'] === 'UNSIGNED-PAYLOAD';

/** A bucket with one large object, stored at once, so that its ETag is the hash of its content; or a folder, where nobody knows one. */
async function source(kind: 'bucket' | 'folder') {
	if (kind === 'folder') return folderPlace(folder({ large: CONTENT }), 'source');
	const from = await server.createBucket();
	const content = Buffer.from(CONTENT);
	await server.client.putObject(from, 'large', content, content.length, { 'X-Amz-Meta-Owner': 'Eve' });
	return bucketPlace(server, from, 'source');
}

async function mirrored(
	kind: 'bucket' | 'folder',
	changes: Changes = {},
	options: Parameters<typeof run>[2] = {},
): Promise<ChangingProxy> {
	const to = await server.createBucket();
	const proxy = await startChangingProxy(server.endpoint, changes);
	onTestFinished(async () => await proxy.stop());
	const target = bucketPlace(server, to, 'target', { endpoint: proxy.endpoint });
	expect(await run(await source(kind), target, options)).toMatchObject({
		added: { count: 1 },
		failed: { count: 0 },
		warnings: [],
	});
	expect((await objectsIn(server, to))['large'] === CONTENT).toBe(true);
	return proxy;
}

describe('a large object that is streamed', () => {
	it('goes in one request where its hash is known, which the server is told', async () => {
		const { requests } = await mirrored('bucket');
		const puts = requests.filter((request) => request.line.startsWith('PUT') && request.line.includes('/large'));
		expect(puts).toEqual([expect.objectContaining({ line: expect.not.stringContaining('partNumber') as string })]);
		expect(puts[0]?.headers).toMatchObject({
			'content-md5': expect.any(String) as string,
			'x-amz-meta-owner': 'Eve',
		});
		expect(puts.every(isStreamed)).toBe(true);
	});

	it('goes in parts where its hash is not known', async () => {
		const { requests } = await mirrored('folder');
		const parts = requests.filter(({ line }) => line.includes('partNumber='));
		expect(parts).toHaveLength(3);
		expect(parts.every(isStreamed)).toBe(true);
	});

	it.each(['bucket', 'folder'] as const)('goes through the gate of the run, from a %s', async (kind) => {
		let bytes = 0;
		let largest = 0;
		const pass = (length: number) => {
			bytes += length;
			largest = Math.max(largest, length);
			return Promise.resolve();
		};
		await mirrored(kind, {}, { gate: { pass } });
		expect(bytes).toBe(CONTENT.length);
		expect(largest).toBeLessThanOrEqual(64 * 1024);
	});

	it.each(['bucket', 'folder'] as const)('is whole where the way to the server damages it, from a %s', async (kind) => {
		let damaged = 0;
		const isFirst = (incoming: IncomingMessage) => isStreamed(incoming) && damaged++ === 0;
		await mirrored(kind, { damages: isFirst });
		expect(damaged).toBeGreaterThan(1);
	});

	it.each(['bucket', 'folder'] as const)('goes from memory where the server refuses it, from a %s', async (kind) => {
		const { requests } = await mirrored(kind, {
			refuses: (incoming) => (isStreamed(incoming) ? { status: 501, code: 'NotImplemented' } : undefined),
		});
		expect(
			requests.filter(({ line, headers }) => line.includes('partNumber=') && !isStreamed({ headers })),
		).toHaveLength(3);
	});

	it('goes from memory where ETags prove nothing', async () => {
		const { requests } = await mirrored('folder', {
			headers: ({ etag, ...headers }) => ({ ...headers, ...(etag !== undefined && { etag: '"opaque"' }) }),
		});
		expect(
			requests.filter(({ line, headers }) => line.includes('partNumber=') && !isStreamed({ headers })),
		).toHaveLength(3);
		expect(requests.some(({ line }) => line.startsWith('DELETE') && line.includes('uploadId='))).toBe(true);
	});

	it('goes on where connections break, on both sides', async () => {
		const from = await startFaultyProxy(server.endpoint);
		const to = await startFaultyProxy(server.endpoint);
		onTestFinished(async () => await Promise.all([from.stop(), to.stop()]).then(() => {}));
		const [bucket, other] = [await server.createBucket(), await server.createBucket()];
		await server.client.putObject(bucket, 'large', CONTENT);
		from.faults = [{ when: /^GET .*large/, times: 2, act: { kind: 'cutAnswer', afterBytes: 3 * MIB } }];
		to.faults = [{ when: /^PUT .*large/, times: 2, act: { kind: 'cutUpload', afterBytes: MIB } }];
		const places = [
			bucketPlace(server, bucket, 'source', { endpoint: from.endpoint }),
			bucketPlace(server, other, 'target', { endpoint: to.endpoint }),
		] as const;
		expect(await run(...places)).toMatchObject({ added: { count: 1 }, warnings: [] });
		expect((await objectsIn(server, other))['large'] === CONTENT).toBe(true);
		expect([...from.faults, ...to.faults].map(({ times }) => times)).toEqual([0, 0]);
	});

	it('is never of two objects where it is replaced while it is read', async () => {
		const bucket = await server.createBucket();
		const other = await server.createBucket();
		await server.client.putObject(bucket, 'large', CONTENT);
		const newer = CONTENT.replace(/^./, 'N');
		const proxy = await startFaultyProxy(server.endpoint);
		onTestFinished(async () => await proxy.stop());
		proxy.faults = [{ when: /^GET .*large/, times: 1, act: { kind: 'cutAnswer', afterBytes: 3 * MIB } }];
		let replaced: Promise<unknown> | undefined;
		proxy.onRequest = (line) => {
			if (/^GET .*large/.test(line)) replaced ??= server.client.putObject(bucket, 'large', newer);
		};
		const places = [
			bucketPlace(server, bucket, 'source', { endpoint: proxy.endpoint }),
			bucketPlace(server, other, 'target'),
		] as const;
		await run(...places);
		await replaced;
		await run(...places);
		expect((await objectsIn(server, other))['large'] === newer).toBe(true);
	});
});
