import { QdrantClient } from '../client/client';
import type { QdrantConnection } from '../client/connection';
import type { SnapshotScope } from '../client/scope';
import { collectionName } from './names';
import { findPeers } from './topology';

export interface QdrantSummary {
	version: string;
	collections: number;
	/** 1 outside a cluster. */
	peers: number;
	/** Peers whose HTTP interface cannot be reached from here, as the cluster names them. */
	unreachable: string[];
}

/**
 * Connects, logs in and asks for what a connection test shows.
 * @throws BackupError SOURCE_UNREACHABLE, ACCESS_DENIED, INVALID_INPUT
 */
export async function checkQdrant(connection: QdrantConnection, signal?: AbortSignal): Promise<QdrantSummary> {
	const { client, peers } = await findPeers(connection, 'source', signal);
	const [{ version }, collections] = await Promise.all([client.version(signal), client.collections(signal)]);
	const unreachable = peers.filter((peer) => !peer.client).map(({ id, uri }) => uri ?? id);
	return { version, collections: collections.length, peers: peers.length, unreachable };
}

/** The names of the collections, sorted. */
export async function listCollections(connection: QdrantConnection, signal?: AbortSignal): Promise<string[]> {
	return await new QdrantClient(connection, 'source').collections(signal);
}

/** The aliases of the server and the collections behind them, sorted. */
export async function listAliases(
	connection: QdrantConnection,
	signal?: AbortSignal,
): Promise<{ alias: string; collection: string }[]> {
	const aliases = await new QdrantClient(connection, 'source').aliases(signal);
	return aliases
		.map(({ alias_name: alias, collection_name: collection }) => ({ alias, collection }))
		.sort((a, b) => (a.alias < b.alias ? -1 : 1));
}

/** A snapshot on a server's own disk. */
export interface ServerSnapshot extends SnapshotScope {
	name: string;
	/** Bytes. */
	size: number;
	/** ISO 8601, UTC. */
	createdAt: string | undefined;
	/** The address of the peer that holds it. */
	server: string;
	/** Its own address there, which identifies it. */
	url: string;
}

/**
 * The snapshots that lie on the disks of a server, or of all peers of a cluster that can be reached: of the collections
 * asked for (by default all), of their shards, and of the whole storage.
 * @param warn Is called for each peer that cannot be reached: its snapshots are not among those found.
 * @throws BackupError INVALID_INPUT, SOURCE_UNREACHABLE, ACCESS_DENIED, SOURCE_FAILED
 */
export async function listServerSnapshots(
	connection: QdrantConnection,
	collections?: string[],
	signal?: AbortSignal,
	warn: (message: string) => void = () => {},
): Promise<ServerSnapshot[]> {
	for (const name of collections ?? []) collectionName(name);
	const topology = await findPeers(connection, 'source', signal);
	for (const { id, uri, client } of topology.peers) {
		if (!client) warn(`Peer ${id} (${uri}) cannot be reached over HTTP, so its snapshots are not in the list.`);
	}
	const names = collections ?? (await topology.client.collections(signal));
	const found: ServerSnapshot[] = [];
	for (const client of topology.clients.values()) {
		const scopes: SnapshotScope[] = collections ? [] : [{}];
		for (const collection of names) {
			const { local_shards: shards } = await client.collectionCluster(collection, signal);
			scopes.push({ collection }, ...shards.map(({ shard_id: shard }) => ({ collection, shard })));
		}
		for (const scope of scopes) {
			for (const { name, size, creation_time: created } of await client.snapshots.list(scope, signal)) {
				const createdAt = created ? `${created}Z` : undefined;
				found.push({ ...scope, name, size, createdAt, server: client.server, url: client.snapshots.url(scope, name) });
			}
		}
	}
	return found;
}

/**
 * Removes a snapshot from the disk of the server that holds it; fine where it is gone.
 * @throws BackupError INVALID_INPUT, SOURCE_UNREACHABLE, ACCESS_DENIED, SOURCE_FAILED
 */
export async function deleteServerSnapshot(
	connection: QdrantConnection,
	snapshot: Pick<ServerSnapshot, 'collection' | 'shard' | 'name'> & { server?: string },
	signal?: AbortSignal,
): Promise<void> {
	const { collection, shard, server } = snapshot;
	const name = collectionName(snapshot.name, 'The name of the snapshot');
	if (collection !== undefined) collectionName(collection, 'The collection of the snapshot');
	const client = new QdrantClient({ ...connection, ...(server !== undefined && { url: server }) }, 'source');
	const scope = { ...(collection !== undefined && { collection }), ...(shard !== undefined && { shard }) };
	await client.snapshots.delete(scope, name, signal);
}
