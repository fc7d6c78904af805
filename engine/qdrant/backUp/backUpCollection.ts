import { asBackUp, makeArchive } from '../../archive';
import type { ArchiveChoices, ArchiveWriter, CommitDetails, Manifest, NewArchive } from '../../archive';
import { messageOf, throwIfCancelled } from '../../errors';
import type { SnapshotLedger } from '../artifacts/ledger';
import { withServerSnapshot } from '../artifacts/serverSnapshot';
import { removeOldUploads } from '../artifacts/uploads';
import type { SnapshotScope } from '../client/scope';
import type { Json, JsonObject, SnapshotDescription } from '../client/types';
import type { CollectionSource, ShardSource, SnapshotFacts } from '../manifestSource';
import { type CollectionState, countPoints, describeCollection, type PointCount } from '../server/collectionState';
import { choosePeers } from '../server/shards';
import { type Topology, UNKNOWN_PEER } from '../server/topology';
import { storeSnapshot } from './storeSnapshot';
import { tarEnd, tarHeader, tarPadding } from '../../tar';

/** What holds for every collection of a run. */
export interface CollectionBackupOptions extends ArchiveChoices {
	/** What happens, a line each, for a log. */
	log?: (line: string) => void;
	/** Bytes of a snapshot (of a shard, in a cluster) that have arrived. */
	onProgress?: (progress: { collection: string; bytes: number; totalBytes: number }) => void;
}

/** What the collections of one run share. */
export interface BackupRun {
	options: CollectionBackupOptions;
	topology: Topology;
	ledger: SnapshotLedger;
	version: string;
	runId: string;
	/** Takes warnings that come too late for a manifest. */
	warn: (message: string) => void;
}

interface Work extends BackupRun {
	state: CollectionState;
	startedAt: Date;
	pointsBefore: PointCount;
	warnings: string[];
}

/** Backs one collection up; see backUpCollections. */
export async function backUpCollection(run: BackupRun, collection: string): Promise<Manifest> {
	const series = { kind: 'qdrant', name: collection, origin: run.topology.client.server, isWhole: true } as const;
	return await asBackUp(run.options, series, async (options) => await storeCollection({ ...run, options }, collection));
}

async function storeCollection(run: BackupRun, collection: string): Promise<Manifest> {
	const { topology, options } = run;
	const { client } = topology;
	const { signal } = options;
	const startedAt = new Date();
	const [state, pointsBefore, { now }] = await Promise.all([
		describeCollection(topology, collection, signal),
		countPoints(client, collection, signal),
		client.version(signal),
	]);
	const work: Work = { ...run, state, startedAt, pointsBefore, warnings: [] };
	if (!topology.isCluster) await removeUploads(work, now);
	return topology.isCluster ? await backUpShards(work) : await backUpWhole(work);
}

/** What a restore has left is no reason to go without a backup. */
async function removeUploads({ topology, options, state, warn }: Work, now: Date): Promise<void> {
	const { signal } = options;
	try {
		await removeOldUploads(topology.client, { collection: state.name }, now, signal);
	} catch (error) {
		throwIfCancelled(signal);
		warn(`Files that a restore may have left on ${topology.client.server} could not be removed: ${messageOf(error)}`);
	}
}

/** One server holds everything: the archive is its collection snapshot, to the byte. */
async function backUpWhole(work: Work): Promise<Manifest> {
	const { topology, state } = work;
	const [peer] = topology.peers;
	const shards = state.shards.map(({ id, key, activeOn }): ShardSource => ({
		id,
		...(key !== undefined && { key }),
		peers: activeOn,
	}));
	const peerId = peer?.id ?? UNKNOWN_PEER;
	const scope = { collection: state.name };
	return await withSnapshot(work, scope, peerId, async (snapshot, pointsAfter) => {
		return await makeArchive(choices(work), archiveOf(work, 'snapshot', snapshot.size), async (writer) => {
			const facts = await store(work, writer, 'snapshot', scope, peerId, snapshot);
			return committed(work, { form: 'snapshot', snapshot: facts, shards, pointsAfter });
		});
	});
}

/**
 * A cluster: a snapshot of every shard from one peer that holds an active replica, in one tar. They are made one after
 * the other, each when the one before has been stored and removed, so that the servers need disk for one at a time.
 */
async function backUpShards(work: Work): Promise<Manifest> {
	const { state, topology } = work;
	const chosen = choosePeers(state.shards, topology, state.name);
	return await makeArchive(choices(work), shardsArchiveOf(work), async (writer) => {
		await storeFile(writer, 'collection', 'collection.json', collectionJson(work));
		const shards: ShardSource[] = [];
		let pointsAfter = work.pointsBefore;
		for (const { id, key, activeOn } of state.shards) {
			const peerId = chosen.get(id) ?? '';
			const scope = { collection: state.name, shard: id };
			const snapshot = await withSnapshot(work, scope, peerId, async (description, count) => {
				pointsAfter = count;
				const { size } = description;
				await writer.frame({ type: 'header' }, tarHeader(`shard-${id}.snapshot`, size, work.startedAt));
				await writer.drain();
				const facts = await store(work, writer, `shard-${id}`, scope, peerId, description);
				await writer.frame({ type: 'padding' }, tarPadding(size));
				await writer.drain();
				return facts;
			});
			const peers = [peerId, ...activeOn.filter((other) => other !== peerId)];
			shards.push({ id, ...(key !== undefined && { key }), peers, snapshot });
		}
		await writer.frame({ type: 'padding' }, tarEnd());
		return committed(work, { form: 'shards', shards, pointsAfter });
	});
}

