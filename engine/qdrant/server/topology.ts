import { BackupError, throwIfCancelled } from '../../errors';
import { QdrantClient } from '../client/client';
import { baseUrl, type QdrantConnection } from '../client/connection';
import { statusOf, type Role } from '../client/failure';
import type { CollectionCluster, ShardReplica } from '../client/types';

/** Peers are tried all at once; one that is down must not hold everybody up. */
const PEER_CONNECT_MS = 5000;
/** Behind a load balancer, answers come from different peers. */
const IDENTITY_CHECKS = 3;

/** The id of a server that tells none: outside a cluster, without any collection. */
export const UNKNOWN_PEER = '0';

export interface Peer {
	id: string;
	/** As the peers tell each other: host and internal port. */
	uri?: string;
	/** Undefined where its HTTP interface cannot be reached. */
	client?: QdrantClient;
}

/** A server or a cluster, and how to reach each of its peers. */
export interface Topology {
	/** For what any peer can answer. */
	client: QdrantClient;
	peers: Peer[];
	/** Peers that can be reached, by id. */
	clients: Map<string, QdrantClient>;
	/** Whether there are several peers. */
	isCluster: boolean;
}

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
 * Finds the peers of a cluster. A snapshot holds the shards of one peer alone, and a shard snapshot is only to be had
 * from the peer that holds the shard (1.16.3: `Shard 1 is not a local or queue proxy shard`), so each must be reachable.
 * @throws BackupError *_UNREACHABLE, ACCESS_DENIED, INVALID_INPUT
 */
export async function findPeers(connection: QdrantConnection, role: Role, signal?: AbortSignal): Promise<Topology> {
	const client = new QdrantClient(connection, role);
	// Tells best whether there is a Qdrant server at all.
	await client.version(signal);
	const status = await client.cluster(signal);
	if (status.status !== 'enabled' || Object.keys(status.peers).length < 2) {
		const id = status.status === 'enabled' ? status.peer_id : await soleId(client, signal);
		return { client, peers: [{ id, client }], clients: new Map([[id, client]]), isCluster: false };
	}
	const found = await identify(connection, status.peers, role, signal);
	const peers = Object.entries(status.peers).map(([id, { uri }]): Peer => {
		const peerClient = found.get(id);
		return { id, uri, ...(peerClient && { client: peerClient }) };
	});
	return { client: found.get(status.peer_id) ?? client, peers, clients: found, isCluster: true };
}

/** A server outside a cluster has an id as well, but tells it only with a collection. */
async function soleId(client: QdrantClient, signal: AbortSignal | undefined): Promise<string> {
	for (const name of await client.collections(signal)) {
		try {
			return (await client.collectionCluster(name, signal)).peer_id;
		} catch (error) {
			// Deleted since it was listed.
			if (statusOf(error) !== 404) throw error;
		}
	}
	return UNKNOWN_PEER;
}

/** Asks every address that may be a peer's who it is. */
async function identify(
	connection: QdrantConnection,
	peers: Record<string, { uri: string }>,
	role: Role,
	signal: AbortSignal | undefined,
): Promise<Map<string, QdrantClient>> {
	const given = connection.peerUrls ?? [];
	const urls = [
		connection.url,
		...(given.length > 0 ? given : Object.values(peers).map(({ uri }) => peerUrl(connection.url, uri))),
	];
	const found = new Map<string, QdrantClient>();
	const asked = [...new Set(urls)].map(async (url) => {
		const timeouts = {
			...connection.timeouts,
			connect: Math.min(connection.timeouts?.connect || PEER_CONNECT_MS, PEER_CONNECT_MS),
		};
		const client = new QdrantClient({ ...connection, url, timeouts }, role);
		const id = await peerBehind(client, signal);
		if (id !== undefined && id in peers && !found.has(id)) found.set(id, client);
	});
	await Promise.all(asked);
	throwIfCancelled(signal);
	return found;
}

/** The peer that answers at an address; undefined where none does, or where now this one does and now that one. */
async function peerBehind(client: QdrantClient, signal: AbortSignal | undefined): Promise<string | undefined> {
	try {
		const answers = new Set<string | undefined>();
		for (let check = 0; check < IDENTITY_CHECKS; check++) {
			const status = await client.cluster(signal);
			answers.add(status.status === 'enabled' ? status.peer_id : undefined);
		}
		return answers.size === 1 ? [...answers][0] : undefined;
	} catch (error) {
		if (error instanceof BackupError && error.code === 'ACCESS_DENIED') throw error;
		return undefined;
	}
}

/** A peer's likely HTTP address: its host among the peers, with the scheme and port that we were given. */
export function peerUrl(url: string, uri: string): string {
	const guess = baseUrl(url);
	guess.hostname = new URL(uri).hostname;
	return guess.toString();
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
 * @throws BackupError SOURCE_FAILED that names the shards which cannot be had: a backup without them would not be one
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
					? `Not reachable over HTTP: ${unreachable.join('; ')}. Start these peers, or tell the addresses of all peers' HTTP interfaces.`
					: 'Wait until the cluster has recovered these shards, then run the backup again.',
			details: { missing, unreachable },
		},
	);
}

function stateOf({ peerId, state }: { peerId: string; state: string }, clients: Topology['clients']): string {
	return clients.has(peerId) ? state : 'not reachable';
}
