import { S3Storage, type S3StorageOptions } from '../../../engine/storage';
import { listUploads } from '../../../engine/storage/s3/listing';
import { settingsOf } from '../../../engine/storage/s3/options';
import { S3Requests } from '../../../engine/storage/s3/requests';
import type { S3Server } from '../../services/s3/server';
import { all } from './content';
import type { StorageUnderTest } from './contract';
import { quickClock, type QuickClock } from './quick-clock';

/** Where the storages of tests keep their objects in a bucket. */
export const TEST_PREFIX = 'backups/test';

/** S3's smallest part size, so that small objects already need several parts. */
export const PART_BYTES = 5 * 1024 * 1024;

/** The usual outage is waited for, but in no time. */
export function quickRetry(clock: QuickClock = quickClock()) {
	return { clock, random: () => 0.5 };
}

/** Options for a bucket of a server, with small parts and without waits. */
export function optionsFor(server: S3Server, bucket: string, more: Partial<S3StorageOptions> = {}): S3StorageOptions {
	const { endpoint, region, accessKeyId, secretAccessKey } = server;
	const access = { endpoint, region, accessKeyId, secretAccessKey };
	return { ...access, bucket, prefix: TEST_PREFIX, partSize: PART_BYTES, retry: quickRetry(), ...more };
}

/**
 * The keys of the multipart uploads that are unfinished in a bucket. Not by the minio client: it sends an empty delimiter,
 * for which Swift lists none.
 */
export async function unfinishedUploads(server: S3Server, bucket: string): Promise<string[]> {
	const requests = new S3Requests(settingsOf(optionsFor(server, bucket)));
	try {
		return (await all(listUploads(requests, ''))).map(({ key }) => key);
	} finally {
		requests.close();
	}
}

/** A storage in a new bucket of a server. */
export async function s3UnderTest(
	start: () => Promise<S3Server>,
	options: { listsUploads: boolean },
): Promise<StorageUnderTest> {
	const server = await start();
	const bucket = await server.createBucket();
	const storage = new S3Storage(optionsFor(server, bucket));
	return {
		storage,
		leftovers: async () => (options.listsUploads ? await unfinishedUploads(server, bucket) : undefined),
		stop: async () => {
			storage.close();
			await server.stop();
		},
	};
}

/** Everything that a storage shows. */
export async function keysOf(storage: S3Storage): Promise<string[]> {
	return (await all(storage.list(''))).map(({ key }) => key).sort();
}
