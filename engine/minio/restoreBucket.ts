/** Restores a backup of a bucket, or a part of one, into a bucket of any S3 server. */
import type { ArchiveReader, DecryptionKeys } from '../archive';
import { BackupError } from '../errors';
import type { Storage } from '../storage/storage';
import {
	assertBackupOf,
	nothingSelected,
	openNeeded,
	restoreTree,
	Selection,
	type EntrySelection,
	type Existing,
	type RestoredTree,
	type RestoreTreeOptions,
	type SelectionChoices,
} from '../tree';
import { CONFIGURATION_NAMES, S3Client, type Bucket, type ConfigurationName, type S3Connection } from './client';
import { BucketTarget, PART_BYTES } from './target';
import { restoreVersions } from './restoreVersions';
import { UnfinishedUploads } from './unfinished';
import { currentObjects, versionAt, type Versions } from './versions';

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
	/** Which objects; `exactly` may be the path of an older version, which becomes the current object. */
	choices?: SelectionChoices;
	/** By default the current ones. All take a bucket that keeps versions. */
	versions?: Versions;
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
 * @throws BackupError NOT_CONFIRMED, INVALID_INPUT (a backup of something else, no such bucket, keys that the server does not take), and as restoreTree,
 * openNeeded and the server do
 */
export async function restoreBucket(options: RestoreBucketOptions): Promise<RestoredBucket> {
	const { reader, storage, keys, connection, existing, prefix = '', signal, onProgress } = options;
	assertBackupOf(reader, { kind: 'minio', things: 'a bucket', node: 'MinIO Mirror' });
	assertBucketConfirmed(options);
	const partSize = connection.partSize ?? PART_BYTES;
	const client = new S3Client({ ...connection, partSize, runSignal: signal }, 'target');
	try {
		const archives = await openNeeded(reader, { storage, keys, signal });
		const isBucketCreated = await assertBucket(client, options);
		const bucket = client.bucket(options.bucket);
		const warnings: string[] = [];
		const warn = (message: string) => void warnings.push(message);
		const common = {
			reader,
			archives,
			bucket,
			existing,
			prefix,
			unfinished: await UnfinishedUploads.find(bucket, prefix, { warn, signal }),
			withoutPrefix: options.withoutPrefix ?? '',
			...(signal && { signal }),
			...(onProgress && { onProgress }),
		};
		const selection = new Selection(options.choices);
		const isOfVersions = restoresVersions(options, warnings);
		const target = new BucketTarget({
			...common,
			...(isOfVersions && { existing: 'overwrite' as const }),
			onLeftOut: warn,
		});
		let restored: RestoredTree;
		// An empty bucket is a backup as well.
		if (reader.manifest.counts['files'] === 0) {
			if (!selection.isWhole) throw nothingSelected(reader.key);
			restored = NOTHING;
		} else if (isOfVersions) {
			await assertKeepsVersions(client, bucket, isBucketCreated, options);
			restored = await restoreVersions({ ...common, target, warn, selection });
		} else {
			restored = await restoreTree({ ...common, target, selection: objectsOf(options, selection) });
		}
		warnings.push(...selection.warnings);
		const configured = await configure(bucket, options, warnings);
		target.refused.assertNone();
		return { ...restored, bucket: options.bucket, isBucketCreated, configured, warnings };
	} finally {
		client.close();
	}
}

const NOTHING: RestoredTree = { written: 0, bytes: 0, same: 0, skipped: 0, skippedNames: [], overwritten: 0 };

/** Whether older versions are to be written, and not only what becomes a current object. */
export function restoresVersions(
	{ reader: { manifest }, versions, choices }: Pick<RestoreBucketOptions, 'reader' | 'versions' | 'choices'>,
	warnings: string[],
): boolean {
	const { versions: older, deleteMarkers = 0 } = manifest.counts;
	if (versions !== 'all' || pickedVersion(manifest.counts, choices) !== undefined) return false;
	if (older === undefined) warnings.push('The backup holds current objects alone, so no older versions were restored.');
	return (older ?? 0) + deleteMarkers > 0;
}

/** The name of the older version that is chosen by its path. A backup that has none may have an object of such a key. */
function pickedVersion(
	counts: Readonly<Record<string, number>>,
	{ exactly }: SelectionChoices = {},
): string | undefined {
	return exactly === undefined || !counts['versions'] ? undefined : versionAt(exactly);
}

/** The current objects that are chosen, or the one older version. */
export function objectsOf(
	{ reader: { manifest }, choices }: Pick<RestoreBucketOptions, 'reader' | 'choices'>,
	selection: Selection,
): EntrySelection {
	const picked = pickedVersion(manifest.counts, choices);
	if (picked === undefined) return currentObjects(selection);
	return { isWhole: false, takes: (name) => name === picked };
}

const VERSIONING =
	'<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>Enabled</Status></VersioningConfiguration>';

/** Has a bucket that was just created keep versions. @throws BackupError INVALID_INPUT where it does not */
async function assertKeepsVersions(
	client: S3Client,
	bucket: Bucket,
	isCreated: boolean,
	{ signal }: RestoreBucketOptions,
): Promise<void> {
	if (isCreated) {
		try {
			if (await bucket.configure('versioning', VERSIONING, signal)) return;
			throw keepsNoVersions(bucket.name, 'The server does not let it keep versions. Restore current versions.');
		} catch (error) {
			await client.removeBucket(bucket.name);
			throw error;
		}
	}
	await assertVersioned(bucket, signal);
}

/** @throws BackupError INVALID_INPUT for a bucket that keeps no versions */
export async function assertVersioned(bucket: Bucket, signal?: AbortSignal): Promise<void> {
	if ((await bucket.versioning(signal)) === 'Enabled') return;
	throw keepsNoVersions(
		bucket.name,
		'Switch versioning on for it, or choose another bucket that is created; or restore current versions.',
	);
}

function keepsNoVersions(bucket: string, hint: string): BackupError {
	const message = `The bucket ${bucket} does not keep versions, and older versions are to be restored; nothing was restored.`;
	return new BackupError('INVALID_INPUT', message, { hint });
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
		{ hint: 'Type the name of Into Bucket once more in Confirm Bucket Name, or set Existing Objects to Skip.' },
	);
}

/** Whether the bucket is there. @throws BackupError INVALID_INPUT where it is not, and is not to be created */
export async function assertBucketMayBe(
	client: S3Client,
	{ bucket, createBucket = false, signal }: Pick<RestoreBucketOptions, 'bucket' | 'createBucket' | 'signal'>,
): Promise<boolean> {
	const isThere = await client.exists(bucket, signal);
	if (!isThere && !createBucket) {
		throw new BackupError(
			'INVALID_INPUT',
			`There is no bucket ${bucket} at ${client.endpoint}; nothing was restored.`,
			{
				hint: 'Check the name, or switch Create Bucket on.',
			},
		);
	}
	return isThere;
}

/** Whether it was created. */
async function assertBucket(client: S3Client, options: RestoreBucketOptions): Promise<boolean> {
	const { bucket, signal, log } = options;
	if (await assertBucketMayBe(client, options)) return false;
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
