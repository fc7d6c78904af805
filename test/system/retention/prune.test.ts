import { AssumeRoleProvider } from 'minio/dist/esm/AssumeRoleProvider.mjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { manifestKeyOf } from '../../../engine/archive';
import { S3Storage, type S3StorageOptions } from '../../../engine/storage';
import { pruneContract } from '../../integration/retention/prune-contract';
import { backupsIn, intercepted, pruneBy, withManifests, writeDaily } from '../../integration/retention/support';
import { all } from '../../integration/storage/content';
import { optionsFor } from '../../integration/storage/s3-under-test';
import { startMinio } from '../../services/s3/minio';
import type { S3Server } from '../../services/s3/server';
import { startSwift } from '../../services/s3/swift';

const DAY_MS = 24 * 60 * 60 * 1000;

/** Storages on buckets of a server that runs as long as the tests. */
function bucketsOf(start: () => Promise<S3Server>) {
	const opened: S3Storage[] = [];
	const running: { server?: S3Server } = {};
	beforeAll(async () => {
		running.server = await start();
	});
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

/** All that a storage needs, and nothing about locks. */
const OBJECTS_WITHOUT_LOCKS = {
	Version: '2012-10-17',
	Statement: [
		{
			Effect: 'Allow',
			Action: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:ListBucket', 's3:AbortMultipartUpload'],
			Resource: ['arn:aws:s3:::*'],
		},
	],
};

/** Keys that may do only what a policy allows. */
async function sessionOf(
	server: S3Server,
	policy: object,
): Promise<Pick<S3StorageOptions, 'accessKeyId' | 'secretAccessKey' | 'sessionToken'>> {
	const { endpoint, accessKeyId, secretAccessKey, region } = server;
	const provider = new AssumeRoleProvider({
		stsEndpoint: endpoint,
		accessKey: accessKeyId,
		secretKey: secretAccessKey,
		region,
		policy: JSON.stringify(policy),
	});
	const session = await provider.getCredentials();
	return {
		accessKeyId: session.getAccessKey(),
		secretAccessKey: session.getSecretKey(),
		sessionToken: session.getSessionToken(),
	};
}

/** The keys of all versions that are no delete markers. */
async function* versionsOf({ client }: S3Server, bucket: string): AsyncGenerator<string> {
	const listed = client.listObjects(bucket, '', true, { IncludeVersion: true });
	for await (const { name, isDeleteMarker } of listed as AsyncIterable<{ name: string; isDeleteMarker?: boolean }>) {
		if (!isDeleteMarker) yield name;
	}
}

describe('in a bucket of Swift', () => {
	const open = bucketsOf(startSwift);
	pruneContract(async () => (await open()).storage);
});

// Object lock is MinIO's to judge, where it can be had.
describe('in a bucket of MinIO', () => {
	const open = bucketsOf(startMinio);
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

		it('is put on backups alone, and not on claims, locks and notes that a run replaces', async () => {
			const lock = { mode: 'GOVERNANCE' as const, days: 3 };
			const { storage, server, bucket } = await open({ objectLock: lock, prefix: '' }, { objectLock: true });
			const keys = await writeDaily(storage, 3);
			await pruneBy(storage, { last: 2 });
			const stored = await all(versionsOf(server, bucket));
			expect(stored.filter((key) => !withManifests(keys).includes(key)).length).toBeGreaterThan(3);
			const locked = new Set<string>();
			for (const key of new Set(stored)) {
				const isLocked = await storage.deletionLock(key).catch(() => undefined);
				if (isLocked) locked.add(key);
			}
			expect([...locked].sort()).toEqual(withManifests(keys).sort());
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

		it('is told of where keys may not see it: the bucket keeps what it holds, and nothing is freed', async () => {
			const lock = { mode: 'GOVERNANCE' as const, days: 3 };
			const { storage, server, bucket } = await open({ objectLock: lock }, { objectLock: true });
			const keys = await writeDaily(storage, 3);
			const restricted = await sessionOf(server, OBJECTS_WITHOUT_LOCKS);
			const blind = (await open({ ...restricted, bucket })).storage;
			const notes = [expect.stringMatching(/keeps older versions/), expect.stringMatching(/s3:GetObjectRetention/)];
			const dry = await pruneBy(blind, { last: 1 }, { dryRun: true });
			expect([dry.deleted, dry.notes]).toEqual([[], notes]);
			const report = await pruneBy(blind, { last: 1 });
			expect(report.deleted.map(({ key }) => key)).toEqual(keys.slice(1));
			expect(report.notes).toEqual(notes);
			const versions = await all(versionsOf(server, bucket));
			for (const key of keys) expect(versions).toContain(`backups/test/${key}`);
		});

		it('is told of as what it is where keys may see it, and so are buckets with versions', async () => {
			const { storage } = await open({}, { objectLock: true });
			await writeDaily(storage, 3);
			expect((await pruneBy(storage, { last: 3 })).notes).toEqual([]);
			const report = await pruneBy(storage, { last: 1 });
			expect(report.deleted).toHaveLength(2);
			expect(report.notes).toEqual([expect.stringMatching(/keeps older versions.*lifecycle rule/)]);
			const without = (await open()).storage;
			await writeDaily(without, 3);
			expect(await pruneBy(without, { last: 1 })).toMatchObject({ deleted: [{}, {}], notes: [] });
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
