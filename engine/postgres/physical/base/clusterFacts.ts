import type { PostgresConnection } from '../../connection';
import { type Cluster, readCluster } from '../cluster';
import { showBytes, showSetting, type WalSender } from '../protocol';

/** The first version that makes incremental backups. */
export const FIRST_INCREMENTAL_MAJOR = 17;

/** What a server says of itself before a base backup. */
export interface ClusterFacts extends Cluster {
	hasChecksums: boolean;
	blockBytes: number;
	/** Bytes of a relation's file at most. */
	relationFileBytes: number;
	/** Whether the server notes which blocks change, so that it can make incremental backups. */
	summarizesWal: boolean;
	/** Settings that a server which recovers must have at least the same values of, to take queries meanwhile. */
	settings: Record<string, number>;
}

const NEEDED_SETTINGS = [
	'max_connections',
	'max_worker_processes',
	'max_wal_senders',
	'max_prepared_transactions',
	'max_locks_per_transaction',
];

/** Asks a server what has to be known of it for a base backup. @throws BackupError as readCluster does */
export async function readClusterFacts(sender: WalSender, connection: PostgresConnection): Promise<ClusterFacts> {
	const cluster = await readCluster(sender, connection);
	const settings: Record<string, number> = {};
	for (const name of NEEDED_SETTINGS) settings[name] = Number(await showSetting(sender, name));
	return {
		...cluster,
		settings,
		hasChecksums: (await showSetting(sender, 'data_checksums')) === 'on',
		blockBytes: await showBytes(sender, 'block_size'),
		relationFileBytes: await showBytes(sender, 'segment_size'),
		summarizesWal: cluster.major >= FIRST_INCREMENTAL_MAJOR && (await showSetting(sender, 'summarize_wal')) === 'on',
	};
}
