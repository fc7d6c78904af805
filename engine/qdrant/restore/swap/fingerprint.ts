/**
 * The fingerprint of a collection: digests of some of its points, and their number. It shows whether a collection holds the data
 * from before a restore or the backup's, where no answer of the server says so: points of both are sampled beforehand, and those
 * that differ are looked up. The number of points is only a hint, since clients that write change it too: it may show that a
 * collection is still the old one, or that points of the backup are missing, but never that it is the new one.
 */
import { createHash } from 'node:crypto';

import type { QdrantClient } from '../../client/client';
import { isFromUnexpectedServer, isOutcomeUnknown, statusOf } from '../../client/failure';
import type { JsonObject, PointId } from '../../client/types';
import { countPoints } from '../../server/collectionState';

const SAMPLE = 50;

/** A digest of each point of the sample that is there, by id; and the number of all points, where it can be counted. */
export interface Fingerprint {
	points: Map<string, string>;
	count: number | undefined;
}

/** Fingerprints of the collection as it was, and of what the restore should make of it: the same points of each. */
export interface Fingerprints {
	ids: PointId[];
	old: Fingerprint;
	fresh: Fingerprint;
}

/**
 * Which fingerprint a collection matches: `both` where the two do not differ; `broken` where it is neither, or no collection at
 * all; `unreadable` where the server itself fails to read it.
 */
export type FingerprintMatch = 'old' | 'new' | 'both' | 'broken' | 'unreadable';

/** Ids of some points; none where the server does not sample (before 1.11, or by strict mode). */
export async function sampleIds(client: QdrantClient, collection: string): Promise<PointId[]> {
	const query = { query: { sample: 'random' }, limit: SAMPLE };
	return await client.search(collection, query).then(
		(points) => points.map(({ id }) => id),
		() => [],
	);
}

export async function fingerprint(client: QdrantClient, collection: string, ids: PointId[]): Promise<Fingerprint> {
	const { points: count, estimatedBecause } = await countPoints(client, collection);
	const points = new Map<string, string>();
	if (ids.length > 0) {
		const query = { filter: { must: [{ has_id: ids }] }, limit: ids.length, with_payload: true, with_vector: true };
		for (const point of await client.search(collection, query)) {
			const { payload, vector } = point as unknown as JsonObject;
			const digest = createHash('sha256')
				.update(canonical([payload, vector]))
				.digest('hex');
			points.set(String(point.id), digest);
		}
	}
	return { points, count: estimatedBecause === undefined ? count : undefined };
}

/** The fingerprint of a collection that is as it should be; without points where the server refuses to look them up. */
export async function fingerprintBefore(
	client: QdrantClient,
	collection: string,
	ids: PointId[],
): Promise<Fingerprint> {
	return await fingerprint(client, collection, ids).catch(async () => await fingerprint(client, collection, []));
}

/** Which fingerprint the collection matches now; undefined where the server cannot be asked, or the two do not suffice. */
export async function matchNow(
	client: QdrantClient,
	collection: string,
	fingerprints: Fingerprints,
): Promise<FingerprintMatch | undefined> {
	const [old, fresh] = [fingerprints.old.points, fingerprints.fresh.points];
	const ids = old.size === 0 && fresh.size === 0 ? [] : fingerprints.ids;
	try {
		if ((await client.collection(collection)).status === 'red') return 'broken';
		return compare(await fingerprint(client, collection, ids), fingerprints);
	} catch (error) {
		if (isFromUnexpectedServer(error) || isOutcomeUnknown(error)) return undefined;
		const status = statusOf(error) ?? 0;
		// A shard that a restore could not replace answers 500: `Failed to restore local replica` (1.16.3).
		if (status >= 500) return 'unreadable';
		return status === 404 ? 'broken' : undefined;
	}
}

/** Points that a client has written meanwhile match neither, and do not count. */
export function compare(now: Fingerprint, { ids, old, fresh }: Fingerprints): FingerprintMatch | undefined {
	if (now.count === 0 && old.count !== 0 && fresh.count !== 0) return 'broken';
	let [asOld, asNew, common, lost] = [0, 0, 0, 0];
	for (const id of ids.map(String)) {
		const [then, later, found] = [old, fresh, now].map(({ points }) => points.get(id));
		if (then === later) {
			common++;
			if (found === undefined) lost++;
		} else if (found === then) asOld++;
		else if (found === later) asNew++;
	}
	if (lost * 2 > common) return 'broken';
	if (asOld + asNew > 0) {
		if (asNew === 0) return 'old';
		// A sample may miss just the points that a restore did not get to.
		const isShort = now.count !== undefined && fresh.count !== undefined && now.count < fresh.count;
		return asOld === 0 && !isShort ? 'new' : 'broken';
	}
	if (now.count === undefined || old.count === undefined || fresh.count === undefined) return undefined;
	if (now.count === old.count) return now.count === fresh.count ? 'both' : 'old';
	return now.count === fresh.count ? 'both' : 'broken';
}

/** JSON with sorted keys, for comparing. */
function canonical(value: unknown): string {
	return JSON.stringify(value, (_key, inner: unknown) => {
		if (typeof inner === 'bigint') return `integer ${inner}`;
		return typeof inner === 'object' && inner !== null && !Array.isArray(inner)
			? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
			: inner;
	});
}
