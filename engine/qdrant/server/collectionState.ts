import type { QdrantClient } from '../client/client';
import { findShards, type Shard, type Topology } from './topology';
import type { CollectionInfo } from '../client/types';

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

/** The aliases of a collection, sorted. */
export async function aliasesOf(client: QdrantClient, name: string, signal?: AbortSignal): Promise<string[]> {
	const aliases = await client.aliases(signal);
	return aliases
		.filter(({ collection_name: collection }) => collection === name)
		.map(({ alias_name: alias }) => alias)
		.sort();
}
