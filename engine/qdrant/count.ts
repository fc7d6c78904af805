import { messageOf } from '../errors';
import type { QdrantClient } from './client/client';
import { isForeign, statusOf } from './client/failure';

export interface PointCount {
	points: number;
	/** Why it is the server's own estimate, in its words; undefined where it is exact. */
	estimatedBecause?: string;
}

/**
 * Counts the points of a collection; exactly, unless the collection's strict mode refuses that (1.16.3: 400 by
 * `search_allow_exact: false`, 429 by `read_rate_limit`): then as the server estimates them, which it tells at any time.
 */
export async function countPoints(client: QdrantClient, name: string, signal?: AbortSignal): Promise<PointCount> {
	try {
		return { points: await client.count(name, signal) };
	} catch (error) {
		if (isForeign(error) || ![400, 403, 429].includes(statusOf(error) ?? 0)) throw error;
		const { points_count: estimate } = await client.collection(name, signal);
		return { points: estimate ?? 0, estimatedBecause: messageOf(error) };
	}
}