function choices({ options, runId }: Work): ArchiveChoices {
	return { ...options, runId };
}

function archiveOf({ state, startedAt }: Work, extension: 'snapshot' | 'tar', size?: number): NewArchive {
	return { name: state.name, extension, kind: 'qdrant', startedAt, ...(size !== undefined && { size }) };
}

/** The snapshots are made one after the other, so how large they are is not known yet. */
function shardsArchiveOf(work: Work): NewArchive {
	const { params } = work.state.info.config;
	return { ...archiveOf(work, 'tar'), estimatedSize: work.pointsBefore.points * bytesOfPoint(params) };
}

/** What the shards' snapshots do not hold, for people who restore with stock tools. */
function collectionJson({ state }: Work): Buffer {
	const { name, info, shards, aliases } = state;
	const content = {
		name,
		config: info.config,
		payloadSchema: info.payload_schema,
		aliases,
		shards: shards.map(({ id, key }) => ({ id, ...(key !== undefined && { key }) })),
	};
	return Buffer.from(`${JSON.stringify(content, null, 2)}\n`);
}

async function storeFile(writer: ArchiveWriter, type: string, name: string, content: Buffer): Promise<void> {
	const file = [tarHeader(name, content.length, new Date()), content, tarPadding(content.length)];
	await writer.frame({ type }, file);
	await writer.drain();
}

/** `use` gets the snapshot, and the number of points right after it was made. */
async function withSnapshot<T>(
	{ topology, ledger, options, warn, state }: Work,
	scope: SnapshotScope,
	peerId: string,
	use: (snapshot: SnapshotDescription, pointsAfter: PointCount) => Promise<T>,
): Promise<T> {
	const client = topology.clients.get(peerId) ?? topology.client;
	const { signal, log } = options;
	const context = { client, peerId, ledger, signal, warn, ...(log && { log }) };
	return await withServerSnapshot(context, scope, async (snapshot) => {
		const pointsAfter = await countPoints(topology.client, state.name, options.signal);
		options.log?.(`The server has made ${snapshot.name}, ${snapshot.size} bytes`);
		return await use(snapshot, pointsAfter);
	});
}

/** Streams a snapshot from the server into the archive. */
async function store(
	{ topology, options, warnings }: Work,
	writer: ArchiveWriter,
	type: string,
	scope: SnapshotScope,
	peerId: string,
	snapshot: SnapshotDescription,
): Promise<SnapshotFacts> {
	const client = topology.clients.get(peerId) ?? topology.client;
	if (!snapshot.checksum) warnings.push(`The server reported no checksum of ${snapshot.name}; ours is kept instead.`);
	const { signal, log, onProgress } = options;
	const onBytes = (bytes: number) =>
		onProgress?.({ collection: scope.collection ?? '', bytes, totalBytes: snapshot.size });
	return await storeSnapshot(writer, type, { client, scope, snapshot }, { signal, log, onBytes });
}

type Stored = Pick<CollectionSource, 'form' | 'snapshot' | 'shards'> & { pointsAfter: PointCount };

function committed(work: Work, { pointsAfter, ...stored }: Stored): CommitDetails {
	const source = sourceOf(work, stored, pointsAfter);
	return {
		source,
		counts: { points: pointsAfter.points, shards: work.state.shards.length },
		warnings: work.warnings,
	};
}

function sourceOf(work: Work, stored: Omit<Stored, 'pointsAfter'>, pointsAfter: PointCount): CollectionSource {
	const { state, topology, version, pointsBefore, warnings } = work;
	const [before, after] = [pointsBefore.points, pointsAfter.points];
	const estimatedBecause = pointsBefore.estimatedBecause ?? pointsAfter.estimatedBecause;
	if (estimatedBecause !== undefined) {
		warnings.push(`The number of points is the server's own estimate. ${estimatedBecause}`);
	} else if (after !== before) {
		warnings.push(`Points were written meanwhile: ${before} before the snapshot, ${after} after it.`);
	}
	return {
		system: 'qdrant',
		version,
		server: topology.client.server,
		...stored,
		config: state.info.config as CollectionSource['config'],
		payloadSchema: state.info.payload_schema,
		aliases: state.aliases,
		points: { before, after, ...(estimatedBecause !== undefined && { estimated: true }) },
		peers: topology.peers.map(({ id, uri }) => ({ id, ...(uri !== undefined && { uri }) })),
	};
}

/** An allowance for the payload and for sparse vectors, whose size no setting of a collection limits. */
const PAYLOAD_BYTES = 4096;

/** A vector's numbers have 32 bits; the index and quantized copies take up about as much again. */
const BYTES_OF_NUMBER = 2 * 4;

/**
 * About how many bytes of a snapshot a point takes up, rather too many than too few.
 * @param params of the collection: `vectors` holds one vector's settings, or those of several by name
 */
export function bytesOfPoint({ vectors }: JsonObject): number {
	if (!isObject(vectors)) return PAYLOAD_BYTES;
	const single = sizeIn(vectors);
	const sizes = single === undefined ? Object.values(vectors).map((vector) => sizeIn(vector) ?? 0) : [single];
	return PAYLOAD_BYTES + BYTES_OF_NUMBER * sizes.reduce((sum, size) => sum + size, 0);
}

function sizeIn(vector: Json): number | undefined {
	return isObject(vector) && typeof vector['size'] === 'number' ? vector['size'] : undefined;
}

function isObject(value: Json | undefined): value is JsonObject {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}
