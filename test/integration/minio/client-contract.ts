import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { BackupError } from '../../../engine/errors';
import { isObjectChanged, S3Client, type Bucket, type ObjectAttributes } from '../../../engine/minio/client';
import { noise } from '../../random/bytes';
import type { S3Server } from '../../services/s3/server';
import { connectionOf } from './support';

const MIB = 1024 ** 2;
const signal = new AbortController().signal;
const random = noise('what servers do not take');

async function* chunks(bytes: Uint8Array, size = 64 * 1024): AsyncGenerator<Uint8Array> {
	for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
}

async function put(bucket: Bucket, key: string, content: Uint8Array | string, attributes: ObjectAttributes = {}) {
	const bytes = Buffer.from(content);
	await bucket.put(key, chunks(bytes), { size: bytes.length, attributes, replaces: true, signal });
}

async function get(bucket: Bucket, key: string): Promise<Buffer | undefined> {
	const opened = await bucket.open(key);
	if (!opened) return undefined;
	const pieces: Uint8Array[] = [];
	for await (const piece of opened.bytes) pieces.push(piece);
	return Buffer.concat(pieces);
}

/**
 * What the client does with any S3 server.
 * @param has `isExact`: it lists keys in the order of their bytes, and finds any key that is to be copied, which s3rver does not
 */
