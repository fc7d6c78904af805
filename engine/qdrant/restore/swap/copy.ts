import { BackupError } from '../../../errors';
import { withServerSnapshot } from '../../artifacts/serverSnapshot';
import type { QdrantClient } from '../../client/client';
import { downloadSnapshot } from '../../client/download';
import type { SnapshotScope } from '../../client/scope';
import type { SnapshotDescription } from '../../client/types';
import type { CollectionSource } from '../../manifestSource';
import { type CollectionState, countPoints, describeCollection, type PointCount } from '../../server/collectionState';
import { choosePeers } from '../../server/shards';
import type { Topology } from '../../server/topology';
import type { RestoreContext } from '../context';
import { loadInto, loadNew } from '../load/load';
import type { SnapshotPiece } from '../source';

/** Whose snapshot, and who is asked for it. */
interface Place {
	client: QdrantClient;
	peerId: string;
	scope: SnapshotScope;
}

/**
 * Copies a collection under another name, through us: Qdrant cannot rename, and whether a server can reach itself by the
 * address that we know is uncertain. Costs the server the disk for a snapshot while it lasts, and returns what was copied.
 * @param to A name that is free, or, with `over`, a collection of the same vectors and shards: it keeps its aliases.
 */
export async function copyCollection(
	context: RestoreContext,
	from: string,
	to: string,
	{ over }: { over: boolean } = { over: false },
): Promise<CollectionSource> {
	const { topology, signal } = context;
	const [state, before, { version }] = await Promise.all([
		describeCollection(topology, from, signal),
		countPoints(topology.client, from, signal),
		topology.client.version(signal),
	]);
	const chosen = topology.isCluster ? choosePeers(state.shards, topology, from) : undefined;
	const places = chosen
		? [...chosen].map(([shard, peerId]) => placeOn(topology, peerId, { collection: from, shard }))
		: [placeOn(topology, topology.peers[0]?.id ?? '0', { collection: from })];
	return await withPieces(context, places, [], async (pieces) => {
		const after = await countPoints(topology.client, from, signal);
		const facts = factsOf(topology, state, { version, before, after });
		const source = { description: `the collection ${from}`, pieces, facts };
		await (over ? loadInto : loadNew)({ ...context, onProgress: undefined }, to, source);
		return facts;
	});
}

function placeOn(topology: Topology, peerId: string, scope: SnapshotScope): Place {
	return { client: topology.clients.get(peerId) ?? topology.client, peerId, scope };
}

/** Makes the snapshots one after the other, lets `use` have them all, and removes them. */
async function withPieces<T>(
	context: RestoreContext,
	[place, ...others]: Place[],
	pieces: SnapshotPiece[],
	use: (pieces: SnapshotPiece[]) => Promise<T>,
): Promise<T> {
	if (!place) return await use(pieces);
	const { ledger, signal, log, warnings } = context;
	const warn = (message: string) => void warnings.push(message);
	const work = { ...place, ledger, isLedgerOptional: true, log, warn, ...(signal && { signal }) };
	return await withServerSnapshot(work, place.scope, async (snapshot) => {
		const piece = await pieceOf(place.client, place.scope, snapshot);
		return await withPieces(context, others, [...pieces, piece], use);
	});
}

function factsOf(
	topology: Topology,
	{ info, shards, aliases }: CollectionState,
	{ version, before, after }: { version: string; before: PointCount; after: PointCount },
): CollectionSource {
	const estimated = [before, after].some(({ estimatedBecause }) => estimatedBecause !== undefined);
	return {
		system: 'qdrant',
		version,
		server: topology.client.server,
		form: topology.isCluster ? 'shards' : 'snapshot',
		config: info.config as CollectionSource['config'],
		payloadSchema: info.payload_schema,
		aliases,
		points: { before: before.points, after: after.points, ...(estimated && { estimated }) },
		shards: shards.map(({ id, key, activeOn }) => ({ id, ...(key !== undefined && { key }), peers: activeOn })),
		peers: topology.peers.map(({ id }) => ({ id })),
	};
}

async function pieceOf(
	client: QdrantClient,
	scope: SnapshotScope,
	snapshot: SnapshotDescription,
): Promise<SnapshotPiece> {
	// Now and then the answer to the creation lacks it (1.16.3), and the list has it.
	const listed = snapshot.checksum
		? snapshot
		: (await client.snapshots.list(scope)).find(({ name }) => name === snapshot.name);
	const sha256 = listed?.checksum;
	if (!sha256) {
		throw new BackupError('TARGET_FAILED', `${client.server} reports no checksum of its snapshots.`, {
			hint: 'Safe swaps need Qdrant 1.8 or later. Restore into a new collection instead.',
		});
	}
	return {
		...(scope.shard !== undefined && { shard: scope.shard }),
		size: snapshot.size,
		sha256,
		open: (signal) => downloadSnapshot(client, scope, snapshot, { bytes: 0, sha256: '' }, { signal }),
	};
}
