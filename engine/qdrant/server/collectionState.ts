import { messageOf } from '../../errors';
import type { QdrantClient } from '../client/client';
import { isFromUnexpectedServer, statusOf } from '../client/failure';
import { findShards, type Shard } from './shards';
import type { Topology } from './topology';
import type { CollectionInfo } from '../client/types';
import { aliasesOf } from './aliases';

/** What a collection is, apart from its points. */
export interface CollectionState {
	name: string;
	info: CollectionInfo;
	shards: Shard[];
	/** In no snapshot of a collection. */
	aliases: string[];
}

export async function describeCollection(
	topology: Topology,
	name: string,
	signal?: AbortSignal,
): Promise<CollectionState> {
	const { client } = topology;
	const [info, shards, aliases] = await Promise.all([
		client.collection(name, signal),
		findShards(topology, name, signal),
		aliasesOf(client, name, signal),
	]);
	return { name, info, shards, aliases };
}

export interface PointCount {
	points: number;
	/** Why it is the server's own estimate, in its words; undefined where it is exact. */
	estimatedBecause?: string;
}

/**
 * Counts the points of a collection; exactly, unless the collection's strict mode refuses that (1.16.3: 400 by
 * `search_allow_exact: false`, 429 by `read_rate_limit`): then as the server estimates them, which it reports at any time.
 */
export async function countPoints(client: QdrantClient, name: string, signal?: AbortSignal): Promise<PointCount> {
	try {
		return { points: await client.count(name, signal) };
	} catch (error) {
		if (isFromUnexpectedServer(error) || ![400, 403, 429].includes(statusOf(error) ?? 0)) throw error;
		const { points_count: estimate } = await client.collection(name, signal);
		return { points: estimate ?? 0, estimatedBecause: messageOf(error) };
	}
}