export function describeClient(
	name: string,
	start: () => Promise<S3Server>,
	has: { tags: boolean; isExact: boolean; oddKeys: boolean; refusesRedirects: boolean },
): void {
	describe(`the client of ${name}`, () => {
		let server: S3Server;
		let client: S3Client;
		let bucket: Bucket;

		beforeAll(async () => {
			server = await start();
			client = new S3Client(connectionOf(server), 'target');
			bucket = client.bucket(await server.createBucket());
		});
		afterAll(async () => {
			client?.close();
			await server?.stop();
		});

		it('stores an object without what the server does not take of it, and says so', async () => {
			const large = random(6 * MIB);
			const told: string[] = [];
			const onLeftOut = (message: string) => void told.push(message);
			const optional: ObjectAttributes[] = [
				{ websiteRedirect: '/elsewhere' },
				{ metadata: { long: 'x'.repeat(20_000) } },
				{ websiteRedirect: '/elsewhere', metadata: { long: 'x'.repeat(20_000) } },
			];
			for (const [index, attributes] of optional.entries()) {
				for (const content of [Buffer.from('content'), large]) {
					const key = `optional/${index}-${content.length}`;
					const whole = { contentType: 'text/plain', cacheControl: 'no-cache', ...attributes };
					const options = { size: content.length, attributes: whole, replaces: true, signal, onLeftOut };
					await bucket.put(key, chunks(content), options);
					expect((await get(bucket, key))?.equals(content)).toBe(true);
					const { contentType, cacheControl } = (await bucket.head(key))!.attributes;
					expect({ contentType, cacheControl }).toEqual({ contentType: 'text/plain', cacheControl: 'no-cache' });
				}
			}
			const keeps = async (key: string) => Object.keys((await bucket.head(key))!.attributes);
			expect(told.some((message) => message.includes('redirect'))).toBe(has.refusesRedirects);
			expect(told.join()).not.toMatch(/content type|Cache-Control/);
			expect(told.filter((message) => message.includes('redirect')).length).toBeLessThan(2);
			expect(told.filter((message) => message.includes('metadata')).length).toBeLessThan(2);
			if (told.every((message) => !message.includes('metadata'))) {
				expect(await keeps('optional/1-7')).toContain('metadata');
			}
		});

		it('stores an object with its attributes, and gives them back', async () => {
			const attributes = {
				contentType: 'text/plain; charset=utf-8',
				cacheControl: 'no-cache',
				contentDisposition: 'attachment; filename="a.txt"',
				metadata: { author: 'Zoë', note: 'plain text' },
			};
			await put(bucket, 'attributes/a.txt', 'content', attributes);
			const facts = await bucket.head('attributes/a.txt');
			expect(facts).toMatchObject({ size: 7, attributes });
			expect(await get(bucket, 'attributes/a.txt')).toEqual(Buffer.from('content'));
			const listed = [];
			for await (const object of bucket.list({ prefix: 'attributes/' })) listed.push(object);
			expect(listed).toMatchObject([{ key: 'attributes/a.txt', size: 7, etag: facts?.etag }]);
		});

		it.each([
			['in one request', 7],
			['in parts', 6 * MIB],
		])('stores attributes of any text, %s', async (_how, bytes) => {
			const contentDisposition = 'attachment; filename="Übersicht – 漢Ċ  2.pdf"';
			const metadata = { spaces: 'a  b', umlaut: 'ü  ö' };
			await put(bucket, 'attributes/any', Buffer.alloc(bytes), { contentDisposition, metadata });
			expect(await bucket.head('attributes/any')).toMatchObject({
				size: bytes,
				attributes: { contentDisposition, metadata },
			});
		});

		it('stores white space that no signature covers as spaces', async () => {
			const blanks = { cacheControl: ' no-cache ', metadata: { tab: '\ta\tb ', none: ' ' } };
			await put(bucket, 'attributes/blanks', 'content', blanks);
			const { attributes } = (await bucket.head('attributes/blanks'))!;
			expect(attributes).toMatchObject({ cacheControl: 'no-cache', metadata: { tab: 'a b' } });
			expect(attributes.metadata?.['none'] ?? '').toBe('');
		});

		it('stores in parts what is larger than one, and reads it by ranges', async () => {
			const content = noise('large object')(12 * MIB);
			await put(bucket, 'large', content, { contentType: 'application/x-large' });
			expect((await get(bucket, 'large'))?.equals(content)).toBe(true);
			expect(await bucket.head('large')).toMatchObject({
				size: 12 * MIB,
				attributes: { contentType: 'application/x-large' },
			});
			const part = await bucket.open('large', { start: 5 * MIB - 3, end: 5 * MIB + 3 });
			const pieces: Uint8Array[] = [];
			for await (const piece of part!.bytes) pieces.push(piece);
			expect(Buffer.concat(pieces).equals(content.subarray(5 * MIB - 3, 5 * MIB + 3))).toBe(true);
			expect(part!.facts.size).toBe(12 * MIB);
		});

		it('reads an empty object', async () => {
			await put(bucket, 'empty', '');
			expect(await get(bucket, 'empty')).toEqual(Buffer.alloc(0));
		});

		it('says of what is not there that it is not', async () => {
			expect(await bucket.head('nothing')).toBeUndefined();
			expect(await bucket.open('nothing')).toBeUndefined();
			expect(await client.exists('no-such-bucket-here')).toBe(false);
			const list = async () => {
				for await (const _object of client.bucket('no-such-bucket-here').list());
			};
			await expect(list()).rejects.toMatchObject({ code: 'INVALID_INPUT' });
		});

		it('notices that an object is another one', async () => {
			await put(bucket, 'changing', 'one');
			const { etag } = (await bucket.head('changing'))!;
			await put(bucket, 'changing', 'two');
			const error: unknown = await bucket.open('changing', { etag }).then(
				() => undefined,
				(thrown: unknown) => thrown,
			);
			expect(isObjectChanged(error)).toBe(true);
		});

		it('overwrites nothing unless that is asked for', async () => {
			await put(bucket, 'kept', 'old');
			const again = bucket.put('kept', chunks(Buffer.from('new')), { size: 3, signal });
			await expect(again).rejects.toMatchObject({ code: 'TARGET_EXISTS' });
			expect(await get(bucket, 'kept')).toEqual(Buffer.from('old'));
		});

		it('stores nothing whose content breaks off, and leaves what was there', async () => {
			const broken = async function* () {
				yield* chunks(Buffer.alloc(7 * MIB, 1));
				throw new BackupError('ARCHIVE_CORRUPT', 'Broken.');
			};
			for (const size of [MIB * 8, 3]) {
				await put(bucket, 'breaking', 'old');
				const again = bucket.put('breaking', broken(), { size, replaces: true, signal });
				await expect(again).rejects.toBeInstanceOf(BackupError);
				expect(await get(bucket, 'breaking')).toEqual(Buffer.from('old'));
			}
		});

		it('copies on the server', async () => {
			const key = has.isExact ? 'from/ä b+c' : 'from/a';
			await put(bucket, key, 'content', { contentType: 'text/x', metadata: { a: 'b' } });
			const { size, etag, attributes } = (await bucket.head(key))!;
			const from = { bucket: bucket.name, key, size, etag };
			expect(await bucket.copy('to', { from, attributes, signal })).toEqual(expect.any(String));
			expect(await bucket.head('to')).toMatchObject({
				size,
				attributes: { contentType: 'text/x', metadata: { a: 'b' } },
			});
		});

		it('copies on the server in pieces, with the tags', async () => {
			const content = noise('copied in pieces')(7 * MIB);
			const attributes = { contentType: 'text/x', metadata: { a: 'b' }, ...(has.tags && { tags: { level: 'x y' } }) };
			await put(bucket, 'pieces', content, attributes);
			const { size, etag } = (await bucket.head('pieces'))!;
			const from = { bucket: bucket.name, key: 'pieces', size, etag };
			const copied = await bucket.copy('in-pieces', { from, attributes, signal, pieceBytes: 5 * MIB });
			// s3rver cannot.
			if (!has.isExact) return expect(copied).toBeUndefined();
			expect(copied).toBe((await bucket.head('in-pieces'))?.etag);
			expect((await get(bucket, 'in-pieces'))?.equals(content)).toBe(true);
			expect((await bucket.tags('in-pieces')) ?? {}).toEqual(has.tags ? { level: 'x y' } : {});
		});

		it('removes objects in groups', async () => {
			const keys = ['remove/a', 'remove/b&c', 'remove/ü', 'remove/none'];
			for (const key of keys.slice(0, 3)) await put(bucket, key, key);
			expect(await bucket.remove(keys)).toEqual([]);
			for await (const { key } of bucket.list({ prefix: 'remove/' })) expect(key).toBe('nothing');
		});

		it('keeps tags where the server has them', async () => {
			await put(bucket, 'tagged', 'content', { tags: { project: 'a/b', stage: 'x y' } });
			expect(await bucket.tags('tagged')).toEqual(has.tags ? { project: 'a/b', stage: 'x y' } : undefined);
			expect(bucket.hasNoTags).toBe(!has.tags);
		});

		it('lists in order whatever the keys are', async () => {
			const keys = [
				'order/a',
				'order/a b',
				'order/a!',
				'order/a-b',
				'order/aé',
				'order/a😀',
				'order/a\uffee',
				'order/Z',
			];
			const odd = ['order/a/b', 'order//x', 'order/a/'];
			const some = has.isExact ? keys : keys.filter((key) => !/[ !\-\ud83d\uffee]/.test(key));
			const all = [...some, ...(has.oddKeys ? odd : [])];
			for (const key of all) await put(bucket, key, key);
			const listed: string[] = [];
			for await (const { key } of bucket.list({ prefix: 'order/' })) listed.push(key);
			expect(listed).toEqual(all.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
		});

		it('lists buckets, makes and removes them', async () => {
			expect(await client.createBucket('made-by-client')).toBe(true);
			expect((await client.buckets()).map(({ name: each }) => each)).toContain('made-by-client');
			expect(await client.exists('made-by-client')).toBe(true);
			await client.removeBucket('made-by-client');
			expect(await client.exists('made-by-client')).toBe(false);
		});

		it('reads what the bucket is set up with', async () => {
			expect((await bucket.configuration()).unreadable).toEqual([]);
		});
	});
}
