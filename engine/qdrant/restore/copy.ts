import { BackupError, messageOf } from '../../errors';
import type { QdrantClient, SnapshotScope } from '../client';
import { choosePeers } from '../cluster';
import { describeCollection } from '../describe';
import { downloadSnapshot } from '../download';
import type { CollectionSource } from '../manifestSource';
import { orCancelled } from '../serverSnapshot';
import type { SnapshotDescription } from '../types';
import { loadNew, type RestoreContext } from './load';
import type { RestoreSource, SnapshotPiece } from './source';

interface Made {
	client: QdrantClient;
	scope: SnapshotScope;
	name: string;
}

/**
 * Copies a collection under another name, through us: Qdrant cannot rename, and whether a server can reach itself by the
 * address that we know is uncertain. Costs the server the disk for a snapshot while it lasts, and returns what was copied.
 */
export async function copyCollection(context: RestoreContext, from: string, to: string): Promise<CollectionSource> {
	const { warnings } = context;
	const made: Made[] = [];
	try {
		const source = await snapshotOf(context, from, made);
		await loadNew({ ...context, onProgress: undefined }, to, source);
		return source.facts;
	} finally {
		for (const { client, scope, name } of made) {
			await client.deleteSnapshot(scope, name).catch((error: unknown) => {
				warnings.push(`The snapshot ${name} could not be removed from ${client.server}: ${messageOf(error)}`);
			});
		}
	}
}

/** Makes the snapshots, and enters each into `made` as soon as it is there. */
async function snapshotOf(
	{ topology, signal }: RestoreContext,
	collection: string,
	made: Made[],
): Promise<RestoreSource & { facts: CollectionSource }> {
	const [{ info, shards, aliases }, before, { version }] = await Promise.all([
		describeCollection(topology, collection, signal),
		topology.client.count(collection, signal),
		topology.client.version(signal),
	]);
	const chosen = topology.isCluster ? choosePeers(shards, topology, collection) : undefined;
	const pieces: SnapshotPiece[] = [];
	for (const shard of chosen ? shards.map(({ id }) => id) : [undefined]) {
		const peerId = shard === undefined ? undefined : chosen?.get(shard);
		const client = (peerId && topology.clients.get(peerId)) || topology.client;
		const scope: SnapshotScope = { collection, ...(shard !== undefined && { shard }) };
		const snapshot = await orCancelled(client.createSnapshot(scope), signal, async ({ name }) => {
			await client.deleteSnapshot(scope, name);
		});
		made.push({ client, scope, name: snapshot.name });
		pieces.push(pieceOf(client, scope, snapshot));
	}
	const after = await topology.client.count(collection, signal);
	return {
		description: `the collection ${collection}`,
		pieces,
		facts: {
			system: 'qdrant',
			version,
			server: topology.client.server,
			form: chosen ? 'shards' : 'snapshot',
			config: info.config as CollectionSource['config'],
			payloadSchema: info.payload_schema,
			aliases,
			points: { before, after },
			shards: shards.map(({ id, key, activeOn }) => ({ id, ...(key !== undefined && { key }), peers: activeOn })),
			peers: topology.peers.map(({ id }) => ({ id })),
		},
	};
}

function pieceOf(client: QdrantClient, scope: SnapshotScope, snapshot: SnapshotDescription): SnapshotPiece {
	if (!snapshot.checksum) {
		throw new BackupError('TARGET_FAILED', `${client.server} tells no checksum of its snapshots.`, {
			hint: 'Safe swaps need Qdrant 1.8 or later. Restore into a new collection instead.',
		});
	}
	return {
		...(scope.shard !== undefined && { shard: scope.shard }),
		size: snapshot.size,
		sha256: snapshot.checksum,
		open: (signal) => downloadSnapshot(client, scope, snapshot, { bytes: 0, sha256: '' }, { signal }),
	};
}
