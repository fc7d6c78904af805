/** Source and target that are one place, or of which one lies in the other, under names that do not tell. */
import { symlinkSync } from 'node:fs';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type FaultyProxy, startFaultyProxy } from '../../../services/faultyProxy';
import { startS3rver } from '../../../services/s3/s3rver';
import type { S3Server } from '../../../services/s3/server';
import { bucketPlace, filesIn, folder, folderPlace, objectsIn, put, run } from './support';

const overlap = expect.objectContaining({
	code: 'INVALID_INPUT',
	message: expect.stringMatching(/overlap/) as string,
}) as Error;
const removal = { ceilingPercent: 90 };
const CONTENTS = { 'a/b/c': 'one', 'a/d': 'two', e: 'three' };

describe('folders that overlap', () => {
	const cases: [string, (root: string, link: string) => [string, string]][] = [
		['a folder and a link to it', (root, link) => [root, link]],
		['a link to a folder, and one in that folder', (root, link) => [link, path.join(root, 'a')]],
		['one in a folder, and a link to that folder', (root, link) => [path.join(root, 'a'), link]],
		['a folder, and a new one below a link to it', (root, link) => [root, path.join(link, 'a', 'new', 'one')]],
		['a folder, and one that leads back into it', (root) => [root, `${root}/../${path.basename(root)}/a`]],
	];
	it.each(cases)('are refused: %s', async (_, of) => {
		const root = folder(CONTENTS);
		const link = path.join(folder(), 'link');
		symlinkSync(root, link);
		const [from, to] = of(root, link);
		await expect(run(folderPlace(from, 'source'), folderPlace(to, 'target'), { removal })).rejects.toEqual(overlap);
		expect(filesIn(root)).toEqual(CONTENTS);
	});

	it('are not taken for others whose names begin in the same way', async () => {
		const root = folder({ 'a/x': 'one' });
		await run(folderPlace(path.join(root, 'a'), 'source'), folderPlace(path.join(root, 'a b'), 'target'));
		expect(filesIn(root)).toEqual({ 'a/x': 'one', 'a b/x': 'one' });
	});
});

describe('buckets of a server that goes by two addresses', () => {
	let server: S3Server;
	let other: FaultyProxy;
	beforeAll(async () => {
		server = await startS3rver();
		other = await startFaultyProxy(server.endpoint);
	});
	afterAll(async () => {
		await other.stop();
		await server.stop();
	});

	it.each([
		['a bucket into itself', '', ''],
		['a bucket into a prefix of itself', '', 'a/'],
		['a prefix into its bucket', 'a/', ''],
		['a prefix into one below it', 'a/', 'a/b/'],
		['a prefix into one above it', 'a/b/', 'a/'],
	])('are not mirrored: %s', async (_, fromPrefix, toPrefix) => {
		const bucket = await server.createBucket();
		await put(server, bucket, CONTENTS);
		const source = bucketPlace(server, bucket, 'source', { prefix: fromPrefix, endpoint: other.endpoint });
		const target = bucketPlace(server, bucket, 'target', { prefix: toPrefix });
		await expect(run(source, target, { removal })).rejects.toEqual(overlap);
		expect(await objectsIn(server, bucket)).toEqual(CONTENTS);
	});

	it('are mirrored where their prefixes lie beside each other, or the buckets are two', async () => {
		const [bucket, another] = [await server.createBucket(), await server.createBucket()];
		await put(server, bucket, CONTENTS);
		const source = () => bucketPlace(server, bucket, 'source', { prefix: 'a/', endpoint: other.endpoint });
		await run(source(), bucketPlace(server, bucket, 'target', { prefix: 'a b/' }));
		await run(source(), bucketPlace(server, another, 'target', { prefix: 'a/' }));
		expect(await objectsIn(server, bucket, 'a b/')).toEqual({ 'b/c': 'one', d: 'two' });
		expect(await objectsIn(server, another)).toEqual({ 'a/b/c': 'one', 'a/d': 'two' });
	});
});
