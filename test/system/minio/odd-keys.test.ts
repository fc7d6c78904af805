/** Keys that no file system, no XML and no URL has as they are: all that a server takes comes through a backup, a restore and mirrors. */
import { readdirSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { S3Client, type Bucket } from '../../../engine/minio/client';
import { temporaryStorage } from '../../integration/archive/support';
import { bucketPlace, folder, folderPlace, run } from '../../integration/minio/mirror/support';
import { backUp, look, put, restore } from '../../integration/minio/round-trip-contract';
import { connectionOf } from '../../integration/minio/support';
import { startMinio } from '../../services/s3/minio';
import type { S3Server } from '../../services/s3/server';
import { startSwift } from '../../services/s3/swift';

const KEYS = [
	...[
		'/first',
		'a//b',
		'a/../b',
		'..',
		'./c',
		'a/./b',
		'a',
		'a/b',
		'a/',
		' ',
		' a ',
		'a ',
		'a/ ',
		'a. ',
		'CON',
		'a:b',
		'a\\b',
	],
	...[
		'line\nbreak',
		'line\r\nbreak',
		'tab\tstop',
		'bell\u0007',
		'one\u0001',
		'escape\u001b',
		'delete\u007f',
		'nul\0byte',
	],
	...[
		'%2F',
		'%00',
		'a+b',
		'a b',
		'a%20b',
		'&amp;',
		'<x>',
		'"\'',
		'?x=1',
		'#x',
		'*?[a-z]{1,2}(.|$)^',
		'ä',
		'a\u0308',
		'😀',
		'\ufffe',
		'\u2028',
	],
	...['x'.repeat(1024), 'ä'.repeat(512), `${'y'.repeat(300)}/z`],
];

let minio: S3Server;
let swift: S3Server;
beforeAll(async () => void ([minio, swift] = await Promise.all([startMinio(), startSwift()])));
afterAll(async () => void (await Promise.all([minio, swift].map((each) => each.stop()))));

describe.each(['MinIO', 'Swift'])('keys of %s', (name) => {
	let server: S3Server;
	let other: S3Server;
	let bucket: Bucket;
	/** Those that the server takes. */
	let keys: string[];
	beforeAll(async () => {
		[server, other] = name === 'MinIO' ? [minio, swift] : [swift, minio];
		bucket = await newBucket();
		const taken = await takenBy(bucket, KEYS);
		keys = taken.sort();
	});

	const newBucket = async (on = server) => {
		return new S3Client(connectionOf(on), 'source').bucket(await on.createBucket());
	};

	/** What is there has its key as its content, so that none is taken for another one. */
	async function takenBy(into: Bucket, offered: string[]): Promise<string[]> {
		for (const key of offered) await put(into, key, key).catch(() => {});
		return (await keysOf(into)).filter((key) => offered.includes(key));
	}

	async function keysOf(of: Bucket): Promise<string[]> {
		return Object.keys(await look(of))
			.filter((key) => !key.startsWith('.stack-backup-'))
			.sort();
	}

	async function expectContents(of: Bucket, expected: string[]): Promise<void> {
		const seen = await look(of);
		for (const key of expected) {
			expect([key, Buffer.from((seen[key] as { content?: string })?.content ?? '', 'base64').toString()]).toEqual([
				key,
				key,
			]);
		}
		expect(await keysOf(of)).toEqual(expected);
	}

	it('are many', () => {
		expect(keys.length).toBeGreaterThan(20);
	});

	it('come back from a backup, whole and incremental', async () => {
		const { storage } = temporaryStorage();
		await backUp(server, storage, bucket.name);
		await put(bucket, 'new', 'new');
		const manifest = await backUp(server, storage, bucket.name);
		await bucket.remove(['new']);
		const target = await newBucket();
		await restore(server, storage, manifest, { bucket: target.name });
		await expectContents(target, [...keys, 'new'].sort());
	});

	it('come over to another bucket, and go from it one by one', async () => {
		const target = await newBucket();
		const places = () =>
			[bucketPlace(server, bucket.name, 'source'), bucketPlace(server, target.name, 'target')] as const;
		expect(await run(...places())).toMatchObject({ failed: { count: 0 } });
		await expectContents(target, keys);
		expect(await run(...places(), { removal: {} })).toMatchObject({
			unchanged: { count: keys.length },
			added: { count: 0 },
		});
		await put(bucket, 'always', 'always');
		const rest = bucketPlace(server, bucket.name, 'source');
		const only = { choices: { include: ['always'] } };
		expect(await run(rest, bucketPlace(server, target.name, 'target'), only)).toMatchObject({ added: { count: 1 } });
		await bucket.remove(['always']);
		expect(await target.remove([...keys, 'always'])).toEqual([]);
		expect(await keysOf(target)).toEqual([]);
	});

	it('come over to another server, but for those that it does not take, which are told', async () => {
		const target = await newBucket(other);
		const report = await run(bucketPlace(server, bucket.name, 'source'), bucketPlace(other, target.name, 'target'));
		const there = await keysOf(target);
		expect(there.length).toBeGreaterThan(20);
		const missing = keys.filter((key) => !there.includes(key));
		// MinIO takes what is below an object, and has it, and lists it not.
		const heads = await Promise.all(missing.map(async (key) => await target.head(key).catch(() => undefined)));
		const unlisted = heads.filter((head) => head !== undefined).length;
		expect(report.failed.count + report.leftOut.count + unlisted).toBe(missing.length);
		await expectContents(target, there);
	});

	it('are never written over others, as /a over a', async () => {
		const target = await newBucket();
		for (const key of ['a', 'b']) await put(target, key, key);
		const isKept = await put(target, '/a', '/a').then(
			() => true,
			(error: unknown) => expect(error).toMatchObject({ code: 'INVALID_INPUT' }) === undefined && false,
		);
		await expectContents(target, isKept ? ['/a', 'a', 'b'] : ['a', 'b']);
	});

	it('come into a folder, but for those that no file has, which are told, and back', async () => {
		const root = folder();
		const report = await run(bucketPlace(server, bucket.name, 'source'), folderPlace(root, 'target'));
		const { added, leftOut, failed } = report;
		expect(added.count + leftOut.count + failed.count).toBe(keys.length);
		expect(readdirSync(`${root}/..`).filter((name) => KEYS.includes(name))).toEqual([]);
		const target = await newBucket();
		await run(folderPlace(root, 'source'), bucketPlace(server, target.name, 'target'));
		const back = await keysOf(target);
		expect(back).toHaveLength(added.count);
		await expectContents(target, back);
		const again = await run(bucketPlace(server, bucket.name, 'source'), folderPlace(root, 'target'));
		expect(again).toMatchObject({ changed: { count: 0 } });
	});
});
