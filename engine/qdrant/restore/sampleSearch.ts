/**
 * A search in a restored collection. It proves that the server can serve the collection, and nothing about the backup,
 * whose bytes were compared with their hash: so whatever goes wrong here is a warning, and undoes nothing.
 */
import { BackupError, messageOf } from '../../errors';
import type { QdrantClient } from '../client/client';
import { statusOf } from '../client/failure';
import type { JsonObject, StoredPoint } from '../client/types';

/** Points to find a vector among that can be searched by. */
const SAMPLE = 10;

/** `empty`: no points; `skipped`: no vector that can be searched by; `failed`: refused, or nothing found. */
export type SampleSearch = 'passed' | 'empty' | 'skipped' | 'failed';

/**
 * Looks a point up by its own vector.
 * @param warn Is called with the reason for which a search failed.
 * @throws BackupError CANCELLED
 */
export async function searchSample(
	client: QdrantClient,
	collection: string,
	warn: (message: string) => void,
	signal?: AbortSignal,
): Promise<SampleSearch> {
	try {
		const points = await client.withRetries(() => somePoints(client, collection, signal), signal);
		if (points.length === 0) return 'empty';
		const query = sampleQuery(points);
		if (!query) return 'skipped';
		const found = await client.withRetries(() => client.search(collection, { ...query, limit: 1 }, signal), signal);
		if (found.length > 0) return 'passed';
		warn('A search by the vector of one of its points found nothing.');
	} catch (error) {
		if (error instanceof BackupError && error.code === 'CANCELLED') throw error;
		warn(`The sample search was not possible. ${messageOf(error)}`);
	}
	return 'failed';
}

/** Strict mode may limit how many points an answer may hold (`max_query_limit`). */
async function somePoints(client: QdrantClient, collection: string, signal?: AbortSignal): Promise<StoredPoint[]> {
	try {
		return await client.somePoints(collection, SAMPLE, signal);
	} catch (error) {
		if (statusOf(error) !== 400) throw error;
		return await client.somePoints(collection, 1, signal);
	}
}

/** A search by a point's own vector, the first that can be searched by. */
export function sampleQuery(points: StoredPoint[]): JsonObject | undefined {
	for (const { vector } of points) {
		if (isUsable(vector)) return { query: vector as JsonObject };
		if (typeof vector !== 'object' || vector === null || Array.isArray(vector)) continue;
		for (const [using, named] of Object.entries(vector)) if (isUsable(named)) return { query: named, using };
	}
	return undefined;
}

/** Numbers, rows of numbers (a multivector), or a sparse vector that is not empty. */
function isUsable(vector: unknown): boolean {
	if (Array.isArray(vector)) {
		return vector.length > 0 && vector.every((item) => typeof item === 'number' || isUsable(item));
	}
	const { indices } = (vector ?? {}) as { indices?: unknown };
	return Array.isArray(indices) && indices.length > 0;
}
