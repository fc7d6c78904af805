import type { QdrantClient } from '../client/client';
import { statusOf } from '../client/failure';
import type { Json, JsonObject, PointId } from '../client/types';

/** So many points show whether a whole shard or index is lost, and are little work for a server, however long its vectors are. */
const SAMPLES = 100;

export interface SampledPoint {
	id: PointId;
	/** One without a name, or by name; a point may lack some. */
	vector: Json;
	payload: JsonObject;
}

/** Returns ids of points of the whole collection. The server chooses them at random in every shard. */
export async function sampleIds(client: QdrantClient, collection: string, signal?: AbortSignal): Promise<PointId[]> {
	const found = await client.search(collection, { query: { sample: 'random' }, limit: SAMPLES }, signal);
	return found.map(({ id }) => id);
}

/** Reads a point with its vectors and its payload; undefined where no point has the id. */
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

/** A condition that only the point with this id meets. */
export function withId(id: PointId): JsonObject {
	return { has_id: [id] };
}

/** Whether the server refused to answer, because of its strict mode, or because its version does not have the call. */
export function isRefusal(error: unknown): boolean {
	return [400, 403, 404, 422, 429].includes(statusOf(error) ?? 0);
}
