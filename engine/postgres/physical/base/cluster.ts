import { BackupError } from '../../../errors';
import type { PostgresConnection } from '../../connection';
import { identifySystem, showBytes, showSetting, type WalSender } from '../protocol';

/** The oldest version whose protocol is spoken. */
export const OLDEST_MAJOR = 12;
/** The first version that makes incremental backups. */
export const FIRST_INCREMENTAL_MAJOR = 17;

/** What a server says of itself before a base backup. */
export interface ClusterFacts {
	systemIdentifier: string;
	/** As the server writes it: `15.18 (Debian 15.18-0+deb12u1)`. */
	version: string;
	/** As server_version_num: 150018. */
	versionNumber: number;
	major: number;
	/** Its setting cluster_name; undefined where that is empty. */
	clusterName: string | undefined;
	hasChecksums: boolean;
	segmentBytes: number;
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

/**
 * Asks a server what has to be known of it for a base backup.
 * @throws BackupError UNSUPPORTED_VERSION, and as the protocol does
 */
export async function readCluster(sender: WalSender): Promise<ClusterFacts> {
	const { systemIdentifier } = await identifySystem(sender);
	const version = await showSetting(sender, 'server_version');
	const versionNumber = Number(await showSetting(sender, 'server_version_num'));
	const major = Math.floor(versionNumber / 10_000);
	if (major < OLDEST_MAJOR) {
		throw new BackupError(
			'UNSUPPORTED_VERSION',
			`The server is PostgreSQL ${version}; base backups are made of versions from ${OLDEST_MAJOR} on.`,
			{ hint: 'Upgrade the server, or back up its databases with Postgres Dump.' },
		);
	}
	const clusterName = await showSetting(sender, 'cluster_name');
	const settings: Record<string, number> = {};
	for (const name of NEEDED_SETTINGS) settings[name] = Number(await showSetting(sender, name));
	return {
		settings,
		systemIdentifier,
		version,
		versionNumber,
		major,
		clusterName: clusterName === '' ? undefined : clusterName,
		hasChecksums: (await showSetting(sender, 'data_checksums')) === 'on',
		segmentBytes: await showBytes(sender, 'wal_segment_size'),
		blockBytes: await showBytes(sender, 'block_size'),
		relationFileBytes: await showBytes(sender, 'segment_size'),
		summarizesWal: major >= FIRST_INCREMENTAL_MAJOR && (await showSetting(sender, 'summarize_wal')) === 'on',
	};
}

/** What physical backups of a cluster are called: as was asked, else as the cluster calls itself, else as its host. */
export function clusterName(
	asked: string | undefined,
	{ clusterName: own }: Pick<ClusterFacts, 'clusterName'>,
	{ host }: PostgresConnection,
): string {
	return asked || own || host;
}
