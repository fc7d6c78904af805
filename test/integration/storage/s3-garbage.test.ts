/**
 * What belongs to a request is garbage when it is over, and V8 sees that in its young generation. Otherwise a mirror of many objects
 * takes a hundred megabytes more, and the longer it runs.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { expect, it, onTestFinished } from 'vitest';

import { S3Client } from '../../../engine/minio/client';

const AT_ONCE = 8;
const REQUESTS = 400;
/** What may be compiled and cached meanwhile. Of each request there are some 10 kB where it stays. */
const MOST_BYTES = 1_500_000;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as (options: { type: 'minor' | 'major' }) => void;

/** Bytes of what V8 takes for old. */
function oldBytes(): number {
	return getHeapSpaceStatistics().find(({ space_name }) => space_name === 'old_space')!.space_used_size;
}

it('requests that are over are no burden to those that follow, although they share a signal and connections', async () => {
	const server = createServer((_request, response) => {
		const headers = { etag: '"1"', 'last-modified': new Date(0).toUTCString(), 'content-length': '7' };
		response.writeHead(200, headers).end('content');
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	const client = new S3Client(
		{ endpoint, region: 'us-east-1', accessKeyId: 'key', secretAccessKey: 'secret' },
		'source',
	);
	onTestFinished(async () => {
		client.close();
		server.closeAllConnections();
		await new Promise((resolve) => server.close(resolve));
	});
	const bucket = client.bucket('documents');
	const { signal } = new AbortController();
	const read = async (whileOpen = () => {}) => {
		const opened = (await bucket.open('report.pdf', { etag: '1', signal }))!;
		whileOpen();
		for await (const _ of opened.bytes);
		opened.close();
	};
	for (let count = 0; count < REQUESTS / 4; count++) await read();
	// These become old while they are open.
	await Promise.all(Array.from({ length: AT_ONCE }, () => read(() => collect({ type: 'minor' }))));
	const before = oldBytes();
	for (let count = 0; count < REQUESTS; count++) {
		await read();
		if (count % 20 === 0) collect({ type: 'minor' });
	}
	expect(oldBytes() - before).toBeLessThan(MOST_BYTES);
});
