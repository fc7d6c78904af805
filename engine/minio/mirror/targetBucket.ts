/** A bucket as the target of a mirror, which may have to be made. */
import { BackupError } from '../../errors';
import { BucketPlace, type BucketPlaceOptions } from './bucketPlace';
import type { Listed, OwnFiles, Place } from './place';

export interface TargetBucketOptions extends BucketPlaceOptions {
	source: Place;
	/** Whether the bucket is made where it is not there. */
	create: boolean;
	dryRun: boolean;
	signal: AbortSignal;
}

/** @throws BackupError INVALID_INPUT where there is no such bucket and none is to be made, and what source and server answer */
export async function targetBucket({
	source,
	create,
	dryRun,
	signal,
	...options
}: TargetBucketOptions): Promise<Place> {
	const { client, bucket } = options;
	const place = new BucketPlace(options);
	if (await client.exists(bucket, signal)) return place;
	if (!create) {
		throw new BackupError(
			'INVALID_INPUT',
			`There is no bucket ${bucket} at ${client.endpoint}; nothing was mirrored.`,
			{
				hint: 'Check the name, or switch Create Bucket on.',
			},
		);
	}
	if (dryRun) return new MissingBucket(options);
	await assertReadable(source, signal);
	await client.createBucket(bucket, signal);
	return place;
}

/** Nothing is made for a source that cannot be read. */
async function assertReadable(source: Place, signal: AbortSignal): Promise<void> {
	for await (const _ of source.list(signal)) return;
}

/** A bucket that is still to be made, for a dry run: it holds nothing. */
class MissingBucket extends BucketPlace {
	override readonly own: OwnFiles = {
		list: nothing,
		read: () => Promise.resolve(undefined),
		write: () => Promise.reject(new Error('A dry run writes nothing.')),
		create: () => Promise.reject(new Error('A dry run writes nothing.')),
	};

	override list(): AsyncGenerator<Iterable<Listed>> {
		return nothing();
	}

	override ask(): Promise<undefined> {
		return Promise.resolve(undefined);
	}
}

async function* nothing(): AsyncGenerator<never> {}
