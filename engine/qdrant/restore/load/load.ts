/**
 * How a snapshot gets into a server: each piece streams from the storage (decrypted, decompressed and compared with the
 * manifest on the way, its last chunk only after its hash was right) into one multipart upload, in constant memory. The
 * server stores it, compares it with the checksum sent along, unpacks it in a folder of its own, and only then puts it in place, so what
 * is damaged or cut off changes nothing.
 *
 * Facts of 1.16.3 that shape this file:
 * - without a checksum a snapshot with flipped bits is restored without complaint, so one is always sent;
 * - a collection's snapshot sent to one peer of a cluster restores that peer's shards alone and answers OK (1000 points in,
 *   473 there), so clusters get a snapshot for each shard, each on a peer that holds the shard;
 * - a shard's snapshot sent to a peer without that shard is taken all the same, as an additional replica;
 * - the other replicas of a shard are better not left to the cluster, see loadShards;
 * - an upload to an alias changes the collection behind it;
 * - a collection that is there before its snapshot gets the payload indexes, but does not list them among its own: see keepIndexes;
 * - an uploaded collection snapshot stays on the server's disk, see multipart.ts.
 */
import { BackupError, messageOf, throwIfCancelled } from '../../../errors';
import { statusOf } from '../../client/failure';
import type { CollectionSource } from '../../manifestSource';
import { findShards } from '../../server/shards';
import type { Topology } from '../../server/topology';
import { shardIncompatibility } from '../compatibility';
import type { RestoreContext } from '../context';
import type { CollectionShape, RestoreSource } from '../source';
import { adoptCollection, claimCollection, discard, nameTaken } from './claim';
import { replicaHolders, replicasReady } from './replicas';
import { fetchByServer, uploadShard, uploadWhole } from './send';
import { creationSettings, indexSchema, shardKeys } from './settings';

/**
 * Makes a collection that does not exist out of a backup. Where that fails, there is none again.
 * @throws BackupError TARGET_EXISTS where somebody else has made one of that name meanwhile
 */
export async function loadNew(context: RestoreContext, collection: string, source: RestoreSource): Promise<void> {
	throwIfCancelled(context.signal);
	const isClaimed = await claim(context, collection, source);
	try {
		const shape = source.facts ?? source.shape;
		if (isClaimed && shape) await completeCollection(context, collection, shape, isSharded(source) && source.facts);
		// Only the answer shows that it was this run which has made an unclaimed one, so that is waited for.
		await loadInto({ ...context, untilDone: context.untilDone || !isClaimed }, collection, source);
		if (!isClaimed) await adoptCollection(context, collection);
	} catch (error) {
		await discard(context, collection);
		throw error;
	}
}

/**
 * Creates the collection empty, as the backup describes it. False where that cannot be: for a snapshot that the server
 * fetches and nobody has read, and for settings that the server does not take in a request.
 */
async function claim(context: RestoreContext, collection: string, source: RestoreSource): Promise<boolean> {
	const shape = source.facts ?? source.shape;
	if (!shape) return await assertFree(context, collection);
	try {
		await claimCollection(context, collection, creationSettings(shape));
		return true;
	} catch (error) {
		if (isSharded(source) || ![400, 422].includes(statusOf(error) ?? 0)) throw error;
		context.log(`${collection} is left to the snapshot to make: ${messageOf(error)}`);
		return await assertFree(context, collection);
	}
}

async function assertFree({ topology: { client }, signal }: RestoreContext, collection: string): Promise<false> {
	if (await client.collectionExists(collection, signal)) throw await nameTaken(client, collection);
	return false;
}

/** Puts a backup's points into a collection: one that exists, or, from a collection's snapshot, one that is made by it. */
export async function loadInto(context: RestoreContext, collection: string, source: RestoreSource): Promise<void> {
	const { topology, signal } = context;
	throwIfCancelled(signal);
	if (!isSharded(source)) assertSingle(topology, source);
	if (source.remote) await fetchByServer(context, collection, source.remote);
	else if (isSharded(source)) await loadShards(context, collection, source);
	else for (const piece of source.pieces) await uploadWhole(context, collection, piece);
	if (!isSharded(source)) await keepIndexes(context, collection);
}

