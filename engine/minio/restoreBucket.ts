/** Restores a backup of a bucket, or a part of one, into a bucket of any S3 server. */
import type { ArchiveReader, DecryptionKeys } from '../archive';
import { BackupError } from '../errors';
import type { Storage } from '../storage/storage';
import {
	openNeeded,
	restoreTree,
	Selection,
	type Existing,
	type RestoredTree,
	type RestoreTreeOptions,
	type SelectionChoices,
} from '../tree';
import { CONFIGURATION_NAMES, S3Client, type Bucket, type ConfigurationName, type S3Connection } from './client';
import { BucketTarget } from './target';

export interface RestoreBucketOptions extends Pick<RestoreTreeOptions, 'signal' | 'onProgress'> {
	reader: ArchiveReader;
	/** Where the other archives lie that the backup needs. */
	storage: Storage;
	keys: DecryptionKeys | undefined;
	connection: S3Connection;
	bucket: string;
	/** Whether the bucket is created where it is not there. */
	createBucket?: boolean;
	/** Stands before all keys. */
	prefix?: string;
	/** Taken away from the beginning of the keys of the backup. */
	withoutPrefix?: string;
	/** Which objects. */
	choices?: SelectionChoices;
	existing: Existing;
	/** For `overwrite`: the name of the bucket once more, for what is there goes. */
	confirmation?: string;
	/** Which documents of the bucket's configuration are put back; none by default. */
	configuration?: readonly ConfigurationName[];
	log?: (line: string) => void;
}

export interface RestoredBucket extends RestoredTree {
	bucket: string;
	isBucketCreated: boolean;
	/** Documents of the configuration that the bucket has now. */
	configured: ConfigurationName[];
	warnings: string[];
}

/**
 * A restore that broke is run again, and goes on where it was.
 * @throws BackupError NOT_CONFIRMED, INVALID_INPUT (a backup of something else, no such bucket), and as restoreTree,
 * openNeeded and the server do
 */
export async function restoreBucket(options: RestoreBucketOptions): Promise<RestoredBucket> {
	const { reader, storage, keys, connection, existing, signal, onProgress } = options;
	assertOfBucket(reader);
	assertBucketConfirmed(options);
	const client = new S3Client({ ...connection, runSignal: signal }, 'target');
	try {
		const archives = await openNeeded(reader, { storage, keys, signal });
		const isBucketCreated = await assertBucket(client, options);
		const bucket = client.bucket(options.bucket);
		const warnings: string[] = [];
		const target = new BucketTarget({
			bucket,
			existing,
			prefix: options.prefix ?? '',
			withoutPrefix: options.withoutPrefix ?? '',
			onLeftOut: (message) => warnings.push(message),
		});
		// An empty bucket is a backup as well.
		const isEmpty = reader.manifest.counts['files'] === 0;
		const restored = isEmpty
			? { written: 0, bytes: 0, same: 0, skipped: 0, skippedNames: [], overwritten: 0 }
			: await restoreTree({
					reader,
					archives,
					target,
					selection: new Selection(options.choices),
					existing,
					...(signal && { signal }),
					...(onProgress && { onProgress }),
				});
		const configured = await configure(bucket, options, warnings);
		return { ...restored, bucket: options.bucket, isBucketCreated, configured, warnings };
	} finally {
		client.close();
	}
}

/** @throws BackupError NOT_CONFIRMED */
export function assertBucketConfirmed({
	existing,
	bucket,
	confirmation,
}: Pick<RestoreBucketOptions, 'existing' | 'bucket' | 'confirmation'>): void {
	if (existing !== 'overwrite' || confirmation === bucket) return;
	throw new BackupError(
		'NOT_CONFIRMED',
		`Objects of the bucket ${bucket} may be overwritten, and that was not confirmed; nothing was changed.`,
		{ hint: 'Type the name of the bucket once more to confirm it, or choose to skip what is there.' },
	);
}

async function assertBucket(client: S3Client, options: RestoreBucketOptions): Promise<boolean> {
	const { bucket, createBucket = false, signal, log } = options;
	if (await client.exists(bucket, signal)) return false;
	if (!createBucket) {
		throw new BackupError(
			'INVALID_INPUT',
			`There is no bucket ${bucket} at ${client.endpoint}; nothing was restored.`,
			{
				hint: 'Check the name, or choose that the bucket is created.',
			},
		);
	}
	log?.(`Creating the bucket ${bucket}`);
	return await client.createBucket(bucket, signal);
}

/** After all objects: a policy may forbid writing, and a lifecycle rule may remove what is old. */
async function configure(
	bucket: Bucket,
	{ reader, configuration: wanted = [], signal }: RestoreBucketOptions,
	warnings: string[],
): Promise<ConfigurationName[]> {
	const stored = reader.manifest.source['configuration'];
	const configured: ConfigurationName[] = [];
	for (const name of CONFIGURATION_NAMES) {
		if (!wanted.includes(name)) continue;
		const document =
			typeof stored === 'object' && stored !== null ? (stored as Record<string, unknown>)[name] : undefined;
		if (typeof document !== 'string') continue;
		try {
			if (await bucket.configure(name, document, signal)) configured.push(name);
			else warnings.push(`The server has no ${name} of buckets, so it was not restored.`);
		} catch (error) {
			if (!(error instanceof BackupError) || error.code === 'CANCELLED') throw error;
			warnings.push(`The ${name} of the bucket was not restored: ${error.message}`);
		}
	}
	return configured;
}

/** @throws BackupError INVALID_INPUT */
function assertOfBucket({ manifest: { kind, file, checkpoint } }: ArchiveReader): void {
	if (kind !== 'minio') {
		throw new BackupError('INVALID_INPUT', `${file} is a backup of the kind ${kind}, not of a bucket.`, {
			hint: 'Choose a backup that MinIO Mirror has made.',
		});
	}
	if (!checkpoint) return;
	throw new BackupError(
		'INVALID_INPUT',
		`${file} is a checkpoint, which holds a part of a backup and is none by itself.`,
		{ hint: 'Choose one of the backups that List Backups shows.' },
	);
}
