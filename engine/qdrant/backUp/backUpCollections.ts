import { randomUUID } from 'node:crypto';

import type { Manifest } from '../../archive';
import { BackupError, cancelled } from '../../errors';
import { SnapshotLedger } from '../artifacts/ledger';
import { describeStaleCollections, findStaleCollections, isNamedBySwap } from '../artifacts/staleCollections';
import { removeStaleSnapshots } from '../artifacts/staleSnapshots';
import type { QdrantConnection } from '../client/connection';
import { type CollectionSelection, selectCollections } from '../server/select';
import { findPeers } from '../server/topology';
import { backUpCollection, type CollectionBackupOptions } from './backUpCollection';

export interface BackUpCollectionsOptions extends CollectionBackupOptions {
	connection: QdrantConnection;
	/** Which collections; by default all. */
	selection?: CollectionSelection;
}

export interface CollectionsBackup {
	runId: string;
	/** One for each collection that was backed up. */
	backups: Manifest[];
	/** Collections that could not be. */
	failures: { collection: string; error: BackupError }[];
	/** Names of stale snapshots: earlier runs of ours left them on the servers, and this one removed them. */
	removedSnapshots: string[];
	/** Warnings about the run as a whole; among them the stale collections that restores left when they were cut off. */
	warnings: string[];
}

/**
 * Backs up collections, each into an archive and a manifest of its own, under one run id, one after the other:
 * `<collection>_<time>.snapshot.zst`, or, of a cluster, `<collection>_<time>.tar.zst` with a snapshot of every shard.
 *
 * The shards of a cluster are taken one after the other, so points that move or change meanwhile may be caught in the
 * state before or after it; within a shard everything is of one moment. A collection that fails does not keep the others
 * from being backed up.
 * @throws BackupError where nothing can be backed up: SOURCE_UNREACHABLE, ACCESS_DENIED, INVALID_INPUT (no such
 * collection), CANCELLED (archives that were complete by then stay), and what the storage throws
 */
export async function backUpCollections(options: BackUpCollectionsOptions): Promise<CollectionsBackup> {
	const { connection, storage, signal, log } = options;
	const topology = await findPeers(connection, 'source', signal);
	const { version } = await topology.client.version(signal);
	const all = await topology.client.collections(signal);
	const names = selectCollections(all, options.selection);
	const ledger = new SnapshotLedger(storage, options.folder ?? 'qdrant');
	const { removed, warnings } = await removeStaleSnapshots(topology.clients, ledger, signal);
	for (const name of removed) log?.(`Removed ${name}, which an earlier run had left on the server`);
	const warn = (message: string) => {
		warnings.push(message);
		log?.(message);
	};
	const mayBeLeft = [...new Set([...names, ...all.filter(isNamedBySwap)])];
	describeStaleCollections(await findStaleCollections(topology.client, mayBeLeft, warn, signal), version).forEach(warn);
	const run = { options, topology, ledger, version, runId: options.runId ?? randomUUID(), warn };
	const result: CollectionsBackup = {
		runId: run.runId,
		backups: [],
		failures: [],
		removedSnapshots: removed,
		warnings,
	};
	for (const collection of names) {
		log?.(`Backing up ${collection}`);
		try {
			result.backups.push(await backUpCollection(run, collection));
		} catch (error) {
			if (signal?.aborted) throw cancelled();
			if (!(error instanceof BackupError)) throw error;
			log?.(`${collection} failed: ${error.message}`);
			result.failures.push({ collection, error });
		}
	}
	return result;
}
