/** Backs up buckets, each into archives of its own: whole, or what is new since the backup before. */
import { randomUUID } from 'node:crypto';

import type { ArchiveChoices, DecryptionKeys, Manifest, PartialBackup } from '../archive';
import { BackupError, cancelled } from '../errors';
import { backUpTree, chooseBase, NO_BASE, Selection, type ChosenBase, type TreeProgress } from '../tree';
import { verificationState } from '../verify/history';
import { S3Client, type Bucket, type S3Connection } from './client';
import { chosenBuckets } from './chosenBuckets';
import { BucketSource } from './source';

export interface BackUpBucketsOptions extends ArchiveChoices {
	connection: S3Connection;
	/** By name; by default all that the keys may see. */
	buckets?: readonly string[];
	/** Globs of names of buckets that are left out, where all are meant: `*` stands for any characters, `?` for one. */
	excludeBuckets?: readonly string[];
	/** What keys begin with. */
	prefix?: string;
	/** Globs; see Selection. */
	include?: readonly string[];
	exclude?: readonly string[];
	/** Whether tags of objects are backed up; by default, where the server has them. */
	objectTags?: boolean;
	/** Whether the configuration of each bucket is kept beside its objects; by default it is. */
	configuration?: boolean;
	/** Undefined for a whole backup each time. */
	incremental?: { wholeEvery: number; leastUse: number };
	/** What opens earlier backups of the series, and the checkpoints of this one. */
	keys?: DecryptionKeys;
	/** Bytes of content after which a checkpoint is committed; 16 GiB by default. */
	checkpointBytes?: number;
	onProgress?: (progress: TreeProgress & { bucket: string }) => void;
	log?: (line: string) => void;
}

export interface BucketsBackup {
	runId: string;
	/** One for each bucket that was backed up. */
	backups: Manifest[];
	/** Buckets that could not be. */
	failures: { bucket: string; error: BackupError }[];
}

/**
 * Backs up buckets, one after the other, under one run id. One that fails does not keep the others from being backed up. Of a bucket
 * that keeps versions, the current ones are backed up.
 * @throws BackupError where nothing can be backed up: SOURCE_UNREACHABLE, ACCESS_DENIED, INVALID_INPUT (no bucket), CANCELLED
 * (archives that were complete by then stay), and what the storage throws
 */
export async function backUpBuckets(options: BackUpBucketsOptions): Promise<BucketsBackup> {
	const { connection, signal, log } = options;
	const client = new S3Client({ ...connection, runSignal: signal }, 'source');
	try {
		const names = await chosenBuckets(client, options);
		const result: BucketsBackup = { runId: options.runId ?? randomUUID(), backups: [], failures: [] };
		for (const name of names) {
			log?.(`Backing up the bucket ${name}`);
			try {
				result.backups.push(await backUpBucket(client, client.bucket(name), { ...options, runId: result.runId }));
			} catch (error) {
				if (signal?.aborted) throw cancelled();
				if (!(error instanceof BackupError)) throw error;
				log?.(`${name} failed: ${error.message}`);
				result.failures.push({ bucket: name, error });
			}
		}
		return result;
	} finally {
		client.close();
	}
}

async function backUpBucket(client: S3Client, bucket: Bucket, options: BackUpBucketsOptions): Promise<Manifest> {
	const { prefix = '', include = [], exclude = [], objectTags, signal, log, onProgress } = options;
	const startedAt = new Date();
	const { endpoint } = client;
	const { configuration = {}, unreadable = [] } =
		options.configuration === false ? {} : await bucket.configuration(signal);
	const facts = { system: 'minio', version: 'S3', server: endpoint, bucket: bucket.name };
	const source = new BucketSource({
		bucket,
		selection: new Selection({ prefix, include, exclude }),
		prefix,
		...(objectTags !== undefined && { tags: objectTags }),
	});
	const base = await baseOf(bucket.name, options, facts);
	log?.(`Backs up the bucket ${bucket.name}: ${base.reason}`);
	const partial = partialOf(options);
	return await backUpTree({
		...options,
		onProgress: (progress) => onProgress?.({ ...progress, bucket: bucket.name }),
		archive: { kind: 'minio', name: bucket.name, startedAt },
		source,
		base,
		describe: () => ({
			source: { ...facts, configuration },
			...(partial && { partial }),
			options: { prefix, include, exclude },
			warnings: [
				...source.warnings,
				...unreadable.map(
					({ name, reason }) => `The ${name} of the bucket could not be read (${reason}), and is not kept.`,
				),
			],
		}),
	});
}

/** What the manifest says of a backup that leaves objects out by choice; undefined for one of the whole bucket. */
function partialOf({ prefix, include = [], exclude = [] }: BackUpBucketsOptions): PartialBackup | undefined {
	const selection = [
		...(prefix ? [`--prefix=${prefix}`] : []),
		...include.map((glob) => `--include=${glob}`),
		...exclude.map((glob) => `--exclude=${glob}`),
	];
	return selection.length > 0 ? { content: 'all', selection } : undefined;
}

async function baseOf(
	name: string,
	{ storage, folder, keys, encryption, incremental, signal }: BackUpBucketsOptions,
	source: Manifest['source'],
): Promise<ChosenBase> {
	if (!incremental) return NO_BASE;
	return await chooseBase({
		...incremental,
		storage,
		kind: 'minio',
		name,
		folder,
		source,
		keys,
		encryption,
		isReliable: async ({ key, manifest, hasRecord }) =>
			!hasRecord || (await verificationState(storage, { key, id: manifest.id }, signal)) !== 'failed',
		signal,
	});
}
