import { createArchive, type ArchiveWriter, type Manifest } from '../archive';
import { cancelled } from '../errors';
import type { BackUpCollectionsOptions } from './backUpCollections';
import type { SnapshotScope } from './client';
import { choosePeers, type Topology } from './cluster';
import { describeCollection, type CollectionState } from './describe';
import { downloadSnapshot, type DownloadResult } from './download';
import { writeFrames } from './frames';
import type { SnapshotLedger } from './ledger';
import { removeOldUploads } from './leftovers';
import type { CollectionSource, ShardSource, SnapshotFacts } from './manifestSource';
import { withServerSnapshot } from './serverSnapshot';
import { tarEnd, tarHeader, tarPadding } from './tar';
import type { SnapshotDescription } from './types';

/** What the collections of one run share. */
export interface BackupRun {
	options: BackUpCollectionsOptions;
	topology: Topology;
	ledger: SnapshotLedger;
	version: string;
	runId: string;
	/** For what comes too late for a manifest. */
	warn: (message: string) => void;
}

interface Work extends BackupRun {
	state: CollectionState;
	startedAt: Date;
	pointsBefore: number;
	warnings: string[];
}

/** Backs one collection up; see backUpCollections. */
export async function backUpCollection(run: BackupRun, collection: string): Promise<Manifest> {
	const { topology, options } = run;
	const { client } = topology;
	const { signal } = options;
	const startedAt = new Date();
	const [state, pointsBefore, { now }] = await Promise.all([
		describeCollection(topology, collection, signal),
		client.count(collection, signal),
		client.version(signal),
	]);
	const work: Work = { ...run, state, startedAt, pointsBefore, warnings: [] };
	if (!topology.isCluster) await removeOldUploads(client, { collection }, now, signal);
	return topology.isCluster ? await backUpShards(work) : await backUpWhole(work);
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
	return await withSnapshot(work, { collection: state.name }, peer?.id ?? '0', async (snapshot, pointsAfter) => {
		return await archived(work, 'snapshot', snapshot.size, async (writer) => {
			const facts = await store(work, writer, 'snapshot', { collection: state.name }, peer?.id ?? '0', snapshot);
			return { form: 'snapshot', snapshot: facts, shards, pointsAfter };
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
	return await archived(work, 'tar', undefined, async (writer) => {
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
		return { form: 'shards', shards, pointsAfter };
	});
}

/** For whoever restores with stock tools: what the shards' snapshots do not hold. */
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
	use: (snapshot: SnapshotDescription, pointsAfter: number) => Promise<T>,
): Promise<T> {
	const client = topology.clients.get(peerId) ?? topology.client;
	const { signal, log } = options;
	const context = { client, peerId, ledger, signal, warn, ...(log && { log }) };
	return await withServerSnapshot(context, scope, async (snapshot) => {
		const pointsAfter = await topology.client.count(state.name, options.signal);
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
	if (!snapshot.checksum) warnings.push(`The server told no checksum of ${snapshot.name}; ours is kept instead.`);
	const result: DownloadResult = { bytes: 0, sha256: '' };
	const bytes = downloadSnapshot(client, scope, snapshot, result, {
		signal: options.signal,
		onResume: (offset, reason) =>
			options.log?.(`The download broke at byte ${offset} (${reason}); going on from there`),
	});
	let done = 0;
	await writeFrames(writer, type, bytes, (length) => {
		done += length;
		options.onProgress?.({ collection: scope.collection ?? '', bytes: done, totalBytes: snapshot.size });
	});
	return { name: snapshot.name, size: result.bytes, sha256: result.sha256 };
}

type Stored = Pick<CollectionSource, 'form' | 'snapshot' | 'shards'> & { pointsAfter: number };

/** Opens the archive, lets `fill` write it, and commits it; nothing is left of it where anything fails. */
async function archived(
	work: Work,
	extension: string,
	expectedSize: number | undefined,
	fill: (writer: ArchiveWriter) => Promise<Stored>,
): Promise<Manifest> {
	const { options, state, startedAt } = work;
	const writer = await createArchive({
		storage: options.storage,
		folder: options.folder ?? 'qdrant',
		name: state.name,
		extension,
		kind: 'qdrant',
		startedAt,
		timeZone: options.timeZone,
		codec: options.codec,
		encryption: options.encryption,
		signal: options.signal,
		...(expectedSize !== undefined && options.codec.name === 'none' && { expectedSize }),
	});
	try {
		const { pointsAfter, ...stored } = await fill(writer);
		const source = sourceOf(work, stored, pointsAfter);
		return await writer.commit({
			source,
			counts: { points: pointsAfter, shards: state.shards.length },
			warnings: work.warnings,
			runId: work.runId,
			tags: options.tags,
		});
	} catch (error) {
		await writer.abort(error);
		if (options.signal?.aborted) throw cancelled();
		throw error;
	}
}

function sourceOf(work: Work, stored: Omit<Stored, 'pointsAfter'>, pointsAfter: number): CollectionSource {
	const { state, topology, version, pointsBefore, warnings } = work;
	if (pointsAfter !== pointsBefore) {
		warnings.push(`Points were written meanwhile: ${pointsBefore} before the snapshot, ${pointsAfter} after it.`);
	}
	return {
		system: 'qdrant',
		version,
		server: topology.client.server,
		...stored,
		config: state.info.config as CollectionSource['config'],
		payloadSchema: state.info.payload_schema,
		aliases: state.aliases,
		points: { before: pointsBefore, after: pointsAfter },
		peers: topology.peers.map(({ id, uri }) => ({ id, ...(uri !== undefined && { uri }) })),
	};
}
