/** Keys that no file system, no XML and no URL has as they are: all that a server takes comes through a backup, a restore and mirrors. */
import { readdirSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { S3Client, type Bucket } from '../../../engine/minio/client';
import { mapInParallel } from '../../../engine/parallel';
import { shownName } from '../../../engine/tree';
import { temporaryStorage } from '../../integration/archive/support';
import { bucketPlace, folder, folderPlace, run } from '../../integration/minio/mirror/support';
import { backUp, put, restore } from '../../integration/minio/round-trip-contract';
import { connectionOf } from '../../integration/minio/support';
import { startMinio } from '../../services/s3/minio';
import type { S3Server } from '../../services/s3/server';
import { startSwift } from '../../services/s3/swift';
import { startVersityGw } from '../../services/s3/versitygw';

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
let versity: S3Server;
beforeAll(async () => {
	[minio, swift, versity] = await Promise.all([startMinio(), startSwift(), startVersityGw()]);
});
afterAll(async () => void (await Promise.all([minio, swift, versity].map((each) => each.stop()))));

describe.each([
	['MinIO', () => [minio, swift]],
	['Swift', () => [swift, minio]],
	['VersityGW', () => [versity, minio]],
])('keys of %s', (_name, servers) => {
	let server: S3Server;
	let other: S3Server;
	let bucket: Bucket;
	/** Those that the server takes. */
	let keys: string[];
	beforeAll(async () => {
		[server, other] = servers() as [S3Server, S3Server];
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
		const found: string[] = [];
		for await (const { key } of of.list()) if (!key.startsWith('.stack-backup-')) found.push(key);
		return found.sort();
	}

	async function contentOf(of: Bucket, key: string): Promise<string | undefined> {
		const opened = await of.open(key);
		const pieces: Uint8Array[] = [];
		for await (const piece of opened?.bytes ?? []) pieces.push(piece);
		return opened && Buffer.concat(pieces).toString();
	}

	async function expectContents(of: Bucket, expected: string[]): Promise<void> {
		const found = await mapInParallel(await keysOf(of), 8, async (key) => [key, await contentOf(of, key)]);
		expect(found).toEqual(expected.map((key) => [key, key]));
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
		expect([...report.leftOut.names].sort()).toEqual(missing.map(shownName).sort());
		expect(report.failed).toMatchObject({ count: 0 });
		await expectContents(target, there);
	});

	it('that another server does not take are named when all others were restored there, and end no restore', async () => {
		const { storage } = temporaryStorage();
		const target = await newBucket(other);
		const manifest = await backUp(server, storage, bucket.name);
		const restoring = restore(other, storage, manifest, { bucket: target.name });
		const error = await restoring.then(
			() => undefined,
			(thrown: unknown) => thrown,
		);
		const there = await keysOf(target);
		const missing = keys.filter((key) => !there.includes(key));
		if (missing.length === 0) expect(error).toBeUndefined();
		else expect(error).toMatchObject({ code: 'INVALID_INPUT', details: { notRestored: missing.length } });
		await expectContents(target, there);
		for (const key of missing) expect(await target.head(key).catch(() => undefined)).toBeUndefined();
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

/** Those of which a server that keeps objects as files holds one of two. */
const OF_TWO = ['x', 'x/', 'x/y', 'x//y', '/x', 'z', './z', 'x/../z', '..', 'w//'];

describe('keys that a server which keeps objects as files takes for others', () => {
	let source: string;
	beforeAll(async () => {
		source = await swift.createBucket();
		const bucket = new S3Client(connectionOf(swift), 'source').bucket(source);
		for (const key of OF_TWO) await put(bucket, key, key);
	});

	const contentsOf = async (name: string) => {
		const bucket = new S3Client(connectionOf(versity), 'source').bucket(name);
		const found: [string, string][] = [];
		for await (const { key } of bucket.list()) {
			const pieces: Uint8Array[] = [];
			for await (const piece of (await bucket.open(key))!.bytes) pieces.push(piece);
			found.push([key, Buffer.concat(pieces).toString()]);
		}
		return found;
	};

	it('replace none of those, and are left out and told by a mirror', async () => {
		const target = await versity.createBucket();
		const report = await run(bucketPlace(swift, source, 'source'), bucketPlace(versity, target, 'target'));
		const contents = Object.fromEntries(
			(await contentsOf(target)).filter(([key]) => !key.startsWith('.stack-backup-')),
		);
		for (const [key, content] of Object.entries(contents)) expect(content).toBe(key);
		expect(contents).toMatchObject({ z: 'z' });
		expect(report.failed).toMatchObject({ count: 0 });
		expect([...report.leftOut.names, ...Object.keys(contents).map(shownName)].sort()).toEqual(OF_TWO.sort());
	});

	it('replace none of those, and are counted by a restore that brings all others', async () => {
		const { storage } = temporaryStorage();
		const target = await versity.createBucket();
		const manifest = await backUp(swift, storage, source);
		const restoring = restore(versity, storage, manifest, { bucket: target });
		const notRestored = OF_TWO.length - 2;
		await expect(restoring).rejects.toMatchObject({ code: 'INVALID_INPUT', details: { notRestored } });
		expect(await contentsOf(target)).toEqual([
			['x', 'x'],
			['z', 'z'],
		]);
	});
});
