/**
 * How bytes move: the decrypted and decompressed content passes once, chunk by chunk, through a SHA-256 into the check of the
 * snapshot's structure (engine/qdrant/snapshot). An archive of a cluster holds several snapshots, and each is checked in its
 * turn: see shards.ts.
 */
import type { Manifest } from '../../archive';
import { BackupError } from '../../errors';
import type { Counts } from '../../verify/system';
import type { CheckContext } from '../../verify/types';
import { collectionSource, type CollectionSource, type SnapshotFacts } from '../manifestSource';
import { checkSnapshot, type SnapshotReport, type SnapshotType } from '../snapshot';
import { compareCollection } from './compareCollection';
import { compareSegments } from './comparePoints';
import { compareFacts, findAll, findError } from './findings';
import { checkShards } from './shards';
import { SnapshotBytes } from './snapshotBytes';
import { compareStorage, storageSource } from './storage';

/**
 * Checks the content of a collection's backup: its structure, and whether it agrees with its manifest.
 * @returns `{ shards, segments, points }`; without points where the segments do not tell how many there are
 * @throws BackupError CANCELLED, and what the source throws
 */
export async function checkCollection(
	raw: AsyncIterable<Uint8Array>,
	manifest: Manifest,
	context: CheckContext,
): Promise<Counts> {
	const facts = sourceOf(manifest, context);
	if (facts?.form === 'shards') return await checkShards(raw, facts, context);
	const report = await checkWhole(raw, 'collection', facts?.snapshot, context);
	const [content] = report.collections;
	if (facts && content) {
		compareCollection(context, content, facts);
		if (content.points !== undefined) compareSegments(context, content.points, facts);
	}
	return countsOf(report);
}

/**
 * Checks the content of a backup of the whole storage in the same way.
 * @returns `{ collections, shards, segments, points }`
 * @throws BackupError CANCELLED, and what the source throws
 */
export async function checkStorage(
	raw: AsyncIterable<Uint8Array>,
	manifest: Manifest,
	context: CheckContext,
): Promise<Counts> {
	const facts = storageSource(manifest, context);
	const report = await checkWhole(raw, 'storage', facts?.snapshot, context);
	// Where a tar is damaged half-way, nobody knows what it should hold.
	if (facts && report.type === 'storage' && report.intact) compareStorage(context, report, facts);
	return { collections: report.collections.length, ...countsOf(report) };
}

function sourceOf(manifest: Manifest, context: CheckContext): CollectionSource | undefined {
	try {
		return collectionSource(manifest);
	} catch (error) {
		if (!(error instanceof BackupError)) throw error;
		const { code, message, hint } = error;
		context.found({ severity: 'error', message, code, ...(hint !== undefined && { hint }) });
		return undefined;
	}
}

/** Checks an archive that consists of one snapshot and nothing else. */
async function checkWhole(
	raw: AsyncIterable<Uint8Array>,
	wanted: SnapshotType,
	facts: SnapshotFacts | undefined,
	context: CheckContext,
): Promise<SnapshotReport> {
	const content = new SnapshotBytes(raw);
	const report = await checkSnapshot(content.bytes, context);
	const sha256 = await content.finish();
	findAll(context, '', report);
	if (report.intact && report.type !== wanted) {
		findError(context, '', `It is a snapshot of a ${report.type}, not of a ${wanted}.`);
	}
	if (facts) compareFacts(context, '', facts, { size: content.size, sha256 });
	return report;
}

function countsOf({ collections }: SnapshotReport): Counts {
	const shards = collections.flatMap((collection) => collection.shards);
	const counts = collections.map(({ points }) => points);
	const points = counts.reduce((sum, count) => (sum === undefined || count === undefined ? undefined : sum + count), 0);
	return {
		shards: shards.length,
		segments: shards.reduce((sum, { segments }) => sum + segments, 0),
		...(points !== undefined && { points }),
	};
}
