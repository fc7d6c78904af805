import { BackupError } from '../../errors';
import type { CollectionCluster, ShardReplica } from '../client/types';
import type { Topology } from './topology';

export interface Replica {
	peerId: string;
	state: string;
	points?: number;
}

/** One shard of a collection and the peers that hold an active replica of it. */
export interface Shard {
	id: number;
	key?: string | number;
	activeOn: string[];
	/** Peers with a replica in any state, and that state; points, roughly, where the peer itself was asked. */
	replicas: Replica[];
}

/**
 * The shards of a collection, as the peers see them. A replica counts as active where the peer that holds it says so
 * itself, or, of a peer out of reach, where any other does.
 * @throws BackupError SOURCE_FAILED while shards are being split or merged
 */
export async function findShards(topology: Topology, collection: string, signal?: AbortSignal): Promise<Shard[]> {
	const answers = new Map<string, CollectionCluster>();
	const clients = topology.isCluster ? [...topology.clients.values()] : [topology.client];
	for (const client of clients) {
		const answer = await client.collectionCluster(collection, signal);
		if (answer.resharding_operations?.length) {
			throw new BackupError('SOURCE_FAILED', `The shards of the collection ${collection} are being rearranged.`, {
				hint: 'Wait until the resharding has finished, then run the backup again.',
			});
		}
		answers.set(answer.peer_id, answer);
	}
	return mergeShards([...answers.values()]);
}

/** Joins what several peers say about the shards of a collection. */
export function mergeShards(answers: CollectionCluster[]): Shard[] {
	const shards = new Map<number, { key?: string | number; replicas: Map<string, Replica> }>();
	const add = (peerId: string, { shard_id: id, shard_key: key, state, points_count: points }: ShardReplica) => {
		const shard = shards.get(id) ?? { replicas: new Map<string, Replica>() };
		if (key !== undefined && key !== null) shard.key = key;
		shard.replicas.set(peerId, { peerId, state, ...(points !== undefined && { points }) });
		shards.set(id, shard);
	};
	for (const { remote_shards: remote } of answers) for (const shard of remote) add(shard.peer_id ?? '', shard);
	// A peer knows best about itself.
	for (const { peer_id: peerId, local_shards: local } of answers) for (const shard of local) add(peerId, shard);
	// A shard that no peer tells of is missing from the list, but its number is not.
	const count = Math.max(0, ...answers.map(({ shard_count: told }) => told));
	for (let id = 0; shards.size < count && id < count; id++) {
		if (!shards.has(id)) shards.set(id, { replicas: new Map() });
	}
	return [...shards]
		.sort(([a], [b]) => a - b)
		.map(([id, { key, replicas }]) => {
			const all = [...replicas.values()];
			const activeOn = all.filter(({ state }) => state === 'Active').map(({ peerId }) => peerId);
			return { id, ...(key !== undefined && { key }), activeOn, replicas: all };
		});
}

/**
 * Chooses for every shard a peer that can be reached and holds an active replica, so that the work spreads evenly.
 * @throws BackupError SOURCE_FAILED that names the shards that cannot be read: a backup without them would be incomplete
 */
export function choosePeers(shards: Shard[], { peers, clients }: Topology, collection: string): Map<number, string> {
	const load = new Map<string, number>();
	const chosen = new Map<number, string>();
	const missing: string[] = [];
	for (const { id, activeOn, replicas } of shards) {
		const candidates = activeOn.filter((peerId) => clients.has(peerId));
		candidates.sort((a, b) => (load.get(a) ?? 0) - (load.get(b) ?? 0));
		const [peerId] = candidates;
		if (peerId === undefined) {
			const where = replicas.map((replica) => `peer ${replica.peerId}: ${stateOf(replica, clients)}`).join(', ');
			missing.push(`shard ${id} (${where || 'on no peer'})`);
			continue;
		}
		load.set(peerId, (load.get(peerId) ?? 0) + 1);
		chosen.set(id, peerId);
	}
	if (missing.length === 0) return chosen;
	const unreachable = peers
		.filter(({ client }) => !client)
		.map(({ id, uri }) => `${id} at ${uri ?? 'an unknown address'}`);
	throw new BackupError(
		'SOURCE_FAILED',
		`The collection ${collection} cannot be backed up whole: ${missing.join('; ')} cannot be read.`,
		{
			hint:
				unreachable.length > 0
					? `Not reachable over HTTP: ${unreachable.join('; ')}. Start these peers, or give the addresses of all peers' HTTP interfaces.`
					: 'Wait until the cluster has recovered these shards, then run the backup again.',
			details: { missing, unreachable },
		},
	);
}

function stateOf({ peerId, state }: { peerId: string; state: string }, clients: Topology['clients']): string {
	return clients.has(peerId) ? state : 'not reachable';
}
