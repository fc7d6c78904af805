import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { findBackup } from '../../../engine/archive';
import { S3Client, type Bucket } from '../../../engine/minio/client';
import { verifyBackup } from '../../../engine/systems';
import { noise } from '../../random/bytes';
import { startRewritingProxy, type Answer, type RewritingProxy } from '../../services/s3/rewritingProxy';
import type { S3Server } from '../../services/s3/server';
import { startS3rver } from '../../services/s3/s3rver';
import { temporaryStorage } from '../archive/support';
import { bucketPlace, filesIn, folder, folderPlace, run } from './mirror/support';
import { backUp, look, put, restore } from './round-trip-contract';
import { connectionOf } from './support';

const random = noise('contradictions');

/** A cache that has kept the beginning of an object, and takes it for all of it. */
function truncated(answer: Answer): void {
	const kept = answer.body.subarray(0, 100);
	Object.assign(answer, { body: kept, headers: { ...answer.headers, 'content-length': String(kept.length) } });
}

/** A proxy that passes bodies on in chunks, whose length nobody knows before. */
function chunked(answer: Answer): void {
	delete answer.headers['content-length'];
	answer.headers['transfer-encoding'] = 'chunked';
}

describe('an object of which the list and the answer say different things', () => {
	let server: S3Server;
	let proxy: RewritingProxy;
	let client: S3Client;
	let bucket: Bucket;

	beforeAll(async () => {
		server = await startS3rver();
		proxy = await startRewritingProxy(server.endpoint);
		client = new S3Client(connectionOf(server), 'target');
		bucket = client.bucket(await server.createBucket());
		await put(bucket, 'a', 'a');
		await put(bucket, 'doc', random(2000).toString('hex'));
		await put(bucket, 'large', random(2 * 1024 ** 2));
	});
	beforeEach(() => void (proxy.rewrite = () => {}));
	afterAll(async () => {
		client?.close();
		await proxy?.stop();
		await server?.stop();
	});

	const throughProxy = () => ({ ...server, endpoint: proxy.endpoint });
	const onContent = (key: string, change: (answer: Answer) => void) => {
		proxy.rewrite = (line, answer) => {
			if (line.startsWith(`GET /${bucket.name}/${key}`) && !line.includes('tagging')) change(answer);
		};
	};

	it.each(['doc', 'large'])('is not backed up as half of it: %s', async (key) => {
		const { storage } = temporaryStorage();
		onContent(key, truncated);
		const failed = backUp(throughProxy(), storage, bucket.name);
		await expect(failed).rejects.toMatchObject({ code: 'SOURCE_FAILED', message: expect.stringContaining(key) });
	});

	it('is not mirrored as half of it, and removes nothing', async () => {
		const copy = folder({ a: 'b', extra: 'x' });
		onContent('doc', truncated);
		const source = bucketPlace(server, bucket.name, 'source', { endpoint: proxy.endpoint });
		const removal = { ceilingPercent: 100 };
		const report = await run(source, folderPlace(copy, 'target'), { removal });
		expect(report).toMatchObject({ failed: { names: ['doc'] }, removed: { count: 0 } });
		expect(Object.keys(filesIn(copy))).toEqual(['a', 'extra', 'large']);
	});

	it.each(['doc', 'large'])('is backed up whole where its length is not told beforehand: %s', async (key) => {
		const { storage } = temporaryStorage();
		onContent(key, chunked);
		const manifest = await backUp(throughProxy(), storage, bucket.name);
		expect(manifest.warnings).toEqual([]);
		proxy.rewrite = () => {};
		const into = { bucket: `${bucket.name}-of-${key}`, createBucket: true };
		await restore(server, storage, manifest, into);
		expect(await look(client.bucket(into.bucket))).toEqual(await look(bucket));
	});

	it.each(['doc', 'large'])('is left out and named where it breaks off each time: %s', async (key) => {
		const { storage } = temporaryStorage();
		onContent(key, (answer) => {
			chunked(answer);
			answer.body = answer.body.subarray(0, 100);
		});
		const manifest = await backUp(throughProxy(), storage, bucket.name);
		expect(manifest.counts).toMatchObject({ files: 2 });
		const { manifestKey } = await findBackup(storage, { id: manifest.id });
		expect(await verifyBackup({ storage, key: manifestKey, level: 'content' })).toMatchObject({ verdict: 'passed' });
		expect(manifest.warnings).toEqual([
			expect.stringMatching(`1 entries were left out: ${key} .it was replaced, or broke off`),
		]);
	});

	it('is backed up again although the list leaves it out, and not where it is gone', async () => {
		const { storage } = temporaryStorage();
		const incremental = { wholeEvery: 0, leastUse: 0 };
		const some = client.bucket(await server.createBucket());
		for (let at = 10; at < 20; at++) await put(some, `docs/${at}`, `content ${at}`);
		await backUp(throughProxy(), storage, some.name, { incremental });
		await put(some, 'docs/13', 'changed');
		await some.remove(['docs/15', 'docs/16']);
		proxy.rewrite = (line, answer) => {
			if (!/list-type|marker/.test(line)) return;
			const text = answer.body.toString().replace(/<Contents><Key>docs(?:\/|%2F)(?:12|13|19)<.*?<\/Contents>/g, '');
			const count = text.split('<Contents>').length - 1;
			answer.body = Buffer.from(text.replace(/<KeyCount>\d+</, `<KeyCount>${count}<`));
			answer.headers['content-length'] = String(answer.body.length);
		};
		const manifest = await backUp(throughProxy(), storage, some.name, { incremental });
		expect(manifest).toMatchObject({ counts: { files: 8, stored: 1, reused: 7 } });
		expect(manifest.warnings).toEqual([
			expect.stringMatching(/^3 objects.*leaves them out: docs\/12, docs\/13, docs\/19\./),
		]);
		const into = client.bucket(await server.createBucket());
		await restore(server, storage, manifest, { bucket: into.name });
		expect(await look(into)).toEqual(await look(some));
	});
});

describe('a list of buckets that is wrong', () => {
	let server: S3Server;
	let proxy: RewritingProxy;
	beforeAll(async () => {
		server = await startS3rver();
		proxy = await startRewritingProxy(server.endpoint);
		for (let at = 0; at < 3; at++) await server.createBucket();
	});
	afterAll(async () => {
		await proxy?.stop();
		await server?.stop();
	});

	it.each([
		['breaks off', (text: string) => text.slice(0, text.indexOf('</Bucket>') + 9)],
		[
			'repeats a marker',
			(text: string) => text.replace('<Buckets>', '<ContinuationToken>x</ContinuationToken><Buckets>'),
		],
	])('does not pass for all of them where it %s', async (_how, change) => {
		proxy.rewrite = (_line, answer) => {
			answer.body = Buffer.from(change(answer.body.toString()));
			delete answer.headers['content-length'];
		};
		const client = new S3Client(connectionOf({ ...server, endpoint: proxy.endpoint }), 'source');
		await expect(client.buckets()).rejects.toMatchObject({ code: 'SOURCE_FAILED' });
		client.close();
	});
});
