import { createArchive, type CodecOptions, type EncryptionKeys, type Manifest } from '../archive';
import { BackupError, cancelled } from '../errors';
import type { Storage } from '../storage';
import { findPeers } from './cluster';
import type { QdrantConnection } from './connection';
import { downloadSnapshot } from './download';
import { writeFrames } from './frames';
import { SnapshotLedger } from './ledger';
import { removeLeftovers } from './leftovers';
import { withServerSnapshot } from './serverSnapshot';

export interface BackUpStorageOptions {
	connection: QdrantConnection;
	storage: Storage;
	/** Folder in the storage; `qdrant` unless told. */
	folder?: string;
	codec: CodecOptions;
	encryption?: EncryptionKeys;
	timeZone?: string;
	runId?: string;
	tags?: string[];
	log?: (line: string) => void;
	onProgress?: (progress: { bytes: number; totalBytes: number }) => void;
	signal?: AbortSignal;
}

/**
 * Backs up a server's whole storage, all collections and aliases, as one snapshot: `storage_<time>.snapshot.zst`.
 *
 * Qdrant takes such a snapshot at its start only, into an empty storage: `qdrant --storage-snapshot <file>`. No call of
 * its API restores it, so no restore over the network can; where single collections are to be restored, or from n8n, back
 * up the collections.
 * @throws BackupError as backUpCollections does; INVALID_INPUT for a cluster, where it would hold one peer's shards alone
 */
export async function backUpStorage(options: BackUpStorageOptions): Promise<Manifest> {
	const { connection, storage, signal, log } = options;
	const startedAt = new Date();
	const topology = await findPeers(connection, 'source', signal);
	const { client } = topology;
	if (topology.isCluster) {
		throw new BackupError('INVALID_INPUT', 'A snapshot of the whole storage holds the shards of one peer alone.', {
			hint: 'Back up all collections instead: that takes every shard of the cluster.',
		});
	}
	const [{ version }, collections, aliases] = await Promise.all([
		client.version(signal),
		client.collections(signal),
		client.aliases(signal),
	]);
	const folder = options.folder ?? 'qdrant';
	const ledger = new SnapshotLedger(storage, folder);
	const { removed, warnings } = await removeLeftovers(topology.clients, ledger, signal);
	for (const name of removed) log?.(`Removed ${name}, which an earlier run had left on the server`);
	const peerId = topology.peers[0]?.id ?? '0';
	const warn = (message: string) => warnings.push(message);
	const context = { client, peerId, ledger, signal, warn, ...(log && { log }) };
	return await withServerSnapshot(context, {}, async (snapshot) => {
		const writer = await createArchive({
			storage,
			folder,
			name: 'storage',
			extension: 'snapshot',
			kind: 'qdrant-storage',
			startedAt,
			timeZone: options.timeZone,
			codec: options.codec,
			encryption: options.encryption,
			signal,
		});
		try {
			const result = { bytes: 0, sha256: '' };
			let bytes = 0;
			await writeFrames(writer, 'snapshot', downloadSnapshot(client, {}, snapshot, result, { signal }), (length) => {
				bytes += length;
				options.onProgress?.({ bytes, totalBytes: snapshot.size });
			});
			return await writer.commit({
				source: {
					system: 'qdrant',
					version,
					server: client.server,
					collections,
					aliases: aliases.map(({ alias_name: alias, collection_name: collection }) => ({ alias, collection })),
					snapshot: { name: snapshot.name, size: result.bytes, sha256: result.sha256 },
				},
				counts: { collections: collections.length },
				warnings,
				runId: options.runId,
				tags: options.tags,
			});
		} catch (error) {
			await writer.abort(error);
			if (signal?.aborted) throw cancelled();
			throw error;
		}
	});
}
