/** What would make a back up or a restore of buckets fail. */
import { randomUUID } from 'node:crypto';

import { finder, findingsOf, proxyFindings, type SetupFinding } from '../preflight';
import { chosenBuckets, type BucketChoice } from './chosenBuckets';
import { S3Client, type Bucket, type S3Connection } from './client';

export interface CheckBucketsOptions extends BucketChoice {
	connection: S3Connection;
	/** Whether writing is tried as well, by an object that is removed again. */
	writes?: boolean;
}

/** @throws BackupError CANCELLED; what else fails is a finding */
export async function checkBuckets(options: CheckBucketsOptions): Promise<SetupFinding[]> {
	const { connection, signal } = options;
	const reach = finder('Connection', connection.endpoint, 'backup');
	const found = await findingsOf(reach, async () => {
		const client = new S3Client({ ...connection, runSignal: signal }, 'source');
		try {
			const names = await chosenBuckets(client, options);
			const findings: SetupFinding[] = [];
			for (const name of names) findings.push(...(await bucketFindings(client.bucket(name), options)));
			return [
				names.length > 0
					? reach.ok(
							`The server answers, and ${names.length === 1 ? '1 bucket was' : `${names.length} buckets were`} looked at.`,
						)
					: reach.problem(
							'The server shows no bucket to these keys.',
							'Create one, or name the buckets: some keys may use buckets that they may not list.',
						),
				...findings,
				...proxyFindings(client.endpoint, true),
			];
		} finally {
			client.close();
		}
	});
	return found;
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

async function bucketFindings(
	bucket: Bucket,
	{ writes = false, signal }: CheckBucketsOptions,
): Promise<SetupFinding[]> {
	const reading = finder('Read Objects', bucket.name, 'backup');
	const tags = finder('Tags', bucket.name, 'backup');
	const versioning = finder('Versions', bucket.name, 'backup');
	const writing = finder('Write Objects', bucket.name, 'restore');
	let first: string | undefined;
	const readable = await findingsOf(reading, async () => {
		for await (const { key } of bucket.list({ signal })) {
			(await bucket.open(key, { signal }))?.close();
			first = key;
			break;
		}
		return [
			reading.ok(
				first === undefined ? 'Its objects may be listed; it has none.' : 'Its objects may be listed and read.',
			),
		];
	});
	const tagged = await findingsOf(tags, async () => {
		if (first === undefined) return [];
		const found = await bucket.tags(first, signal);
		return [tags.ok(found ? 'Tags of objects may be read.' : 'The server has no tags, so there is none to back up.')];
	});
	const versions = await findingsOf(versioning, async () => {
		const state = await bucket.versioning(signal);
		return [
			versioning.ok(
				state === 'Enabled'
					? 'The bucket keeps versions.'
					: state
						? 'Versioning is suspended.'
						: 'The bucket never kept versions.',
			),
		];
	});
	const written = !writes
		? []
		: await findingsOf(writing, async () => {
				await tryWriting(bucket, signal);
				return [writing.ok('An object was written and removed.')];
			});
	return [...readable, ...tagged, ...versions, ...written];
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
