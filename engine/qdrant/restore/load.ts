/**
 * How a snapshot gets into a server: each piece streams from the storage (decrypted, decompressed and compared with the
 * manifest on the way, its last chunk only after its hash was right) into one multipart upload, in constant memory. The
 * server stores it, compares it with the checksum sent along, unpacks it beside, and only then puts it in place, so what
 * is damaged or cut off changes nothing.
 *
 * Facts of 1.16.3 that shape this file:
 * - without a checksum a snapshot with flipped bits is restored without complaint, so one is always sent;
 * - a collection's snapshot sent to one peer of a cluster restores that peer's shards alone and answers OK (1000 points in,
 *   473 there), so clusters get a snapshot for each shard, each on a peer that holds the shard;
 * - a shard's snapshot sent to a peer without that shard is taken all the same, as an additional replica;
 * - the other replicas of a shard are better not left to the cluster, see loadShards;
 * - an upload to an alias changes the collection behind it;
 * - an uploaded collection snapshot stays on the server's disk, see multipart.ts.
 */
import { randomUUID } from 'node:crypto';

import { BackupError, messageOf, throwIfCancelled } from '../../errors';
import { findShards, type Topology } from '../cluster';
import { isOutcomeUnknown, QdrantFailure, statusOf } from '../failure';
import type { SnapshotLedger } from '../ledger';
import { UPLOAD_PREFIX } from '../leftovers';
import type { CollectionSource } from '../manifestSource';
import { snapshotForm } from '../multipart';
import { orCancelled } from '../serverSnapshot';
import { shardObstacle } from './compatible';
import { replicaHolders, replicasReady } from './replicas';
import { creationSettings, indexSchema, shardKeys } from './settings';
import type { RestoreSource, SnapshotPiece } from './source';

/** What the steps of a restore share. */
export interface RestoreContext {
	topology: Topology;
	signal?: AbortSignal;
	log: (line: string) => void;
	onProgress?: (progress: { bytes: number; totalBytes: number }) => void;
	warnings: string[];
	/** Where snapshots of our own are noted, so that one which a killed run leaves on a server is found. */
	ledger?: SnapshotLedger;
	/** What to undo when the server finishes after a cancel. */
	onLate?: () => Promise<void>;
	/** Where an existing collection changes: once everything was sent, wait for the server, cancel or not. */
	untilDone?: boolean;
}

/**
 * Makes a collection that does not exist out of a backup. Where that fails, there is none again.
 */
export async function loadNew(context: RestoreContext, collection: string, source: RestoreSource): Promise<void> {
	try {
		if (isSharded(source)) await makeCollection(context, collection, source.facts);
		await loadInto({ ...context, onLate: () => discard(context, collection) }, collection, source);
	} catch (error) {
		await discard(context, collection);
		throw error;
	}
}

/** Removes a collection that this restore has made; a failure to do so is only told. */
export async function discard({ topology, warnings, log }: RestoreContext, collection: string): Promise<void> {
	try {
		await topology.client.deleteCollection(collection);
	} catch (error) {
		const message = `The incomplete collection ${collection} could not be removed: ${messageOf(error)}`;
		warnings.push(message);
		log(message);
	}
}

/** Puts a backup's points into a collection: one that exists, or, from a collection's snapshot, one that is made by it. */
export async function loadInto(context: RestoreContext, collection: string, source: RestoreSource): Promise<void> {
	const { topology, signal } = context;
	throwIfCancelled(signal);
	if (!isSharded(source)) assertSingle(topology, source);
	if (source.remote) await fetchByServer(context, collection, source.remote);
	else if (isSharded(source)) await loadShards(context, collection, source);
	else for (const piece of source.pieces) await uploadWhole(context, collection, piece);
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

async function makeCollection(context: RestoreContext, collection: string, facts: CollectionSource): Promise<void> {
	const { topology, signal } = context;
	const { client } = topology;
	await client.createCollection(collection, creationSettings(facts), signal);
	for (const { key, count } of shardKeys(facts)) {
		await client.createShardKey(collection, { shard_key: key, shards_number: count }, signal);
	}
	// A replica that is not active yet would miss the indexes.
	await replicasReady(context, collection);
	for (const [field, schema] of Object.entries(facts.payloadSchema)) {
		await client.createPayloadIndex(collection, field, indexSchema(schema), signal);
	}
	const found = shardObstacle(await findShards(topology, collection, signal), facts);
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
		return { piece, holders: replicaHolders(shard, topology, collection) };
	});
	for (const { piece, holders } of plan) {
		for (const client of holders) {
			log(`Restoring shard ${piece.shard} of ${collection} on ${client.server}`);
			await client.uploadSnapshot({ collection, shard: piece.shard }, piece.sha256, form(context, piece), signal);
		}
	}
	await replicasReady(context, collection);
}

