import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { manifestKeyOf } from '../../../engine/archive';
import { S3Storage, type S3StorageOptions } from '../../../engine/storage';
import { pruneContract } from '../../integration/retention/prune-contract';
import { backupsIn, intercepted, pruneBy, withManifests, writeDaily } from '../../integration/retention/support';
import { optionsFor } from '../../integration/storage/s3-under-test';
import { buildMinio, hasMinio, startMinio } from '../../services/s3/minio';
import type { S3Server } from '../../services/s3/server';
import { startSwift } from '../../services/s3/swift';

const BUILD_MS = 20 * 60_000;
const DAY_MS = 24 * 60 * 60 * 1000;

/** Storages on buckets of a server that runs as long as the tests. */
function bucketsOf(start: () => Promise<S3Server>) {
	const opened: S3Storage[] = [];
	const running: { server?: S3Server } = {};
	beforeAll(async () => {
		running.server = await start();
	}, BUILD_MS);
	afterAll(async () => {
		for (const storage of opened) storage.close();
		await running.server?.stop();
	});
	return async (more: Partial<S3StorageOptions> = {}, options: { objectLock?: boolean } = {}) => {
		const server = running.server!;
		const bucket = await server.createBucket(undefined, options);
		const storage = new S3Storage(optionsFor(server, bucket, more));
		opened.push(storage);
		return { storage, server, bucket };
	};
}

describe('in a bucket of Swift', () => {
	const open = bucketsOf(startSwift);
	pruneContract(async () => (await open()).storage);
});

// Object lock is MinIO's to judge, where it can be had.
if (hasMinio()) {
	describe('in a bucket of MinIO', () => {
		const open = bucketsOf(async () => {
			await buildMinio();
			return await startMinio();
		});
		pruneContract(async () => (await open()).storage);

		describe('what object lock holds', () => {
			it('is kept, with the date, in a dry run and in a run', async () => {
				const lock = { mode: 'GOVERNANCE' as const, days: 3 };
				const { storage } = await open({ objectLock: lock }, { objectLock: true });
				const keys = await writeDaily(storage, 3);
				const dry = await pruneBy(storage, { last: 1 }, { dryRun: true });
				const report = await pruneBy(storage, { last: 1 });
				expect(report.rows).toEqual(dry.rows);
				expect(report).toMatchObject({ deleted: [], failed: [], totals: { kept: 3, deleted: 0, freedBytes: 0 } });
				for (const row of report.rows.slice(1)) {
					expect(row).toMatchObject({ verdict: 'keep', locked: true });
					expect(Math.round((Date.parse(row.lockedUntil!) - Date.now()) / DAY_MS)).toBe(3);
					expect(row.reasons).toEqual([`locked by the storage until ${row.lockedUntil}`]);
				}
				expect(await backupsIn(storage)).toEqual(withManifests(keys));
			});

			it('is kept under a legal hold until that is lifted, whichever of its two objects it is on', async () => {
				const { storage, server, bucket } = await open({ prefix: '' }, { objectLock: true });
				const keys = await writeDaily(storage, 4);
				// The client's types say that this returns nothing.
				const hold = (key: string, status: 'ON' | 'OFF') =>
					server.client.setObjectLegalHold(bucket, key, { status }) as unknown as Promise<void>;
				await hold(keys[1]!, 'ON');
				await hold(manifestKeyOf(keys[2]!), 'ON');
				const report = await pruneBy(storage, { last: 1 });
				expect(report.deleted.map(({ key }) => key)).toEqual([keys[3]]);
				for (const row of report.rows.slice(1, 3)) {
					expect(row).toMatchObject({ locked: true, lockedUntil: null });
					expect(row.reasons).toEqual([expect.stringContaining('legal hold')]);
				}
				await hold(keys[1]!, 'OFF');
				await hold(manifestKeyOf(keys[2]!), 'OFF');
				expect((await pruneBy(storage, { last: 1 })).deleted).toHaveLength(2);
			});

			it('is asked for of nothing but what is to go', async () => {
				const { storage } = await open();
				const keys = await writeDaily(storage, 6);
				const asked: string[] = [];
				const counting = intercepted(storage, {
					deletionLock: async (key) => {
						asked.push(key);
						return await storage.deletionLock(key);
					},
				});
				await pruneBy(counting, { last: 4 }, { dryRun: true });
				expect(asked.sort()).toEqual(withManifests(keys.slice(4)));
			});
		});
	});
}
