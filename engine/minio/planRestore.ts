/** What a restore into a bucket would meet and write: asked by the very checks of the restore, and changed in nothing. */
import { type ArchiveReader, RestoreCheck } from '../archive';
import type { BackupError } from '../errors';
import { assertBackupOf, openNeeded, planTree, Selection } from '../tree';
import { S3Client, type Bucket } from './client';
import {
	assertBucketConfirmed,
	assertBucketMayBe,
	assertVersioned,
	objectsOf,
	restoresVersions,
	type RestoreBucketOptions,
} from './restoreBucket';
import { BucketTarget } from './target';

/** Of a bucket with more objects, so many are counted. */
const MOST_COUNTED = 10_000;

/** The bucket that a restore goes into, as it is now. */
export interface TargetBucketState {
	exists: boolean;
	/** Objects below the prefix. */
	objects: number;
	/** Whether there are more than were counted. */
	isMore: boolean;
}

export interface BucketRestorePlan {
	/** Undefined where the server could not be asked. */
	target: TargetBucketState | undefined;
	/** What would be restored; of it, what is there already and the same is left alone. Undefined where that could not be found out. */
	restored: { entries: number; bytes: number } | undefined;
	/** Why the restore would be refused, or could not succeed. */
	problems: BackupError[];
	warnings: string[];
}

export interface PlanBucketOptions extends Omit<
	RestoreBucketOptions,
	'reader' | 'onProgress' | 'log' | 'configuration'
> {
	/** Opens what is to be restored, and proves what can be proved in seconds. */
	open: () => Promise<ArchiveReader>;
}

/** @throws BackupError CANCELLED; whatever else a restore would end with is among the problems */
export async function planBucketRestore(options: PlanBucketOptions): Promise<BucketRestorePlan> {
	const { open, storage, keys, connection, prefix = '', choices, signal } = options;
	const check = new RestoreCheck();
	const warnings: string[] = [];
	const reader = await check.ask(open);
	await check.ask(() => assertBucketConfirmed(options));
	const archives =
		reader &&
		(await check.ask(async () => {
			assertBackupOf(reader, { kind: 'minio', things: 'a bucket', node: 'MinIO Mirror' });
			return await openNeeded(reader, { storage, keys, signal });
		}));
	const client = new S3Client({ ...connection, runSignal: signal }, 'target');
	try {
		const exists = await check.ask(async () => await assertBucketMayBe(client, options));
		const bucket = client.bucket(options.bucket);
		const target = await check.ask(async () => {
			if (exists !== true) return { exists: false, objects: 0, isMore: false };
			return { exists, ...(await countObjects(bucket, prefix, signal)) };
		});
		const selection = new Selection(choices);
		const restored =
			reader &&
			archives &&
			exists !== undefined &&
			(await check.ask(async () => {
				if (reader.manifest.counts['files'] === 0 && selection.isWhole) return { entries: 0, bytes: 0 };
				const isOfVersions = restoresVersions({ ...options, reader }, warnings);
				if (isOfVersions && exists) await assertVersioned(bucket, signal);
				// Of a bucket that is not there yet nothing can be asked; versions come after those that are there.
				const existing = isOfVersions || !exists ? ('overwrite' as const) : options.existing;
				const chosen = isOfVersions ? selection : objectsOf({ ...options, reader }, selection);
				const into = { bucket, existing, prefix, withoutPrefix: options.withoutPrefix ?? '' };
				const common = { reader, archives, existing, selection: chosen, ...(signal && { signal }) };
				return await planTree({ ...common, target: new BucketTarget(into) });
			}));
		return {
			target,
			restored: restored || undefined,
			problems: check.problems,
			warnings: [...warnings, ...selection.warnings],
		};
	} finally {
		client.close();
	}
}

async function countObjects(
	bucket: Bucket,
	prefix: string,
	signal: AbortSignal | undefined,
): Promise<{ objects: number; isMore: boolean }> {
	let objects = 0;
	for await (const page of bucket.listPages({ prefix, ...(signal && { signal }) })) {
		for (const _ of page) if (++objects > MOST_COUNTED) return { objects: MOST_COUNTED, isMore: true };
	}
	return { objects, isMore: false };
}