/**
 * Has the collection list the payload indexes that its points came with as its own. The server (1.16.3) does so by itself only for
 * a collection that the snapshot makes. Without it they work, but are missing from `payload_index.json` of every snapshot that is
 * made of the collection, so that a verification takes it for damaged. An index that is there already costs the server nothing.
 */
async function keepIndexes({ topology: { client } }: RestoreContext, collection: string): Promise<void> {
	// Everything is in place: a cancel comes too late.
	const { payload_schema: schemas } = await client.collection(collection);
	for (const [field, schema] of Object.entries(schemas)) {
		await client.createPayloadIndex(collection, field, indexSchema(schema));
	}
}

/** Whether a source holds a snapshot for each shard. */
export function isSharded(source: RestoreSource): source is RestoreSource & { facts: CollectionSource } {
	return source.facts?.form === 'shards';
}

/**
 * Throws INVALID_INPUT for a collection's snapshot and a cluster: it would lose the shards that other peers get.
 */
export function assertSingle({ isCluster }: Topology, { description }: RestoreSource): void {
	if (!isCluster) return;
	throw new BackupError(
		'INVALID_INPUT',
		`${description} is a snapshot of a single server, the target is a cluster: restored through one of its peers, it would lose the shards that the others hold.`,
		{ hint: 'Restore it into a single server; to move it into a cluster, copy its points from there.' },
	);
}

/**
 * Gives a new collection its shard keys, which a snapshot of the whole collection needs as well (1.16.3: without them it is
 * restored as empty, and OK), and what shards' snapshots do not bring along.
 */
async function completeCollection(
	context: RestoreContext,
	collection: string,
	shape: CollectionShape,
	facts: CollectionSource | false,
): Promise<void> {
	const { topology, signal } = context;
	const { client } = topology;
	const keys = shardKeys(shape);
	for (const { key, count } of keys) {
		await client.createShardKey(collection, { shard_key: key, shards_number: count }, signal);
	}
	if (!facts && keys.length === 0) return;
	// A replica that is not active yet would miss the indexes.
	await replicasReady(context, collection);
	for (const [field, schema] of Object.entries(facts ? facts.payloadSchema : {})) {
		await client.createPayloadIndex(collection, field, indexSchema(schema), signal);
	}
	const found = shardIncompatibility(await findShards(topology, collection, signal), shape);
	if (found === undefined) return;
	throw new BackupError('TARGET_FAILED', `The server made the collection ${collection} otherwise: ${found}.`, {
		hint: 'A shard key was probably deleted or made anew before the backup; such a collection needs its points copied.',
	});
}

/**
 * Each replica gets the snapshot itself. Where it goes to one of them, with `priority=snapshot`, the cluster fills the
 * others from it, and gets that wrong (1.16.3): for a shard that was itself restored earlier, it sends the operations of the
 * write-ahead log alone (`wal_delta`), which are not all that made the points, and calls the replica active without them.
 */
async function loadShards(context: RestoreContext, collection: string, source: RestoreSource): Promise<void> {
	const { topology, signal, log } = context;
	await replicasReady(context, collection);
	const shards = await findShards(topology, collection, signal);
	const plan = source.pieces.map((piece) => {
		const shard = shards.find(({ id }) => id === piece.shard) ?? { id: piece.shard ?? 0, activeOn: [], replicas: [] };
		return { piece, shard: shard.id, holders: replicaHolders(shard, topology, collection) };
	});
	for (const { piece, shard, holders } of plan) {
		for (const client of holders) {
			log(`Restoring shard ${shard} of ${collection} on ${client.server}`);
			await uploadShard(context, { client, collection, shard }, piece);
		}
	}
	await replicasReady(context, collection);
}
