import type { QdrantClient } from '../client/client';
import { statusOf } from '../client/failure';
import type { Json, JsonObject, PointId } from '../client/types';

/** Enough to see a shard or an index that was lost as a whole, and little for a server with vectors of any size. */
const SAMPLES = 100;

export interface SampledPoint {
	id: PointId;
	/** One without a name, or by name; a point may lack some. */
	vector: Json;
	payload: JsonObject;
}

/** Ids of points all over the collection, chosen by the server at random in every shard. */
export async function sampleIds(client: QdrantClient, collection: string, signal?: AbortSignal): Promise<PointId[]> {
	const found = await client.search(collection, { query: { sample: 'random' }, limit: SAMPLES }, signal);
	return found.map(({ id }) => id);
}

/** A point with all that it has; undefined where no point has the id. */
export async function readPoint(
	client: QdrantClient,
	collection: string,
	id: PointId,
	signal?: AbortSignal,
): Promise<SampledPoint | undefined> {
	const query = { filter: { must: [withId(id)] }, limit: 1, with_payload: true, with_vector: true };
	const [point] = (await client.search(collection, query, signal)) as unknown as Partial<SampledPoint>[];
	if (point?.id !== id) return undefined;
	return { id, vector: point.vector ?? {}, payload: point.payload ?? {} };
}

/** The condition that a point is this one. */
export function withId(id: PointId): JsonObject {
	return { has_id: [id] };
}

/** Whether the server took the question and would not answer it: its strict mode, or a version that lacks the call. */
export function isRefusal(error: unknown): boolean {
	return [400, 403, 404, 422, 429].includes(statusOf(error) ?? 0);
}
