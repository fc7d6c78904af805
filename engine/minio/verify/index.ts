/** What buckets bring so that their backups can be verified: see engine/verify/system.ts. */
import { createHash } from 'node:crypto';

import type { ArchiveReader } from '../../archive';
import { BackupError, listed } from '../../errors';
import { mapInParallel } from '../../parallel';
import { checkTree, NAMES_TOLD, openNeeded, readIndex, restoreTree, shownName, type TreeEntry } from '../../tree';
import type { BackupSystem, Counts } from '../../verify/system';
import type { CheckContext } from '../../verify/types';
import { S3Client, type Bucket, type S3Connection } from '../client';
import { oddName } from '../memberNames';
import { assertObject, BucketTarget, MAX_KEY_BYTES, PART_BYTES } from '../target';
import { withScratchPlace } from './scratch';
import { isVersionName, titleOf } from '../versions';

/** Where a backup of a bucket is restored for a test, and removed afterwards. */
export interface MinioScratch {
	connection: S3Connection;
	/** The bucket, below a prefix of its own; without it, a bucket of its own is created. */
	bucket?: string;
}

const FOUND_AT_MOST = 100;
const COMPARED_AT_ONCE = 8;
const REMOVED_AT_ONCE = 1000;

export const minioSystem: BackupSystem<MinioScratch> = {
	name: 'minio',
	title: 'MinIO / S3',
	kinds: [
		{
			kind: 'minio',
			holdsData: true,
			canBeRestored: true,
			check: async (raw, manifest, context) => {
				let count = 0;
				const found = (message: string) => {
					if (++count <= FOUND_AT_MOST) context.found({ severity: 'error', message });
				};
				const { files, bytes } = await checkTree(raw, manifest, found, assertObject);
				return { counts: { files, bytes }, testRestore };
			},
		},
	],
	measures: { files: 'number of objects', bytes: 'size of the objects' },
};

/** Restores below a new prefix, or into a new bucket, and compares the content of every object with the hash in the index. */
async function testRestore(reader: ArchiveReader, scratch: MinioScratch, context: CheckContext): Promise<Counts> {
	const { signal, needed } = context;
	if (!needed) throw new BackupError('INVALID_INPUT', 'The backup came without the storage that it lies in.');
	const archives = await openNeeded(reader, { ...needed, signal });
	const partSize = scratch.connection.partSize ?? PART_BYTES;
	const client = new S3Client({ ...scratch.connection, partSize, runSignal: signal }, 'target');
	const restored = async (bucket: Bucket, prefix: string) => {
		const begun = performance.now();
		const target = new ScratchTarget({ bucket, existing: 'fail', prefix });
		if (reader.manifest.counts['files'] !== 0) {
			await restoreTree({ reader, archives, target, ...(signal && { signal }) });
		}
		context.restoreTook?.(Math.round(performance.now() - begun));
		return await compare(reader, bucket, target, context);
	};
	const warn = (message: string) => context.found({ severity: 'warning', message });
	try {
		if (scratch.bucket !== undefined) await assertNoVersions(client.bucket(scratch.bucket), signal);
		return await withScratchPlace(client, scratch.bucket, restored, { warn, signal });
	} finally {
		client.close();
	}
}

/** Objects whose keys the prefix would make too long have others while they are tested. */
class ScratchTarget extends BucketTarget {
	/** Versions and delete markers are objects of their own there. */
	override accept(entry: TreeEntry): void {
		super.accept(isVersionName(entry.name) ? { ...entry, name: oddName(entry.name), attributes: {} } : entry);
	}

	override keyOf(name: string): string {
		if (isVersionName(name)) return super.keyOf(oddName(name));
		const key = super.keyOf(name);
		if (Buffer.byteLength(key) <= MAX_KEY_BYTES) return key;
		return super.keyOf(createHash('sha256').update(name).digest('hex'));
	}
}

/** What is removed from a bucket that keeps versions stays there. @throws BackupError TARGET_FAILED */
async function assertNoVersions(bucket: Bucket, signal: AbortSignal | undefined): Promise<void> {
	if ((await bucket.versioning(signal)) === undefined) return;
	throw new BackupError('TARGET_FAILED', `The bucket ${bucket.name} keeps versions of what is removed from it.`, {
		hint: 'For test restores, choose one that does not, or let a scratch bucket be made.',
	});
}

async function compare(
	reader: ArchiveReader,
	bucket: Bucket,
	target: BucketTarget,
	{ signal, found }: CheckContext,
): Promise<Counts> {
	const counts = { files: 0, bytes: 0 };
	const untried: string[] = [];
	let untriedCount = 0;
	let batch: TreeEntry[] = [];
	const compareBatch = async () => {
		await mapInParallel(batch, COMPARED_AT_ONCE, async ({ name, sha256 }) => {
			const message = await differenceOf(bucket, target.keyOf(name), sha256, signal);
			if (message)
				found({ severity: 'error', part: titleOf(name), message: `${shownName(titleOf(name))} ${message}.` });
		});
		batch = [];
	};
	for await (const entry of readIndex(reader, signal)) {
		if (target.refused.has(entry.name)) {
			untriedCount++;
			if (untried.length < NAMES_TOLD) untried.push(shownName(titleOf(entry.name)));
			continue;
		}
		counts.files++;
		counts.bytes += entry.size;
		if (batch.push(entry) >= REMOVED_AT_ONCE) await compareBatch();
	}
	await compareBatch();
	if (untriedCount > 0) found({ severity: 'warning', message: notTried(untriedCount, untried) });
	return counts;
}

function notTried(count: number, names: readonly string[]): string {
	const objects = count === 1 ? 'One object was' : `${count} objects were`;
	return `${objects} not restored for a test, because the scratch server does not take such keys: ${listed(names)}.`;
}

async function differenceOf(
	bucket: Bucket,
	key: string,
	sha256: string | undefined,
	signal: AbortSignal | undefined,
): Promise<string | undefined> {
	const opened = await bucket.open(key, { signal });
	if (!opened) return 'is not there after the restore';
	try {
		const digest = createHash('sha256');
		for await (const chunk of opened.bytes) digest.update(chunk);
		return digest.digest('hex') === sha256 ? undefined : 'does not come back with the content that was stored';
	} finally {
		opened.close();
	}
}
