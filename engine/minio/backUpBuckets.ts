/** Backs up buckets, each into archives of its own: whole, or what is new since the backup before. */
import { randomUUID } from 'node:crypto';

import { asBackUp, type ArchiveChoices, type DecryptionKeys, type Manifest, type PartialBackup } from '../archive';
import { BackupError, cancelled } from '../errors';
import { backUpTree, baseFor, Selection, type IncrementalChoices, type TreeProgress } from '../tree';
import { reliabilityIn } from '../verify/history';
import { S3Client, type Bucket, type S3Connection } from './client';
import { chosenBuckets } from './chosenBuckets';
import { assertNotOwn, ownStorageAt, type OwnStorage } from './ownStorage';
import { BucketSource } from './source';
import { mayHaveVersions, type Versions } from './versions';

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
	/** Whether an object that the keys may not read, or nobody can now, is left out and reported; by default that bucket fails. */
	skipUnreadable?: boolean;
	/** By default the current ones; where a bucket never kept versions, these are all. */
	versions?: Versions;
	/** Whether the configuration of each bucket is kept beside its objects; by default it is. */
	configuration?: boolean;
	/** Undefined for a whole backup each time. */
	incremental?: IncrementalChoices | undefined;
	/** What opens earlier backups of the series, and the checkpoints of this one. */
	keys?: DecryptionKeys | undefined;
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
	/** The bucket that is the storage of the backups, where all were meant. */
	leftOut: string[];
}

/**
 * Backs up buckets, one after the other, under one run id. One that fails does not keep the others from being backed up. The storage
 * of the backups is never backed up into itself.
 * @throws BackupError where nothing can be backed up: SOURCE_UNREACHABLE, ACCESS_DENIED, INVALID_INPUT (no bucket), CANCELLED
 * (archives that were complete by then stay), and what the storage throws
 */
export async function backUpBuckets(options: BackUpBucketsOptions): Promise<BucketsBackup> {
	const { connection, signal, log } = options;
	const client = new S3Client({ ...connection, runSignal: signal }, 'source');
	try {
		const names = await chosenBuckets(client, options);
		const own = await ownStorageAt(client, options.storage, signal);
		const runId = options.runId ?? randomUUID();
		const result: BucketsBackup = { runId, backups: [], failures: [], leftOut: [] };
		for (const name of names) {
			if (!options.buckets && own?.bucket === name && own.prefix === '') {
				result.leftOut.push(name);
				continue;
			}
			log?.(`Backing up the bucket ${name}`);
			try {
				assertNotOwn(name, own);
				const series = { kind: 'minio', name, origin: client.endpoint, isWhole: false } as const;
				const backUp = async (alone: BackUpBucketsOptions) =>
					await backUpBucket(client, client.bucket(name), { ...alone, runId, own });
				result.backups.push(await asBackUp(options, series, backUp));
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

async function backUpBucket(
	client: S3Client,
	bucket: Bucket,
	options: BackUpBucketsOptions & { own: OwnStorage | undefined },
): Promise<Manifest> {
	const { prefix = '', include = [], exclude = [], objectTags, versions, own, signal, log, onProgress } = options;
	const { skipUnreadable = false } = options;
	const startedAt = new Date();
	const { endpoint } = client;
	const { configuration = {}, unreadable = [] } =
		options.configuration === false ? {} : await bucket.configuration(signal);
	const hasVersions = versions === 'all' && (await mayHaveVersions(bucket, signal));
	if (versions === 'all' && !hasVersions) log?.(`${bucket.name} never kept versions: its current objects are all`);
	const facts = { system: 'minio', version: 'S3', server: endpoint, bucket: bucket.name };
	const source = new BucketSource({
		bucket,
		selection: new Selection({ prefix, include, exclude }),
		prefix,
		...(own?.bucket === bucket.name && { notBelow: own.prefix }),
		...(objectTags !== undefined && { tags: objectTags }),
		...(hasVersions && { versions }),
		skipUnreadable,
	});
	const { storage, folder, keys, encryption, incremental } = options;
	const base = await baseFor({
		storage,
		kind: 'minio',
		name: bucket.name,
		folder,
		source: facts,
		keys,
		encryption,
		incremental,
		isReliable: reliabilityIn(storage, signal),
		signal,
	});
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
			options: { prefix, include, exclude, skipUnreadable, ...(versions === 'all' && { versions }) },
			...(versions === 'all' && { counts: { ...source.counts } }),
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
