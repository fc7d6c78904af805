import { existsSync, readdirSync, statSync, symlinkSync, utimesSync, writeFileSync, unlinkSync } from 'node:fs';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startFaultyProxy } from '../../../services/faultyProxy';
import { startS3rver } from '../../../services/s3/s3rver';
import type { S3Server } from '../../../services/s3/server';
import { settled } from '../../settled';
import { bucketPlace, filesIn, fill, folder, folderPlace, keysIn, objectsIn, put, run } from './support';

let server: S3Server;
beforeAll(async () => (server = await startS3rver()));
afterAll(async () => await server.stop());

const CONTENTS = { 'a.txt': 'one', 'b/b.txt': 'two', 'ä/ü.txt': 'three', 'z &.txt': 'four', empty: '' };

describe('a mirror', () => {
	it('copies a bucket to another one of the same server, and then only what changed', async () => {
		const from = await server.createBucket();
		const to = await server.createBucket();
		await put(server, from, CONTENTS);
		const places = () => [bucketPlace(server, from, 'source'), bucketPlace(server, to, 'target')] as const;
		expect(await run(...places())).toMatchObject({ sourceCount: 5, added: { count: 5, bytes: 15 }, warnings: [] });
		expect(await objectsIn(server, to)).toEqual(CONTENTS);
		expect(await run(...places())).toMatchObject({ unchanged: { count: 5 }, added: { count: 0 } });

		await put(server, from, { 'a.txt': 'ONE', new: 'five' });
		expect(await run(...places())).toMatchObject({
			unchanged: { count: 4 },
			added: { count: 1, names: ['new'] },
			changed: { count: 1, names: ['a.txt'] },
		});
		expect(await objectsIn(server, to)).toEqual({ ...CONTENTS, 'a.txt': 'ONE', new: 'five' });
	});

	it('streams to another server, with metadata and content type, and asks for nothing when nothing changed', async () => {
		const from = await server.createBucket();
		const to = await server.createBucket();
		const proxy = await startFaultyProxy(server.endpoint);
		await server.client.putObject(from, 'doc', 'text', 4, {
			'Content-Type': 'text/markdown',
			'X-Amz-Meta-Owner': 'Eve',
		});
		await put(server, from, CONTENTS);
		const places = () =>
			[
				bucketPlace(server, from, 'source', { endpoint: proxy.endpoint }),
				bucketPlace(server, to, 'target', { prefix: 'copy/' }),
			] as const;
		expect(await run(...places())).toMatchObject({ added: { count: 6 }, warnings: [] });
		expect(await objectsIn(server, to, 'copy/')).toEqual({ ...CONTENTS, doc: 'text' });
		const { metaData } = await server.client.statObject(to, 'copy/doc');
		expect(metaData).toMatchObject({ 'content-type': 'text/markdown', owner: 'Eve' });
		proxy.requests.length = 0;
		expect(await run(...places())).toMatchObject({ unchanged: { count: 6 }, added: { count: 0 } });
		const asked = proxy.requests.filter((line) => !/list-type|marker/.test(line));
		// Whether it is the target by another address.
		expect(asked).toEqual([expect.stringMatching(/^GET \S+\/copy\/\.stack-backup-mirror\/lock-/)]);
		await proxy.stop();
	});

	it('says that there may be tags where the keys may not read them', async () => {
		const [from, to] = [await server.createBucket(), await server.createBucket()];
		await put(server, from, CONTENTS);
		const proxy = await startFaultyProxy(server.endpoint);
		const denied = { kind: 'status' as const, status: 403, code: 'AccessDenied' };
		proxy.faults = [{ when: /\?tagging/, times: 100, act: denied }];
		const source = bucketPlace(server, from, 'source', { endpoint: proxy.endpoint });
		const report = await run(source, bucketPlace(server, to, 'target'));
		expect(report).toMatchObject({ added: { count: 5 } });
		expect(report.warnings).toEqual([expect.stringMatching(/may not read the tags.*none were copied/)]);
		expect(await objectsIn(server, to)).toEqual(CONTENTS);
		await proxy.stop();
	});

	it('says that there may be more tags where the server says of no object whether it has some', async () => {
		const [from, to] = [await server.createBucket(), await server.createBucket()];
		await put(server, from, Object.fromEntries(Array.from({ length: 55 }, (_, at) => [`f${at}`, 'x'])));
		const proxy = await startFaultyProxy(server.endpoint);
		const source = bucketPlace(server, from, 'source', { endpoint: proxy.endpoint });
		const report = await run(source, bucketPlace(server, to, 'target'));
		expect(report).toMatchObject({ added: { count: 55 } });
		expect(report.warnings).toEqual([expect.stringMatching(/does not say which objects have tags/)]);
		await proxy.stop();
	});

	it('copies a folder to a bucket and back', async () => {
		const bucket = await server.createBucket();
		const root = folder(CONTENTS);
		symlinkSync('/etc/passwd', path.join(root, 'link'));
		const report = await run(folderPlace(root, 'source'), bucketPlace(server, bucket, 'target'));
		expect(report).toMatchObject({ added: { count: 5 } });
		expect(report.warnings).toEqual([expect.stringMatching(/^1 link.*left out.*link/)]);
		expect(await objectsIn(server, bucket)).toEqual(CONTENTS);

		await server.client.putObject(bucket, 'folder/', 'content');
		await server.client.putObject(bucket, 'a/../../escaped', 'no').catch(() => {});
		const back = path.join(folder(), 'made');
		const restored = await run(bucketPlace(server, bucket, 'source'), folderPlace(back, 'target'));
		expect(restored).toMatchObject({ added: { count: 5 } });
		expect(restored.leftOut.names).toContain('folder/');
		expect(filesIn(back)).toEqual(CONTENTS);
		expect(existsSync(path.join(back, '..', 'escaped'))).toBe(false);
		expect(await run(bucketPlace(server, bucket, 'source'), folderPlace(back, 'target'))).toMatchObject({
			unchanged: { count: 5 },
			added: { count: 0 },
		});
	});

	it('gives objects that come from a folder the content type of their extension', async () => {
		const bucket = await server.createBucket();
		const root = folder({ 'page.html': 'x', 'b/large.PDF': 'x'.repeat(70_000), 'no extension': 'y' });
		await run(folderPlace(root, 'source'), bucketPlace(server, bucket, 'target'));
		const typeOf = async (key: string) =>
			((await server.client.statObject(bucket, key)).metaData as Record<string, string>)['content-type'];
		expect(await typeOf('page.html')).toBe('text/html');
		expect(await typeOf('b/large.PDF')).toBe('application/pdf');
		expect(['application/octet-stream', 'binary/octet-stream']).toContain(await typeOf('no extension'));
	});

	it('notices what somebody changed or removed in the target', async () => {
		const root = folder(CONTENTS);
		const copy = folder();
		const places = () => [folderPlace(root, 'source'), folderPlace(copy, 'target')] as const;
		await settled(root);
		await run(...places());
		writeFileSync(path.join(copy, 'a.txt'), 'ONE');
		utimesSync(path.join(copy, 'a.txt'), 1, 1);
		fill(copy, { 'b/b.txt': 'longer than before' });
		expect(await run(...places())).toMatchObject({ changed: { count: 2 }, unchanged: { count: 3 } });
		expect(filesIn(copy)).toEqual(CONTENTS);
	});

	it('keeps what only the target has, unless it is to be removed', async () => {
		const from = folder(CONTENTS);
		const bucket = await server.createBucket();
		await put(server, bucket, { ...Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`x${i}`, 'old'])) });
		const places = () => [folderPlace(from, 'source'), bucketPlace(server, bucket, 'target')] as const;
		expect(await run(...places())).toMatchObject({ added: { count: 5 }, removed: { count: 0 } });
		expect(Object.keys(await objectsIn(server, bucket))).toHaveLength(25);

		const stopped = run(...places(), { removal: {} });
		await expect(stopped).rejects.toMatchObject({
			code: 'NOT_CONFIRMED',
			message: expect.stringMatching(/20 of the 25/),
		});
		expect(Object.keys(await objectsIn(server, bucket))).toHaveLength(25);

		const report = await run(...places(), { removal: { ceilingPercent: 90 } });
		expect(report).toMatchObject({ removed: { count: 20, bytes: 60 } });
		expect(await objectsIn(server, bucket)).toEqual(CONTENTS);
		const trash = (await keysIn(server, bucket)).filter((key) => key.startsWith(`${report.trash}x`));
		expect(trash).toHaveLength(20);
		expect(await run(...places(), { removal: {} })).toMatchObject({ unchanged: { count: 5 }, extra: { count: 0 } });
	});

	it('moves removed files of a folder into the trash, and empties it when its time is over', async () => {
		const bucket = await server.createBucket();
		await put(server, bucket, { keep: 'k', 'sub/gone': 'g', other: 'o' });
		const root = folder({
			'.stack-backup-trash/2001-01-01T00-00-00Z-0a1b2c/old': 'x',
			'.stack-backup-trash/mine': 'y',
		});
		await settled(root);
		const places = () => [bucketPlace(server, bucket, 'source'), folderPlace(root, 'target')] as const;
		await run(...places());
		await server.client.removeObject(bucket, 'sub/gone');
		const report = await run(...places(), { removal: { ceilingPercent: 50, keepDays: 1e-9 } });
		expect(report).toMatchObject({ removed: { names: ['sub/gone'] }, purged: { count: 1 } });
		expect(filesIn(root)).toEqual({ keep: 'k', other: 'o' });
		expect(existsSync(path.join(root, 'sub'))).toBe(false);
		expect(existsSync(path.join(root, report.trash!, 'sub/gone'))).toBe(true);
		expect(readdirSync(path.join(root, '.stack-backup-trash'))).toContain('mine');
		expect(readdirSync(path.join(root, '.stack-backup-trash'))).not.toContain('2001-01-01T00-00-00Z-0a1b2c');
	});

	it('never empties a target because the source is empty', async () => {
		const root = folder();
		const copy = folder(CONTENTS);
		const stopped = run(folderPlace(root, 'source'), folderPlace(copy, 'target'), { removal: { ceilingPercent: 100 } });
		await expect(stopped).rejects.toMatchObject({
			code: 'NOT_CONFIRMED',
			message: expect.stringMatching(/all of them/),
		});
		expect(filesIn(copy)).toEqual(CONTENTS);
		const missing = run(folderPlace(path.join(root, 'missing'), 'source'), folderPlace(copy, 'target'), {
			removal: {},
		});
		await expect(missing).rejects.toMatchObject({ code: 'INVALID_INPUT' });
		expect(filesIn(copy)).toEqual(CONTENTS);
	});

	it('tells what it would do, and does nothing', async () => {
		const root = folder(CONTENTS);
		const copy = folder({ 'a.txt': 'another', extra: 'x' });
		const before = statSync(copy).mtimeMs;
		const report = await run(folderPlace(root, 'source'), folderPlace(copy, 'target'), {
			dryRun: true,
			removal: { ceilingPercent: 50 },
		});
		expect(report).toMatchObject({
			dryRun: true,
			added: { count: 4, bytes: 12 },
			changed: { count: 1, names: ['a.txt'] },
			extra: { count: 1, names: ['extra'] },
			removed: { count: 0 },
		});
		expect(filesIn(copy)).toEqual({ 'a.txt': 'another', extra: 'x' });
		expect(readdirSync(copy).sort()).toEqual(['a.txt', 'extra']);
		expect(statSync(copy).mtimeMs).toBe(before);
	});

	it('takes only what was chosen, and counts nothing else', async () => {
		const root = folder({ 'a.pdf': '1', 'sub/b.pdf': '2', 'c.txt': '3' });
		const copy = folder({ 'other.txt': 'stays' });
		await settled(root);
		const options = { choices: { include: ['*.pdf'] }, removal: {} };
		const places = () => [folderPlace(root, 'source'), folderPlace(copy, 'target')] as const;
		expect(await run(...places(), options)).toMatchObject({ sourceCount: 2, extra: { count: 0 } });
		expect(filesIn(copy)).toEqual({ 'a.pdf': '1', 'sub/b.pdf': '2', 'other.txt': 'stays' });
		await run(...places());
		expect(await run(...places(), options)).toMatchObject({ unchanged: { count: 2 } });
		expect(await run(...places())).toMatchObject({ unchanged: { count: 3 } });
	});

	it('refuses a target inside the source', async () => {
		const root = folder(CONTENTS);
		const stopped = run(folderPlace(root, 'source'), folderPlace(path.join(root, 'copy'), 'target'));
		await expect(stopped).rejects.toMatchObject({ code: 'INVALID_INPUT' });
	});

	it('goes on when single objects cannot be copied, and removes nothing then', async () => {
		const bucket = await server.createBucket();
		await put(server, bucket, { a: '1', 'b/c': '2', d: '3' });
		const copy = folder({ extra: 'x', more: 'y' });
		symlinkSync('a link stands where a folder has to be', path.join(copy, 'b'));
		const report = await run(bucketPlace(server, bucket, 'source'), folderPlace(copy, 'target'), {
			removal: { ceilingPercent: 90 },
		});
		expect(report).toMatchObject({ added: { count: 2 }, failed: { count: 1, names: ['b/c'] }, removed: { count: 0 } });
		expect(report.warnings.join('\n')).toMatch(/could not be copied: b\/c[^]*Nothing was removed/);
		unlinkSync(path.join(copy, 'b'));
		expect(filesIn(copy)).toMatchObject({ a: '1', d: '3', extra: 'x' });
	});

	it('into a folder leaves out what lies below another object, which is told and keeps nothing else from being done', async () => {
		const bucket = await server.createBucket();
		const contents = { 'a/b': 'below', c: 'three', d: 'four', e: 'five' };
		await put(server, bucket, contents);
		const copy = folder({ a: 'a file that the source has no more', c: 'old', extra: 'x' });
		const mirrored = async () => {
			const removal = { ceilingPercent: 90 };
			return await run(bucketPlace(server, bucket, 'source'), folderPlace(copy, 'target'), { removal });
		};
		const first = await mirrored();
		expect(first).toMatchObject({
			added: { count: 2 },
			leftOut: { names: ['a/b'] },
			removed: { count: 2 },
		});
		// They go some at once.
		expect(first.removed.names.toSorted()).toEqual(['a', 'extra']);
		expect(first.warnings.join()).toMatch('a/b: its name lies below another object, a, which is a file here.');
		expect(await mirrored()).toMatchObject({ added: { count: 1 }, warnings: [] });
		expect(filesIn(copy)).toEqual(contents);
		// And the other way: a folder became a file.
		await server.client.removeObject(bucket, 'a/b');
		await put(server, bucket, { a: 'instead' });
		const third = await mirrored();
		expect(third).toMatchObject({ leftOut: { names: ['a'] }, removed: { names: ['a/b'] }, failed: { count: 0 } });
		expect(third.warnings.join()).toMatch('A folder stands where the file a has to be.');
		expect(await mirrored()).toMatchObject({ added: { names: ['a'] }, warnings: [] });
	});

	it('goes on however many objects the source cannot give, and names what it may not read', async () => {
		const bucket = await server.createBucket();
		const cold = Object.fromEntries(Array.from({ length: 130 }, (_, at) => [`cold/${at}`, 'x']));
		await put(server, bucket, { a: '1', ...cold, secret: '2', z: '3' });
		const proxy = await startFaultyProxy(server.endpoint);
		const refused = (code: string) => ({ kind: 'status' as const, status: 403, code });
		proxy.faults = [
			{ when: /^GET \S+\/cold\/\d/, times: 130, act: refused('InvalidObjectState') },
			{ when: /^GET \S+\/secret/, times: 1, act: refused('AccessDenied') },
		];
		const copy = folder();
		const source = bucketPlace(server, bucket, 'source', { endpoint: proxy.endpoint });
		const report = await run(source, folderPlace(copy, 'target'));
		expect(report).toMatchObject({ added: { count: 2 }, failed: { count: 131 } });
		expect(report.warnings.join('\n')).toMatch(/cold\/0: .* has to be thawed/);
		expect(filesIn(copy)).toEqual({ a: '1', z: '3' });
		await proxy.stop();
	});

	it('copies what the target takes where it denies others, however many, and removes nothing', async () => {
		const bucket = await server.createBucket();
		await put(server, bucket, { extra: 'extra' });
		const denied = Object.fromEntries(Array.from({ length: 130 }, (_, at) => [`f${at}`, 'x']));
		const proxy = await startFaultyProxy(server.endpoint);
		proxy.faults = [{ when: /^PUT \S+\/f\d/, times: 130, act: { kind: 'status', status: 403, code: 'AccessDenied' } }];
		const target = bucketPlace(server, bucket, 'target', { endpoint: proxy.endpoint });
		const source = folderPlace(folder({ a: 'first', ...denied, z: 'last' }), 'source');
		const report = await run(source, target, { removal: { ceilingPercent: 100 } });
		expect(report).toMatchObject({ added: { count: 2 }, failed: { count: 130 }, removed: { count: 0 } });
		expect(report.warnings[0]).toMatch(/^130 objects could not be copied: f0, f1, f10 and 127 more\.$/);
		expect(report.warnings.length).toBeLessThan(10);
		expect(await objectsIn(server, bucket)).toEqual({ a: 'first', extra: 'extra', z: 'last' });
		await proxy.stop();
	});

	it('does not try the rest where the target is full', async () => {
		const bucket = await server.createBucket();
		const root = folder(Object.fromEntries(Array.from({ length: 130 }, (_, at) => [`f${at}`, 'x'])));
		const proxy = await startFaultyProxy(server.endpoint);
		proxy.faults = [{ when: /^PUT \S+\/f\d/, times: 130, act: { kind: 'status', status: 400, code: 'QuotaExceeded' } }];
		const target = bucketPlace(server, bucket, 'target', { endpoint: proxy.endpoint });
		await expect(run(folderPlace(root, 'source'), target)).rejects.toMatchObject({ code: 'TARGET_FAILED' });
		expect(proxy.requests.filter((line) => /^PUT \S+\/f\d/.test(line)).length).toBeLessThan(125);
		await proxy.stop();
	});

	it('needs no right to remove where nothing is to be removed', async () => {
		const bucket = await server.createBucket();
		const root = folder(CONTENTS);
		const proxy = await startFaultyProxy(server.endpoint);
		const denied = { kind: 'status' as const, status: 403, code: 'AccessDenied' };
		proxy.faults = [
			{ when: /^POST \S+\?delete/, times: 100, act: denied },
			{ when: /^DELETE /, times: 100, act: denied },
		];
		const places = () => {
			return [
				folderPlace(root, 'source'),
				bucketPlace(server, bucket, 'target', { endpoint: proxy.endpoint }),
			] as const;
		};
		await settled(root);
		expect(await run(...places())).toMatchObject({ added: { count: 5 }, warnings: [] });
		fill(root, { 'a.txt': 'ONE' });
		await settled(root);
		const again = await run(...places());
		expect(again).toMatchObject({ changed: { count: 1 } });
		expect(again.warnings).toEqual([expect.stringMatching(/earlier runs recorded stays in the target/)]);
		expect(await run(...places())).toMatchObject({ unchanged: { count: 5 } });
		await proxy.stop();
	});

	it('makes nothing of the objects that stand for folders where the target is one, and tells of others with such names', async () => {
		const bucket = await server.createBucket();
		await put(server, bucket, { 'docs/': '', 'docs/a': '1', 'empty/': '' });
		const copy = folder();
		const places = () => [bucketPlace(server, bucket, 'source'), folderPlace(copy, 'target')] as const;
		const nothingTold = { failed: { count: 0 }, leftOut: { count: 0 }, warnings: [] };
		expect(await run(...places())).toMatchObject({ added: { count: 1 }, ...nothingTold });
		expect(filesIn(copy)).toEqual({ 'docs/a': '1' });
		expect(await run(...places())).toMatchObject({ added: { count: 0 }, unchanged: { count: 1 }, ...nothingTold });
		await put(server, bucket, { 'full/': 'content' });
		expect(await run(...places())).toMatchObject({ leftOut: { count: 1, names: ['full/'] } });
	});

	it('follows no link of the target', async () => {
		const outside = folder();
		const bucket = await server.createBucket();
		await put(server, bucket, { 'link/file': 'x' });
		const copy = folder();
		symlinkSync(outside, path.join(copy, 'link'));
		const report = await run(bucketPlace(server, bucket, 'source'), folderPlace(copy, 'target'));
		expect(report).toMatchObject({ failed: { count: 1 } });
		expect(readdirSync(outside)).toEqual([]);
	});

	it('remembers nothing wrong when its record was damaged', async () => {
		const root = folder(CONTENTS);
		const copy = folder();
		const places = () => [folderPlace(root, 'source'), folderPlace(copy, 'target')] as const;
		await run(...places());
		const state = path.join(copy, '.stack-backup-mirror');
		const [id] = readdirSync(state);
		for (const file of readdirSync(path.join(state, id!))) writeFileSync(path.join(state, id!, file), 'damaged');
		fill(root, { 'a.txt': 'ONE' });
		await settled(root);
		const report = await run(...places());
		expect(report.warnings.join()).toMatch(/recorded in the target could not be read/);
		expect(filesIn(copy)).toEqual({ ...CONTENTS, 'a.txt': 'ONE' });
		expect(await run(...places())).toMatchObject({ unchanged: { count: 5 }, warnings: [] });
	});
});
