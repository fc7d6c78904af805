import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { S3Storage } from '../../../engine/storage';
import { CreateOnly } from '../../../engine/storage/s3/conditional';
import { copyObject, headOfSource } from '../../../engine/storage/s3/copy';
import { settingsOf } from '../../../engine/storage/s3/options';
import { S3Requests } from '../../../engine/storage/s3/requests';
import { content, digest } from '../../integration/storage/content';
import { copyContract } from '../../integration/storage/copy-contract';
import { optionsFor, s3UnderTest, unfinishedUploads } from '../../integration/storage/s3-under-test';
import { startMinio } from '../../services/s3/minio';
import type { S3Server } from '../../services/s3/server';
import { startSwift } from '../../services/s3/swift';

const MIB = 1024 * 1024;

/** Copies in pieces of 5 MiB, as objects of more than a GiB are copied in larger ones. */
function piecesOn(name: string, start: () => Promise<S3Server>): void {
	describe(`an object that ${name} copies in pieces`, () => {
		let server: S3Server;
		let bucket: string;
		let storage: S3Storage;
		let requests: S3Requests;
		const size = 23 * MIB + 1;
		beforeAll(async () => {
			server = await start();
			bucket = await server.createBucket();
			const options = optionsFor(server, bucket, { prefix: '' });
			storage = new S3Storage(options);
			requests = new S3Requests(settingsOf(options));
			await storage.write('a b/from+.bin', content(size));
		});
		afterAll(async () => {
			storage.close();
			requests.close();
			await server.stop();
		});
		const copyTo = async (to: string, signal?: AbortSignal, etag?: string) => {
			const copy = { requests, createOnly: new CreateOnly(requests), from: 'a b/from+.bin', to, headers: {} };
			const head = await headOfSource(copy);
			return await copyObject(copy, { ...head, ...(etag && { etag }) }, signal, 5 * MIB);
		};

		it('is the same, byte for byte', async () => {
			expect(await copyTo('to/whole.bin')).toBe(true);
			expect(await digest(await storage.read('to/whole.bin'))).toEqual(await digest(content(size)));
		});

		it('is the same in another bucket of the server', async () => {
			const other = new S3Storage(optionsFor(server, await server.createBucket()));
			try {
				expect(await other.copyFrom(storage, 'a b/from+.bin', 'copies/from+.bin')).toMatchObject({ size });
				expect(await digest(await other.read('copies/from+.bin'))).toEqual(await digest(content(size)));
			} finally {
				other.close();
			}
		});

		it('is not copied over another', async () => {
			await storage.write('to/taken.bin', content(10));
			await expect(copyTo('to/taken.bin')).rejects.toMatchObject({ code: 'PreconditionFailed' });
			expect(await storage.stat('to/taken.bin')).toMatchObject({ size: 10 });
		});

		it('leaves nothing when it is cancelled half way', async () => {
			const controller = new AbortController();
			const copying = copyTo('to/cancelled.bin', controller.signal);
			setTimeout(() => controller.abort(), 30);
			// A fast server may have been done by then.
			const isCopied = await copying.then(
				() => true,
				() => false,
			);
			expect((await storage.stat('to/cancelled.bin')) !== undefined).toBe(isCopied);
			expect(await unfinishedUploads(server, bucket)).toEqual([]);
		});

		it('leaves nothing when the source was replaced meanwhile', async () => {
			await expect(copyTo('to/replaced.bin', undefined, '0'.repeat(32))).rejects.toMatchObject({
				code: 'SourceReplaced',
			});
			expect(await storage.stat('to/replaced.bin')).toBeUndefined();
			expect(await unfinishedUploads(server, bucket)).toEqual([]);
		});
	});
}

copyContract('Swift', () => s3UnderTest(startSwift, { listsUploads: true }));
piecesOn('Swift', startSwift);

// Object lock is MinIO's to judge, where it can be had.
copyContract('MinIO', () => s3UnderTest(startMinio, { listsUploads: true }));
piecesOn('MinIO', startMinio);

describe('the lock of an object on MinIO', () => {
	let server: S3Server;
	const opened: S3Storage[] = [];
	beforeAll(async () => {
		server = await startMinio();
	});
	afterAll(async () => {
		for (const storage of opened) storage.close();
		await server.stop();
	});
	const lockable = async (days?: number) => {
		const bucket = await server.createBucket(undefined, { objectLock: true });
		const lock = days === undefined ? {} : { objectLock: { mode: 'GOVERNANCE' as const, days } };
		const storage = new S3Storage(optionsFor(server, bucket, { prefix: '', ...lock }));
		opened.push(storage);
		return { bucket, storage };
	};

	it('is told with its date, of a copy too', async () => {
		const { storage } = await lockable(3);
		await storage.write('a/x.bin', content(1000));
		await storage.copy('a/x.bin', 'b/x.bin');
		for (const key of ['a/x.bin', 'b/x.bin']) {
			const lock = await storage.deletionLock(key);
			expect(lock?.legalHold).toBe(false);
			expect(Math.round((lock!.until!.getTime() - Date.now()) / 86_400_000)).toBe(3);
		}
	});

	it('is told of a legal hold, until it is lifted', async () => {
		const { bucket, storage } = await lockable();
		await storage.write('x.bin', content(10));
		expect(await storage.deletionLock('x.bin')).toBeUndefined();
		// The client's types say that these return nothing.
		const hold = (status: 'ON' | 'OFF') =>
			server.client.setObjectLegalHold(bucket, 'x.bin', { status }) as unknown as Promise<void>;
		await hold('ON');
		expect(await storage.deletionLock('x.bin')).toEqual({ legalHold: true });
		await hold('OFF');
		expect(await storage.deletionLock('x.bin')).toBeUndefined();
	});
});
