import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { S3Client, type Bucket } from '../../../engine/minio/client';
import { BucketSource } from '../../../engine/minio/source';
import { Selection } from '../../../engine/tree';
import { noise } from '../../random/bytes';
import { startFaultyProxy, type FaultyProxy } from '../../services/faultyProxy';
import type { S3Server } from '../../services/s3/server';
import { startS3rver } from '../../services/s3/s3rver';
import { temporaryStorage } from '../archive/support';
import { backUp, look, put, restore } from './round-trip-contract';
import { connectionOf } from './support';

const random = noise('faults');

describe('a backup of a bucket whose server, or what stands before it, misbehaves', () => {
	let server: S3Server;
	let proxy: FaultyProxy;
	let client: S3Client;
	let bucket: Bucket;

	beforeAll(async () => {
		server = await startS3rver();
		proxy = await startFaultyProxy(server.endpoint);
		client = new S3Client(connectionOf(server), 'target');
		bucket = client.bucket(await server.createBucket());
		await put(bucket, 'a', 'a');
		await put(bucket, 'large', random(3 * 1024 ** 2));
		for (let at = 0; at < 20; at++) await put(bucket, `many/${at}`, `content of ${at}`);
	});
	afterAll(async () => {
		client?.close();
		await proxy?.stop();
		await server?.stop();
	});

	const throughProxy = () => ({ ...server, endpoint: proxy.endpoint });

	it('has every object where connections drop and the server is away for a while', async () => {
		const { storage } = temporaryStorage();
		const faults = (proxy.faults = [
			{ when: /list-type/, times: 1, act: { kind: 'drop' as const } },
			{ when: /^GET \S+\/large /, times: 2, act: { kind: 'cutAnswer' as const, afterBytes: 1_000_000 } },
			{ when: /^GET \S+\/many\/1/, times: 10, act: { kind: 'status' as const, status: 503, code: 'SlowDown' } },
			{ when: /^GET \S+\/a /, times: 1, act: { kind: 'status' as const, status: 404, code: 'NoSuchKey' } },
		]);
		const manifest = await backUp(throughProxy(), storage, bucket.name);
		expect(faults.map(({ times }) => times)).toEqual([0, 0, 0, 0]);
		expect(manifest).toMatchObject({ counts: { files: 22 }, warnings: [] });
		proxy.faults = [{ when: /^PUT /, times: 5, act: { kind: 'status', status: 503, code: 'SlowDown' } }];
		const into = { bucket: `${bucket.name}-again`, createBucket: true };
		await restore(throughProxy(), storage, manifest, into);
		proxy.faults = [];
		expect(await look(client.bucket(into.bucket))).toEqual(await look(bucket));
	});

	it('fails where an object is listed, and the server says to the end that it is not there', async () => {
		const { storage } = temporaryStorage();
		proxy.faults = [{ when: /^GET \S+\/a /, times: 100, act: { kind: 'status', status: 404, code: 'NoSuchKey' } }];
		await expect(backUp(throughProxy(), storage, bucket.name)).rejects.toMatchObject({ code: 'SOURCE_FAILED' });
		proxy.faults = [];
	});

	it('leaves out what cannot be read where that is asked for, and says why; otherwise it fails and names it', async () => {
		const { storage } = temporaryStorage();
		const several = client.bucket(await server.createBucket());
		for (const key of ['cold', 'good', 'owned', 'secret']) await put(several, key, key);
		const words = 'The object was stored using a form of Server Side Encryption. Send its key.';
		const ownersKey = `<Error><Code>InvalidRequest</Code><Message>${words}</Message></Error>`;
		const unreadable = {
			cold: [{ kind: 'status', status: 403, code: 'InvalidObjectState' }, 'SOURCE_FAILED', /cold .*storage class/],
			owned: [{ kind: 'status', status: 400, code: '', body: ownersKey }, 'SOURCE_FAILED', /owned .*SSE-C/],
			secret: [{ kind: 'status', status: 403, code: 'AccessDenied' }, 'ACCESS_DENIED', /secret/],
		} as const;
		for (const [key, [act, code, message]] of Object.entries(unreadable)) {
			proxy.faults = [{ when: new RegExp(`^GET \\S+/${key} `), times: 100, act }];
			const failing = backUp(throughProxy(), storage, several.name);
			await expect(failing).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string });
		}
		proxy.faults = Object.entries(unreadable).map(([key, [act]]) => {
			return { when: new RegExp(`^GET \\S+/${key} `), times: 100, act };
		});
		const manifest = await backUp(throughProxy(), storage, several.name, { skipUnreadable: true });
		proxy.faults = [];
		expect(manifest.counts['files']).toBe(1);
		expect(manifest.warnings.join()).toMatch(
			/3 entries were left out: cold \(.*class first\), owned \(.*SSE-C\), secret \(the keys may not read it\)/,
		);
	});

	it('leaves out an object that went away since it was listed, and says why', async () => {
		await put(bucket, 'z', 'z');
		const source = new BucketSource({ bucket, selection: new Selection({ prefix: 'z' }), prefix: 'z' });
		const signal = new AbortController().signal;
		for await (const entry of source.entries(signal)) {
			await bucket.remove(['z']);
			expect(await source.open(entry, signal)).toEqual({ leftOut: 'it was removed while the backup ran' });
		}
	});

	it('is made without tags where the server has none, and says so', async () => {
		const { storage } = temporaryStorage();
		proxy.faults = [{ when: /\?tagging/, times: 100, act: { kind: 'status', status: 501, code: 'NotImplemented' } }];
		const manifest = await backUp(throughProxy(), storage, bucket.name);
		proxy.faults = [];
		expect(manifest.warnings).toEqual(['The server has no tags of objects, so none were backed up.']);
		expect(manifest.counts['files']).toBe(22);
	});

	it('gives objects their tags when a restore that broke before them is run again', async () => {
		const { storage } = temporaryStorage();
		proxy.faults = [];
		const tagged = client.bucket(await server.createBucket());
		for (const key of ['a', 'b']) await put(tagged, key, key, { tags: { level: key } });
		const manifest = await backUp(server, storage, tagged.name);
		const into = client.bucket(await server.createBucket());
		proxy.faults = [
			{ when: /^PUT \S+\?tagging/, times: 1, act: { kind: 'status', status: 403, code: 'AccessDenied' } },
		];
		const broken = restore(throughProxy(), storage, manifest, { bucket: into.name });
		await expect(broken).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
		await restore(throughProxy(), storage, manifest, { bucket: into.name });
		expect(await look(into)).toEqual(await look(tagged));
		// Others are only replaced where that is asked for.
		await into.tag('a', { attributes: { tags: { level: 'other' } }, signal: new AbortController().signal });
		await restore(throughProxy(), storage, manifest, { bucket: into.name });
		expect(await into.tags('a')).toEqual({ level: 'other' });
		await restore(server, storage, manifest, { bucket: into.name, existing: 'overwrite', confirmation: into.name });
		expect(await look(into)).toEqual(await look(tagged));
	});

	it('is not restored where two objects would get one key', async () => {
		const { storage } = temporaryStorage();
		const both = client.bucket(await server.createBucket());
		await put(both, 'a', 'outside');
		await put(both, 'docs/a', 'inside');
		const manifest = await backUp(server, storage, both.name);
		const into = client.bucket(await server.createBucket());
		const options = {
			bucket: into.name,
			withoutPrefix: 'docs/',
			existing: 'overwrite' as const,
			confirmation: into.name,
		};
		await expect(restore(server, storage, manifest, options)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
		expect(await look(into)).toEqual({});
		await restore(server, storage, manifest, { ...options, choices: { prefix: 'docs/' } });
		expect(Object.keys(await look(into))).toEqual(['a']);
	});

	it('leaves no upload where it is cancelled while a storage class is tried', async () => {
		const controller = new AbortController();
		const through = new S3Client(connectionOf(throughProxy()), 'target');
		proxy.requests.length = 0;
		proxy.onRequest = (line) => void (/^POST \S+\?uploads/.test(line) && controller.abort());
		const large = random(6 * 1024 ** 2);
		const content = (async function* () {
			yield await Promise.resolve(large);
		})();
		const attributes = { storageClass: 'COLD' };
		const stored = through
			.bucket(bucket.name)
			.put('classed', content, { size: large.length, attributes, signal: controller.signal });
		await expect(stored).rejects.toMatchObject({ code: 'CANCELLED' });
		proxy.onRequest = undefined;
		through.close();
		const count = (what: RegExp) => proxy.requests.filter((line) => what.test(line)).length;
		expect([count(/^POST \S+\?uploads/), count(/^DELETE \S+\?uploadId=/)]).toEqual([1, 1]);
	});

	it('leaves nothing where it is cancelled', async () => {
		const { storage } = temporaryStorage();
		const controller = new AbortController();
		proxy.faults = [];
		proxy.onRequest = (line) => {
			if (line.startsWith('GET') && line.includes('/many/')) controller.abort();
		};
		const run = backUp(throughProxy(), storage, bucket.name, { signal: controller.signal });
		await expect(run).rejects.toMatchObject({ code: 'CANCELLED' });
		proxy.onRequest = undefined;
		for await (const { key } of storage.list('')) expect(key).toBe('nothing');
	});
});
