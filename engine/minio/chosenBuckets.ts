/** Which buckets of a server are meant. */
import type { S3Client } from './client';

export interface BucketChoice {
	/** By name; by default all that the keys may see. */
	buckets?: readonly string[];
	/** Globs of names of buckets that are left out, where all are meant: `*` stands for any characters, `?` for one. */
	excludeBuckets?: readonly string[];
	signal?: AbortSignal;
}

/** Names that are given need not be names of buckets that are there. @throws BackupError ACCESS_DENIED where the keys may not list them */
export async function chosenBuckets(client: S3Client, options: BucketChoice): Promise<string[]> {
	const { buckets, excludeBuckets = [], signal } = options;
	if (buckets) return [...new Set(buckets)];
	const excluded = excludeBuckets.map(patternOf);
	const all = await client.buckets(signal);
	return all.map(({ name }) => name).filter((name) => !excluded.some((pattern) => pattern.test(name)));
}

function patternOf(glob: string): RegExp {
	const source = glob
		.replace(/[.+^${}()|[\]\\]/g, '\\$&')
		.replaceAll('*', '.*')
		.replaceAll('?', '.');
	return new RegExp(`^${source}$`);
}
