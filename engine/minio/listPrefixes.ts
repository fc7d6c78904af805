/** Prefixes of the keys of several buckets, to choose one from. */
import { BackupError } from '../errors';
import { mapInParallel } from '../parallel';
import { compareNames } from '../tree';
import { chosenBuckets, type BucketChoice } from './chosenBuckets';
import { S3Client, type S3Connection } from './client';

export interface ListPrefixesOptions extends BucketChoice {
	connection: S3Connection;
	/** What they begin with; those of the next level, as far as a slash, are listed. */
	beginning?: string;
}

export interface FoundPrefix {
	/** `documents/2026/` */
	prefix: string;
	/** In which of the buckets it is. */
	buckets: string[];
}

/** Somebody waits for the list. */
const MOST_BUCKETS = 20;
const BUCKETS_AT_ONCE = 5;

/**
 * In order. Of many buckets only some are looked at, and of a bucket with many objects on one level not all; a bucket that cannot be
 * listed is left out.
 * @throws BackupError where no bucket can be listed
 */
export async function listPrefixes(options: ListPrefixesOptions): Promise<FoundPrefix[]> {
	const { connection, beginning = '', signal } = options;
	const client = new S3Client({ ...connection, runSignal: signal }, 'source');
	try {
		const names = (await chosenBuckets(client, options)).slice(0, MOST_BUCKETS);
		const failures: BackupError[] = [];
		const found = new Map<string, string[]>();
		await mapInParallel(names, BUCKETS_AT_ONCE, async (name) => {
			try {
				const prefixes = await client.bucket(name).prefixes(beginning, signal);
				for (const prefix of prefixes) found.set(prefix, [...(found.get(prefix) ?? []), name]);
			} catch (error) {
				if (!(error instanceof BackupError) || error.code === 'CANCELLED') throw error;
				failures.push(error);
			}
		});
		const [failure] = failures;
		if (failure && failures.length === names.length) throw failure;
		return Array.from(found, ([prefix, buckets]) => ({ prefix, buckets: buckets.sort() })).sort((a, b) =>
			compareNames(a.prefix, b.prefix),
		);
	} finally {
		client.close();
	}
}
