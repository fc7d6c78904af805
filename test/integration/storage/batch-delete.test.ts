import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { S3Storage } from '../../../engine/storage';
import { startFaultyProxy, type FaultyProxy } from '../../services/faultyProxy';
import { startS3rver } from '../../services/s3/s3rver';
import type { S3Server } from '../../services/s3/server';
import { keysOf, optionsFor } from './s3-under-test';

const BATCH = /^POST .*[?&]delete/;
const SINGLE = /^DELETE /;
const STAYS = 'x/stays.bin';

describe('S3Storage.removeMany', () => {
	let server: S3Server;
	let proxy: FaultyProxy;
	let storage: S3Storage;
	beforeAll(async () => {
		server = await startS3rver();
		proxy = await startFaultyProxy(server.endpoint);
	});
	beforeEach(async () => {
		const bucket = await server.createBucket();
		storage = new S3Storage(optionsFor(server, bucket, { endpoint: proxy.endpoint }));
		proxy.faults = [];
	});
	afterAll(async () => {
		await proxy.stop();
		await server.stop();
	});

	async function written(count: number): Promise<string[]> {
		const keys = Array.from({ length: count }, (_, index) => `x/${index}.bin`);
		// s3rver stumbles where deletions at the same time empty a folder.
		for (const key of [...keys, STAYS]) await storage.replace(key, Buffer.from('x'));
		proxy.requests = [];
		return keys;
	}
	const sent = (pattern: RegExp) => proxy.requests.filter((line) => pattern.test(line)).length;
	const left = async () => (await keysOf(storage)).filter((key) => key !== STAYS);

	it('sends one request for many objects', async () => {
		expect(await storage.removeMany(await written(50))).toEqual([]);
		expect([sent(BATCH), sent(SINGLE), await left()]).toEqual([1, 0, []]);
	});

	it('sends no more than a thousand keys in a request', async () => {
		const missing = Array.from({ length: 2500 }, (_, index) => `none/${index}`);
		expect(await storage.removeMany([...(await written(3)), ...missing])).toEqual([]);
		expect([sent(BATCH), sent(SINGLE), await left()]).toEqual([3, 0, []]);
	});

	it.each([
		[501, 'NotImplemented'],
		[400, 'MalformedXML'],
		[400, 'InvalidRequest'],
		[405, 'MethodNotAllowed'],
	])('deletes one by one, and goes on like that, where the server refuses batches: %i %s', async (status, code) => {
		proxy.faults = [{ when: BATCH, times: 9, act: { kind: 'status', status, code } }];
		expect(await storage.removeMany(await written(10))).toEqual([]);
		expect([sent(BATCH), sent(SINGLE), await left()]).toEqual([1, 10, []]);
		expect(await storage.removeMany(await written(10))).toEqual([]);
		expect([sent(BATCH), sent(SINGLE), await left()]).toEqual([0, 10, []]);
	});

	it('deletes by itself what the answer does not report as deleted, and reports what is denied', async () => {
		const keys = await written(5);
		const deleted = (key: string) => `<Deleted><Key>backups/test/${key}</Key></Deleted>`;
		const failed = (key: string, code: string) =>
			`<Error><Key>backups/test/${key}</Key><Code>${code}</Code><Message>No.</Message></Error>`;
		const [a, b, c] = keys as [string, string, string];
		const body = `<DeleteResult>${deleted(a)}${failed(b, 'AccessDenied')}${failed(c, 'InternalError')}</DeleteResult>`;
		proxy.faults = [{ when: BATCH, times: 1, act: { kind: 'status', status: 200, code: '', body } }];
		const failures = await storage.removeMany(keys);
		expect(failures.map(({ key, error }) => [key, error.code])).toEqual([[b, 'STORAGE_DENIED']]);
		expect([sent(SINGLE), await left()]).toEqual([3, [a, b]]);
	});

	it('puts no key into a batch that XML would change into another, nor one too long for it', async () => {
		const plain = await written(2);
		const odd = ['x/a\rb', 'x/a\nb', 'x/a\tb', 'x/end ', 'x/\u00a0', 'x/a\u0085b', `x/${'long/'.repeat(203)}end`];
		expect(await storage.removeMany([...plain, ...odd])).toEqual([]);
		expect([sent(BATCH), sent(SINGLE), await left()]).toEqual([1, odd.length, []]);
	});

	it('takes an object whose key the server finds too long for one that is not there', async () => {
		proxy.faults = [{ when: SINGLE, times: 1, act: { kind: 'status', status: 400, code: 'KeyTooLongError' } }];
		expect(await storage.removeMany(['x/long.bin'])).toEqual([]);
	});

	it('sends a batch again whose answer was lost', async () => {
		proxy.faults = [{ when: BATCH, times: 2, act: { kind: 'cutAnswer', afterBytes: 0 } }];
		expect(await storage.removeMany(await written(10))).toEqual([]);
		expect([sent(BATCH), await left()]).toEqual([3, []]);
	});

	it('takes no other answer for a success', async () => {
		const keys = await written(3);
		const act = { kind: 'status' as const, status: 200, code: '', body: '<html>Sign in</html>' };
		proxy.faults = [{ when: BATCH, times: 99, act }];
		const failures = await storage.removeMany(keys);
		expect(failures.map(({ key }) => key)).toEqual(keys);
		expect(await left()).toEqual(keys);
	});

	it('reports all keys where the server fails for good', async () => {
		const keys = await written(3);
		proxy.faults = [{ when: BATCH, times: 999, act: { kind: 'status', status: 503, code: 'SlowDown' } }];
		const failures = await storage.removeMany(keys);
		expect(failures.map(({ key, error }) => [key, error.code])).toEqual(keys.map((key) => [key, 'STORAGE_FAILED']));
	});
});
