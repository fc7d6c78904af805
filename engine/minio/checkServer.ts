/** What an S3 server lets these keys do, before a backup or a restore counts on it. */
import { randomUUID } from 'node:crypto';

import { BackupError } from '../errors';
import { chosenBuckets, type BucketChoice } from './chosenBuckets';
import { S3Client, type Bucket, type S3Connection } from './client';

export interface CheckServerOptions extends BucketChoice {
	connection: S3Connection;
	/** Whether writing is tried as well, by an object that is removed again. */
	writes?: boolean;
}

export interface CheckedBucket {
	bucket: string;
	/** Whether its objects may be listed and read; of an empty one only the former shows. */
	canBeBackedUp: boolean;
	/** Missing where it was not tried. */
	canBeWritten?: boolean;
	/** Missing where the bucket is empty. */
	hasTags?: boolean;
	/** `Enabled`, `Suspended`; missing where it never kept versions. */
	versioning?: 'Enabled' | 'Suspended';
	/** What does not work, and what to do about it. */
	problems: string[];
}

/** @throws BackupError where the server is out of reach or takes the keys for wrong */
export async function checkServer(options: CheckServerOptions): Promise<CheckedBucket[]> {
	const { connection, signal } = options;
	const client = new S3Client({ ...connection, runSignal: signal }, 'source');
	try {
		const names = await chosenBuckets(client, options);
		const checked: CheckedBucket[] = [];
		for (const name of names) checked.push(await checkBucket(client.bucket(name), options));
		return checked;
	} finally {
		client.close();
	}
}

/** The names of all buckets. @throws BackupError ACCESS_DENIED where the keys may not list them */
export async function listBuckets(connection: S3Connection, signal?: AbortSignal): Promise<string[]> {
	const client = new S3Client(connection, 'source');
	try {
		return (await client.buckets(signal)).map(({ name }) => name);
	} finally {
		client.close();
	}
}

async function checkBucket(bucket: Bucket, { writes = false, signal }: CheckServerOptions): Promise<CheckedBucket> {
	const checked: CheckedBucket = { bucket: bucket.name, canBeBackedUp: false, problems: [] };
	const tried = async (action: () => Promise<void>) => {
		try {
			await action();
			return true;
		} catch (error) {
			if (!(error instanceof BackupError) || ['CANCELLED', 'SOURCE_UNREACHABLE'].includes(error.code)) throw error;
			checked.problems.push(error.hint ? `${error.message} ${error.hint}` : error.message);
			return false;
		}
	};
	checked.canBeBackedUp = await tried(async () => {
		for await (const { key } of bucket.list({ signal })) {
			const opened = await bucket.open(key, { signal });
			opened?.close();
			await tried(async () => {
				checked.hasTags = (await bucket.tags(key, signal)) !== undefined;
			});
			break;
		}
	});
	await tried(async () => {
		const versioning = await bucket.versioning(signal);
		if (versioning) checked.versioning = versioning;
	});
	if (writes) checked.canBeWritten = await tried(async () => await tryWriting(bucket, signal));
	return checked;
}

async function tryWriting(bucket: Bucket, signal = new AbortController().signal): Promise<void> {
	const key = `stack-backup-check-${randomUUID()}`;
	try {
		await bucket.put(key, empty(), { size: 0, signal });
	} catch (error) {
		// It may be there all the same.
		if (signal.aborted) await bucket.remove([key]).catch(() => {});
		throw error;
	}
	// Without the signal, so that a cancel leaves nothing.
	const [failure] = await bucket.remove([key]);
	if (failure) throw failure.error;
}

async function* empty(): AsyncGenerator<Uint8Array> {}
