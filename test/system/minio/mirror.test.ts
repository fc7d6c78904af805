import type { IncomingMessage } from 'node:http';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { unfinishedUploads } from '../../integration/storage/s3-under-test';
import {
	bucketPlace,
	filesIn,
	folder,
	folderPlace,
	keysIn,
	objectsIn,
	put,
	run,
} from '../../integration/minio/mirror/support';
import { settled } from '../../integration/settled';
import { noise } from '../../random/bytes';
import { startChangingProxy } from '../../services/s3/changingProxy';
import { startFaultyProxy } from '../../services/faultyProxy';
import { startMinio } from '../../services/s3/minio';
import type { S3Server } from '../../services/s3/server';
import { startSwift } from '../../services/s3/swift';

const random = noise('mirror');
const MIB = 1024 * 1024;
const CONTENTS = { 'a.txt': 'one', 'a/b.txt': 'two', 'ä/ü.txt': 'three', 'z+ &.txt': 'four', empty: '', '😀': 'six' };

let minio: S3Server;
let swift: S3Server;
beforeAll(async () => {
	minio = await startMinio();
	swift = await startSwift();
});
afterAll(async () => {
	await minio.stop();
	await swift.stop();
});

function mirrorsOn(name: string, server: () => S3Server, other: () => S3Server): void {
	describe(`mirrors of ${name}`, () => {
		it('copy on the server, and then only what changed, also of what was uploaded in parts', async () => {
			const from = await server().createBucket();
			const to = await server().createBucket();
			await put(server(), from, CONTENTS);
			const large = random(11 * MIB).toString('latin1');
			const source = () => bucketPlace(server(), from, 'source');
			await run(folderPlace(folder({ large }), 'source'), bucketPlace(server(), from, 'target', { prefix: 'large/' }));
			const places = () => [source(), bucketPlace(server(), to, 'target')] as const;
			expect(await run(...places())).toMatchObject({ added: { count: 7 }, warnings: [] });
			const expected = await objectsIn(server(), from);
			expect((await objectsIn(server(), to))['large/large'] === expected['large/large']).toBe(true);
			expect(await run(...places())).toMatchObject({
				unchanged: { count: 7 },
				added: { count: 0 },
				changed: { count: 0 },
			});
			await put(server(), from, { 'a.txt': 'ONE' });
			await server().client.removeObject(from, 'empty');
			expect(await run(...places(), { removal: { ceilingPercent: 20 } })).toMatchObject({
				changed: { names: ['a.txt'] },
				removed: { names: ['empty'] },
				unchanged: { count: 5 },
			});
			expect(Object.keys(await objectsIn(server(), to))).toEqual(Object.keys(await objectsIn(server(), from)));
		});

		it('stream from another server, in parts, with what belongs to the objects, and ask for nothing when nothing changed', async () => {
			const from = await other().createBucket();
			const to = await server().createBucket();
			const large = random(11 * MIB + 1).toString('latin1');
			await put(other(), from, { ...CONTENTS, large });
			const meta = { 'Content-Type': 'text/markdown', 'X-Amz-Meta-Owner': 'Eve' };
			await other().client.putObject(from, 'doc', 'text', 4, meta);
			const proxies = await Promise.all([other(), server()].map(({ endpoint }) => startFaultyProxy(endpoint)));
			const places = () =>
				[
					bucketPlace(other(), from, 'source', { endpoint: proxies[0]!.endpoint }),
					bucketPlace(server(), to, 'target', { endpoint: proxies[1]!.endpoint }),
				] as const;
			expect(await run(...places())).toMatchObject({ added: { count: 8 }, warnings: [] });
			expect((await objectsIn(server(), to))['large'] === large).toBe(true);
			const { metaData } = await server().client.statObject(to, 'doc');
			expect(metaData).toMatchObject({ 'content-type': 'text/markdown', owner: 'Eve' });
			for (const proxy of proxies) proxy.requests.length = 0;
			expect(await run(...places())).toMatchObject({
				unchanged: { count: 8 },
				changed: { count: 0 },
				added: { count: 0 },
			});
			const asked = proxies
				.flatMap(({ requests }) => requests)
				.filter((line) => !/list-type|marker|\?.*uploads/.test(line));
			// Lists, also of unfinished uploads. The record alone is read: its head and its chunk. And the lock is taken and given back.
			const ofLock = /\/\.stack-backup-mirror\/lock-/;
			const others = asked.filter((line) => !ofLock.test(line) && !/^GET \S*\/\.stack-backup-mirror\//.test(line));
			expect(others).toEqual([]);
			for (const proxy of proxies) await proxy.stop();
		});

		it('go to a folder and back', async () => {
			const from = await server().createBucket();
			const to = await server().createBucket();
			const { 'a.txt': _, ...contents } = CONTENTS;
			await put(server(), from, contents);
			const root = folder();
			await run(bucketPlace(server(), from, 'source'), folderPlace(root, 'target'));
			expect(filesIn(root)).toEqual(contents);
			expect(await run(bucketPlace(server(), from, 'source'), folderPlace(root, 'target'))).toMatchObject({
				unchanged: { count: 5 },
			});
			await run(folderPlace(root, 'source'), bucketPlace(server(), to, 'target'));
			expect(await objectsIn(server(), to)).toEqual(contents);
		});

		it('leave no upload behind when they are cancelled', async () => {
			const to = await server().createBucket();
			const root = folder({ large: random(40 * MIB).toString('latin1') });
			const controller = new AbortController();
			const proxy = await startFaultyProxy(server().endpoint);
			proxy.onRequest = (line) => {
				if (/partNumber=3/.test(line)) controller.abort();
			};
			const target = bucketPlace(server(), to, 'target', { endpoint: proxy.endpoint });
			const stopped = run(folderPlace(root, 'source'), target, { signal: controller.signal });
			await expect(stopped).rejects.toMatchObject({ code: 'CANCELLED' });
			expect(await unfinishedUploads(server(), to)).toEqual([]);
			expect(await objectsIn(server(), to)).toEqual({});
			await proxy.stop();
		});

		it('find copies again that nobody recorded', async () => {
			const to = await server().createBucket();
			const root = folder(CONTENTS);
			await settled(root);
			await run(folderPlace(root, 'source'), bucketPlace(server(), to, 'target'));
			for (const key of await keysIn(server(), to, '.stack-backup-mirror/'))
				await server().client.removeObject(to, key);
			expect(await run(folderPlace(root, 'source'), bucketPlace(server(), to, 'target'))).toMatchObject({
				adopted: { count: 6 },
				added: { count: 0 },
				changed: { count: 0 },
			});
		});
	});
}

mirrorsOn(
	'MinIO',
	() => minio,
	() => swift,
);
mirrorsOn(
	'Swift',
	() => swift,
	() => minio,
);

describe('what only some servers have', () => {
	it.each(['whole', 'damaged on the way'])('is used for what was uploaded in parts: their sizes; %s', async (way) => {
		const [from, to] = [await minio.createBucket(), await minio.createBucket()];
		const large = random(9 * MIB).toString('base64');
		await run(folderPlace(folder({ large }), 'source'), bucketPlace(minio, from, 'target'));
		let damaged = 0;
		const damages = ({ method, url = '' }: IncomingMessage) =>
			way !== 'whole' && method === 'PUT' && url.includes('partNumber=2') && damaged++ === 0;
		const proxy = await startChangingProxy(minio.endpoint, { damages });
		const target = bucketPlace(minio, to, 'target', { endpoint: proxy.endpoint });
		expect(await run(bucketPlace(minio, from, 'source'), target)).toMatchObject({
			added: { count: 1 },
			failed: { count: 0 },
		});
		expect((await objectsIn(minio, to))['large'] === large).toBe(true);
		const etags = await Promise.all(
			[from, to].map(async (bucket) => (await minio.client.statObject(bucket, 'large')).etag),
		);
		expect(etags[0]).toMatch(/-3$/);
		expect(etags[1]).toBe(etags[0]);
		// Once, or once more after the damage.
		const begun = proxy.requests.filter(({ line }) => /^POST \S*large\?uploads/.test(line));
		expect(begun).toHaveLength(way === 'whole' ? 1 : 2);
		expect(await unfinishedUploads(minio, to)).toEqual([]);
		await proxy.stop();
	});

	it('goes along where the target has it: tags', async () => {
		const [from, to, without] = [await minio.createBucket(), await minio.createBucket(), await swift.createBucket()];
		await put(minio, from, { tagged: 'x', plain: 'y' });
		await minio.client.setObjectTagging(from, 'tagged', { level: 'secret', 'of a': 'a b' });
		const source = () => bucketPlace(minio, from, 'source');
		await run(source(), bucketPlace(minio, to, 'target'));
		const expected = [
			{ Key: 'level', Value: 'secret' },
			{ Key: 'of a', Value: 'a b' },
		];
		expect(await minio.client.getObjectTagging(to, 'tagged')).toEqual(expect.arrayContaining(expected));
		const proxy = await startFaultyProxy(minio.endpoint);
		const streamed = await minio.createBucket();
		await run(bucketPlace(minio, from, 'source', { endpoint: proxy.endpoint }), bucketPlace(minio, streamed, 'target'));
		expect(await minio.client.getObjectTagging(streamed, 'tagged')).toEqual(expect.arrayContaining(expected));
		await proxy.stop();
		const report = await run(source(), bucketPlace(swift, without, 'target'));
		expect(report).toMatchObject({ added: { count: 2 }, failed: { count: 0 } });
		expect(report.warnings.join()).toMatch(/has no tags of objects/);
	});

	it('is used for what is removed: versions', async () => {
		const to = await minio.createBucket();
		await minio.client.setBucketVersioning(to, { Status: 'Enabled' });
		const contents = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`f${index}`, 'x']));
		const root = folder(contents);
		const places = () => [folderPlace(root, 'source'), bucketPlace(minio, to, 'target')] as const;
		await run(...places());
		await put(minio, to, { extra: 'old' });
		const report = await run(...places(), { removal: {} });
		expect(report).toMatchObject({ removed: { names: ['extra'] }, trash: undefined });
		expect(await objectsIn(minio, to)).toEqual(contents);
		expect((await keysIn(minio, to)).filter((key) => key.startsWith('.stack-backup-trash'))).toEqual([]);
	});
});
