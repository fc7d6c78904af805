/** How much of a key's history a bucket has already: an earlier run of the same restore may have written some of it. */
import type { Bucket, ListedVersion } from '../client';
import { hasContent } from '../sameContent';
import type { HistoryItem } from './histories';

export interface Standing {
	/** How many items, from the oldest on, are the newest versions that the bucket has of the key. */
	there: number;
	/** How many versions the bucket has before those. */
	others: number;
}

/** @throws BackupError as listing and reading the bucket do */
export async function standingOf(
	bucket: Bucket,
	key: string,
	items: readonly HistoryItem[],
	signal: AbortSignal,
): Promise<Standing> {
	const found = await versionsOf(bucket, key, signal);
	const wanted = Float64Array.from(items, ({ entry, isDeleteMarker }) => shapeOf(entry.size, isDeleteMarker));
	const standing = Float64Array.from(found, ({ size, isDeleteMarker }) => shapeOf(size, isDeleteMarker));
	for (let there = Math.min(found.length, items.length); there > 0; there--) {
		const others = found.length - there;
		if (!areAlike(wanted, standing, others)) continue;
		if (await areSame(bucket, key, { items, found, others }, signal)) return { there, others };
	}
	return { there: 0, others: found.length };
}

/** The oldest first. */
async function versionsOf(bucket: Bucket, key: string, signal: AbortSignal): Promise<ListedVersion[]> {
	for await (const listed of bucket.listVersions({ prefix: key, signal })) {
		return listed.key === key ? listed.versions.reverse() : [];
	}
	return [];
}

/** What tells most versions apart, as a number: their bytes, or that it is a delete marker. */
function shapeOf(size: number, isDeleteMarker: boolean): number {
	return isDeleteMarker ? -1 : size;
}

/** Asked as many times as a key has versions, each time of as many: hence numbers, side by side in memory. */
function areAlike(wanted: Float64Array, standing: Float64Array, others: number): boolean {
	for (let at = others; at < standing.length; at++) if (wanted[at - others] !== standing[at]) return false;
	return true;
}

async function areSame(
	bucket: Bucket,
	key: string,
	{ items, found, others }: { items: readonly HistoryItem[]; found: readonly ListedVersion[]; others: number },
	signal: AbortSignal,
): Promise<boolean> {
	for (let at = others; at < found.length; at++) {
		const { entry, isDeleteMarker } = items[at - others]!;
		// Where the server's encryption makes ETags that are no hashes, they are never the same as those of the backup.
		const standing = { ...found[at]!, etagIsHash: true };
		if (!isDeleteMarker && !(await hasContent(bucket, key, entry, standing, signal))) return false;
	}
	return true;
}
