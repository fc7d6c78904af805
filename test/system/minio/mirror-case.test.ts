/** A mirror into a file system that takes `a` and `A` for one: NTFS, as Windows has it. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { bucketPlace, type Contents, folderPlace, put, run } from '../../integration/minio/mirror/support';
import { caseless } from '../../services/caseless';
import { startMinio } from '../../services/s3/minio';
import type { S3Server } from '../../services/s3/server';

let server: S3Server;
beforeAll(async () => (server = await startMinio()));
afterAll(async () => await server.stop());

async function bucketWith(contents: Contents) {
	const bucket = await server.createBucket();
	await put(server, bucket, contents);
	return bucket;
}

const removal = { ceilingPercent: 90 };

it('keeps what a folder holds by another name, and says so', async () => {
	const root = caseless();
	const contents = { 'A/x': 'one', 'a/y': 'two', 'b/z': 'three', c: 'four', d: 'five', E: 'six' };
	const bucket = await bucketWith(contents);
	for (let times = 0; times < 3; times++) {
		const report = await run(bucketPlace(server, bucket, 'source'), folderPlace(root, 'target'), { removal });
		expect(report).toMatchObject({ removed: { count: 0 } });
		expect(existsSync(path.join(root, '.stack-backup-trash'))).toBe(false);
		if (times > 0) expect(report.failed.count).toBeGreaterThan(0);
		const { failed } = report;
		for (const [name, content] of Object.entries(contents)) {
			if (!failed.names.includes(name)) expect(readFileSync(path.join(root, name), 'utf8')).toBe(content);
		}
	}
});

it('overwrites no object by another one whose name differs in case alone', async () => {
	const root = caseless();
	const bucket = await bucketWith({ A: 'one', a: 'two', b: 'three' });
	for (let times = 0; times < 3; times++) {
		const report = await run(bucketPlace(server, bucket, 'source'), folderPlace(root, 'target'), { removal });
		expect(report).toMatchObject({ failed: { count: 1 }, removed: { count: 0 } });
		expect(report.warnings.join()).toMatch(/Something stands where a has to be/i);
		expect(readFileSync(path.join(root, 'a'), 'utf8')).toBe(report.failed.names[0] === 'a' ? 'one' : 'two');
	}
});

it('takes no file that is listed under another name for the one that is asked for', async () => {
	const root = caseless();
	mkdirSync(root);
	writeFileSync(path.join(root, 'A'), 'one');
	const listed = readdirSync(root)[0]!;
	const other = listed === 'A' ? 'a' : 'A';
	for (const role of ['source', 'target'] as const) {
		expect(await folderPlace(root, role).ask(other)).toBeUndefined();
		expect(await folderPlace(root, role).ask(listed)).toMatchObject({ size: 3 });
	}
});

it('leaves out what the file system has no names for, which is told and stops nothing else', async () => {
	const root = caseless('windows_names');
	const bucket = await bucketWith({ 'a:b': 'one', 'why?/c': 'two', d: 'three' });
	const report = await run(bucketPlace(server, bucket, 'source'), folderPlace(root, 'target'), { removal });
	expect(report).toMatchObject({ added: { count: 1 }, leftOut: { names: ['a:b', 'why?/c'] }, failed: { count: 0 } });
	expect(report.warnings.join()).toMatch(/a:b: The file system there can have nothing of the name a:b \(E/);
	expect(readFileSync(path.join(root, 'd'), 'utf8')).toBe('three');
});
