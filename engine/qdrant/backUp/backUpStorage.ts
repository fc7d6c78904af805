import { asBackUp, makeArchive, type ArchiveChoices, type Manifest } from '../../archive';
import { BackupError } from '../../errors';
import { storeSnapshot } from './storeSnapshot';
import { findPeers, type Topology, UNKNOWN_PEER } from '../server/topology';
import type { QdrantConnection } from '../client/connection';
import { SnapshotLedger } from '../artifacts/ledger';
import { removeStaleSnapshots } from '../artifacts/staleSnapshots';
import { withServerSnapshot } from '../artifacts/serverSnapshot';

export interface BackUpStorageOptions extends ArchiveChoices {
	connection: QdrantConnection;
	log?: (line: string) => void;
	onProgress?: (progress: { bytes: number; totalBytes: number }) => void;
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
	const topology = await findPeers(options.connection, 'source', options.signal);
	const series = { kind: 'qdrant-storage', name: 'storage', origin: topology.client.server, isWhole: true } as const;
	return await asBackUp(options, series, async (alone) => await storeSnapshotOf(topology, alone));
}

async function storeSnapshotOf(topology: Topology, options: BackUpStorageOptions): Promise<Manifest> {
	const { storage, signal, log } = options;
	const startedAt = new Date();
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
	const ledger = new SnapshotLedger(storage, options.folder ?? 'qdrant');
	const { removed, warnings } = await removeStaleSnapshots(topology.clients, ledger, signal);
	for (const name of removed) log?.(`Removed ${name}, which an earlier run had left on the server`);
	const peerId = topology.peers[0]?.id ?? UNKNOWN_PEER;
	const warn = (message: string) => void warnings.push(message);
	const context = { client, peerId, ledger, signal, warn, ...(log && { log }) };
	const manifest = await withServerSnapshot(context, {}, async (snapshot) => {
		const archive = { name: 'storage', extension: 'snapshot', kind: 'qdrant-storage', startedAt } as const;
		return await makeArchive(options, { ...archive, size: snapshot.size }, async (writer) => {
			const onBytes = (bytes: number) => options.onProgress?.({ bytes, totalBytes: snapshot.size });
			const place = { client, scope: {}, snapshot };
			const facts = await storeSnapshot(writer, 'snapshot', place, { signal, log, onBytes });
			return {
				source: {
					system: 'qdrant',
					version,
					server: client.server,
					collections,
					aliases: aliases.map(({ alias_name: alias, collection_name: collection }) => ({ alias, collection })),
					snapshot: facts,
				},
				counts: { collections: collections.length },
				warnings: [...warnings],
			};
		});
	});
	// What came after the manifest was written: a snapshot that could not be removed.
	return {
		...manifest,
		warnings: [...manifest.warnings, ...warnings.filter((one) => !manifest.warnings.includes(one))],
	};
}
