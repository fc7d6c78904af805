import { BackupError, throwIfCancelled } from '../../errors';
import { QdrantClient } from '../client/client';
import { baseUrl, type QdrantConnection } from '../client/connection';
import { statusOf, type Role } from '../client/failure';

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
	/** The peer that is asked whatever any peer can answer. */
	client: QdrantClient;
	peers: Peer[];
	/** Peers that can be reached, by id. */
	clients: Map<string, QdrantClient>;
	/** Whether there are several peers. */
	isCluster: boolean;
}

/**
 * Finds the peers of a cluster. A snapshot holds the shards of one peer alone, and a shard snapshot can only be fetched
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
