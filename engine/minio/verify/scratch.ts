/**
 * The places in buckets that test restores fill and empty again: a prefix in a bucket that was named, or a bucket of its own. What
 * killed runs have left is known by its name and by its age: by the server's clock, nothing was written there for a day.
 */
import { messageOf } from '../../errors';
import { ABANDONED_AFTER_MS, abandoned, SCRATCH_PREFIX, scratchName } from '../../verify/scratchName';
import type { Bucket, ListedUpload, S3Client } from '../client';

const REMOVED_AT_ONCE = 1000;
/** The latest that a date can be. */
const ALL_TIMES = new Date(8.64e15);

export interface ScratchOptions {
	/** Called for what could not be removed. */
	warn: (message: string) => void;
	signal?: AbortSignal | undefined;
	now?: Date;
}

/**
 * Lets `use` fill a new prefix of a bucket, or without one a new bucket, and removes that whatever happens. Before that, what killed
 * runs have left is removed.
 * @throws what `use` and the server throw
 */
export async function withScratchPlace<T>(
	client: S3Client,
	bucket: string | undefined,
	use: (bucket: Bucket, prefix: string) => Promise<T>,
	options: ScratchOptions,
): Promise<T> {
	if (bucket === undefined) return await withScratchBucket(client, use, options);
	const { warn, signal, now = new Date() } = options;
	const place = client.bucket(bucket);
	for (const name of abandoned(await prefixesIn(place, signal), now)) {
		await told(warn, `The prefix ${name} in the bucket ${bucket}`, async () => {
			if (await isOld(place, `${name}/`, now, signal)) await removeAll(place, `${name}/`);
		});
	}
	const prefix = `${scratchName(now)}/`;
	try {
		return await use(place, prefix);
	} finally {
		await removeAll(place, prefix);
	}
}

async function withScratchBucket<T>(
	client: S3Client,
	use: (bucket: Bucket, prefix: string) => Promise<T>,
	{ warn, signal, now = new Date() }: ScratchOptions,
): Promise<T> {
	for (const name of await abandonedBuckets(client, now, signal)) {
		await told(warn, `The bucket ${name}`, async () => {
			const place = client.bucket(name);
			if (!(await isOld(place, '', now, signal))) return;
			await removeAll(place, '');
			await client.removeBucket(name, signal);
		});
	}
	const name = bucketName(scratchName(now));
	try {
		await client.createBucket(name, signal);
		const place = client.bucket(name);
		try {
			return await use(place, '');
		} finally {
			await removeAll(place, '');
		}
	} finally {
		await client.removeBucket(name);
	}
}

/** Names of buckets have no underscores. */
function bucketName(name: string): string {
	return name.replaceAll('_', '-');
}

async function abandonedBuckets(client: S3Client, now: Date, signal: AbortSignal | undefined): Promise<string[]> {
	// Who may make a bucket may not always list all.
	const buckets = await client.buckets(signal).catch(() => []);
	const names = buckets.map(({ name }) => name).filter((name) => name.startsWith(bucketName(SCRATCH_PREFIX)));
	return abandoned(
		names.map((name) => name.replaceAll('-', '_')),
		now,
	).map(bucketName);
}

/** Those with objects, and those with unfinished uploads alone. */
async function prefixesIn(bucket: Bucket, signal: AbortSignal | undefined): Promise<string[]> {
	const prefixes = await bucket.prefixes(SCRATCH_PREFIX, signal).catch(() => []);
	const uploads = await uploadsIn(bucket, SCRATCH_PREFIX, signal);
	return [...new Set([...prefixes, ...uploads.map(({ key }) => key)].map((name) => name.replace(/\/.*/s, '')))];
}

/** Gives up unfinished uploads that are old, too. One large object may be under way for longer. */
async function isOld(bucket: Bucket, prefix: string, now: Date, signal: AbortSignal | undefined): Promise<boolean> {
	const since = now.getTime() - ABANDONED_AFTER_MS;
	for await (const { modifiedAt } of bucket.list({ prefix, signal })) if (modifiedAt > since) return false;
	for (const upload of await uploadsIn(bucket, prefix, signal)) {
		if (upload.initiatedAt.getTime() > since) return false;
		if (!(await bucket.giveUpStale(upload, new Date(since), signal))) return false;
	}
	return true;
}

/** None where the server tells none, or not to these keys. */
async function uploadsIn(bucket: Bucket, prefix: string, signal: AbortSignal | undefined): Promise<ListedUpload[]> {
	return await bucket.unfinishedUploads(prefix, ALL_TIMES, signal).catch(() => []);
}

async function told(warn: (message: string) => void, what: string, action: () => Promise<void>): Promise<void> {
	try {
		await action();
	} catch (error) {
		warn(`${what} of an earlier test restore could not be removed: ${messageOf(error)}`);
	}
}

/** Also after a cancel, so without its signal. */
async function removeAll(bucket: Bucket, prefix: string): Promise<void> {
	let keys: string[] = [];
	const remove = async () => {
		const [failure] = await bucket.remove(keys);
		if (failure) throw failure.error;
		keys = [];
	};
	for await (const { key } of bucket.list({ prefix })) if (keys.push(key) >= REMOVED_AT_ONCE) await remove();
	await remove();
}
