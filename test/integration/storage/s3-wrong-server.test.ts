import { createServer, type RequestListener } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

import { describe, expect, it, onTestFinished } from 'vitest';

import { probeStorage, S3Storage } from '../../../engine/storage';
import { all, content } from './content';
import { quickRetry } from './s3-under-test';

const PAGE = '<!DOCTYPE html><html><head><title>Welcome</title></head><body>Hello</body></html>';
const HTML = { 'content-type': 'text/html; charset=utf-8' };

/** A storage whose endpoint is a server of another sort. */
async function storageAt(listener: RequestListener): Promise<S3Storage> {
	const server = createServer((request, response) => {
		request.resume();
		listener(request, response);
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	const keys = { accessKeyId: 'key', secretAccessKey: 'secret' };
	const storage = new S3Storage({ endpoint, bucket: 'nightly', ...keys, retry: quickRetry() });
	onTestFinished(async () => {
		storage.close();
		server.closeAllConnections();
		await new Promise((resolve) => server.close(resolve));
	});
	return storage;
}

const notS3 = { code: 'INVALID_INPUT', message: expect.stringContaining('answers, but not as an S3 server') as string };

describe('a server that is no S3 server', () => {
	it.each<[string, RequestListener]>([
		['answers 200 and a page to anything', (_, response) => response.writeHead(200, HTML).end(PAGE)],
		[
			'serves one file under all names, with an ETag',
			(_, response) => {
				const headers = { ...HTML, etag: '"65b1-1"', 'last-modified': new Date().toUTCString() };
				response.writeHead(200, headers).end(PAGE);
			},
		],
		[
			'answers 200 and OK to anything',
			(_, response) => response.writeHead(200, { 'content-type': 'text/plain' }).end('OK'),
		],
		['answers 200 and JSON to anything', (_, response) => response.writeHead(200).end('{"status":"ok"}')],
		['has no such page', (_, response) => response.writeHead(404, HTML).end(PAGE)],
		['has no such page, without a word', (_, response) => response.writeHead(404).end()],
		[
			'knows no PUT',
			({ method }, response) =>
				response.writeHead(method === 'PUT' ? 405 : 404, HTML).end(method === 'HEAD' ? '' : PAGE),
		],
	])('and %s is told from one at once, whatever is asked of it', async (_, listener) => {
		const storage = await storageAt(listener);
		await expect(probeStorage(storage)).rejects.toMatchObject(notS3);
		await expect(storage.write('x.bin', content(10))).rejects.toMatchObject(notS3);
		await expect(storage.stat('x.bin')).rejects.toMatchObject(notS3);
		await expect(storage.read('x.bin')).rejects.toMatchObject(notS3);
		await expect(all(storage.list(''))).rejects.toMatchObject(notS3);
		await expect(storage.readLatest('shop_latest')).rejects.toMatchObject(notS3);
	});

	it('is not taken for one that has nothing left to sweep, or lets delete', async () => {
		const storage = await storageAt((_, response) => response.writeHead(200, HTML).end(PAGE));
		await expect(storage.sweep(new Date())).rejects.toMatchObject(notS3);
		await expect(storage.remove('x.bin')).rejects.toMatchObject(notS3);
		await expect(storage.replace('x.json', Buffer.from('{}'))).rejects.toMatchObject(notS3);
	});

	it.each([301, 302, 307, 308])('but redirects with status %d is told with where it leads', async (status) => {
		const storage = await storageAt((_, response) =>
			response.writeHead(status, { location: 'https://example.com/' }).end(),
		);
		await expect(storage.write('x.bin', content(10))).rejects.toMatchObject({
			code: 'INVALID_INPUT',
			message: expect.stringContaining('https://example.com'),
		});
	});

	it('but a proxy that takes no large requests is told so', async () => {
		const storage = await storageAt(({ method }, response) => {
			const missing = { 'x-amz-request-id': '1' };
			if (method === 'PUT') response.writeHead(413, HTML).end(PAGE);
			else response.writeHead(404, missing).end();
		});
		await expect(storage.write('x.bin', content(10))).rejects.toMatchObject({
			code: 'STORAGE_DENIED',
			hint: expect.stringContaining('client_max_body_size'),
		});
	});
});

describe('an S3 server', () => {
	it('that hides its own headers behind a proxy is believed when it says that there is nothing', async () => {
		const storage = await storageAt(({ method }, response) => {
			const body = '<?xml version="1.0"?><Error><Code>NoSuchKey</Code><Message>none</Message></Error>';
			response.writeHead(404).end(method === 'HEAD' ? '' : body);
		});
		expect(await storage.stat('x.bin')).toBeUndefined();
		expect(await storage.readLatest('shop_latest')).toBeUndefined();
	});

	it.each([
		['an object', 206, '1'],
		['an empty object', 416, '<?xml version="1.0"?><Error><Code>InvalidRange</Code><Message>none</Message></Error>'],
	])('that shows %s a moment late, between two questions, is asked again', async (_, status, body) => {
		const asked: string[] = [];
		const storage = await storageAt(({ method = '' }, response) => {
			asked.push(method);
			if (method === 'GET') response.writeHead(status, { etag: '"65b1"' }).end(body);
			else response.writeHead(asked.length === 1 ? 404 : 200, { etag: '"65b1"', 'content-length': '0' }).end();
		});
		expect(await storage.stat('x.bin')).toMatchObject({ size: 0 });
		expect(asked).toEqual(['HEAD', 'GET', 'HEAD']);
	});
});