function form({ onProgress, signal }: RestoreContext, piece: SnapshotPiece, name = 'shard.snapshot') {
	const content = async function* () {
		let bytes = 0;
		for await (const chunk of piece.open(signal)) {
			bytes += chunk.length;
			onProgress?.({ bytes, totalBytes: piece.size });
			yield chunk;
		}
	};
	return snapshotForm(name, piece.size, content());
}

async function uploadWhole(context: RestoreContext, collection: string, piece: SnapshotPiece): Promise<void> {
	const { topology, signal, log } = context;
	const { client } = topology;
	const name = `${UPLOAD_PREFIX}${randomUUID()}.snapshot`;
	log(`Uploading ${piece.size} bytes to ${client.server} for the collection ${collection}`);
	try {
		const taken = client.uploadSnapshot({ collection }, piece.sha256, form(context, piece, name), signal);
		await serverDone(context, taken, async () => {
			await removeUpload(context, collection, name);
			await context.onLate?.();
		});
	} catch (error) {
		if (!signal?.aborted && mayHaveStored(error)) await removeUpload(context, collection, name);
		throw error;
	}
	await removeUpload(context, collection, name);
}

/** A refusal (a wrong checksum, a wrong key) comes before the file is stored. */
function mayHaveStored(error: unknown): boolean {
	return (statusOf(error) ?? 500) >= 500 || statusOf(error) === 400;
}

/** Removes what was uploaded from the server's disk. Where there is no collection, one has to be made for that. */
async function removeUpload({ topology, warnings }: RestoreContext, collection: string, name: string): Promise<void> {
	const { client } = topology;
	try {
		const exists = await client.collectionExists(collection);
		if (!exists) await client.createCollection(collection, { vectors: {} });
		await client.deleteSnapshot({ collection }, name);
		if (!exists) await client.deleteCollection(collection);
	} catch (error) {
		warnings.push(`The uploaded file ${name} could not be removed from ${client.server}: ${messageOf(error)}`);
	}
}

/** A server goes on whether we listen or not: waits for it where its outcome matters, else only until the cancel. */
async function serverDone(
	{ signal, untilDone }: RestoreContext,
	work: Promise<void>,
	onLate: () => Promise<void>,
): Promise<void> {
	await orCancelled(work, untilDone ? undefined : signal, onLate);
}

async function fetchByServer(
	context: RestoreContext,
	collection: string,
	{ url, sha256 }: { url: string; sha256: string },
): Promise<void> {
	const { client } = context.topology;
	context.log(`${client.server} fetches the snapshot for the collection ${collection} by itself`);
	try {
		await serverDone(context, client.recoverSnapshot(collection, url, sha256), async () => context.onLate?.());
	} catch (error) {
		throw withoutUrl(error, url);
	}
}

/** The server's message repeats the URL, and with it its signature. */
function withoutUrl(error: unknown, url: string): unknown {
	if (!(error instanceof BackupError)) return error;
	const shorten = (text: string) => {
		const { origin, pathname, search } = new URL(url);
		const bare = text.replaceAll(url, origin + pathname);
		return search.length > 1 ? bare.replaceAll(search, '').replaceAll(search.slice(1), '') : bare;
	};
	const cause = new QdrantFailure(shorten(messageOf(error.cause)), statusOf(error));
	return new BackupError(error.code, shorten(error.message), {
		cause,
		hint: isOutcomeUnknown(error) ? error.hint : 'The server must be able to reach the URL, which may have expired.',
		...(error.details && { details: error.details }),
	});
}
