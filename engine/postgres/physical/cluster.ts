/** What a walsender tells of the cluster that it belongs to. */
import { BackupError } from '../../errors';
import type { PostgresConnection } from '../connection';
import type { Lsn } from './lsn';
import { identifySystem, showBytes, showSetting, type WalSender } from './protocol';

/** The oldest version whose protocol is spoken. */
export const OLDEST_MAJOR = 12;

export interface Cluster {
	/** PostgreSQL's system identifier: the same on the primary and its standbys. */
	systemIdentifier: string;
	/** As the server writes it: `15.18 (Debian 15.18-0+deb12u1)`. */
	version: string;
	/** As server_version_num: 150018. */
	versionNumber: number;
	major: number;
	segmentBytes: number;
	/** Where its log stood when it was asked. */
	timeline: number;
	position: Lsn;
	/** How its backups are called where nothing else is asked for: `cluster_name`, or the host of the connection. */
	name: string;
	/** For messages: `db.example.com:5432`. */
	address: string;
}

/**
 * Asks a server what it is.
 * @throws BackupError UNSUPPORTED_VERSION, and as the protocol does
 */
export async function readCluster(sender: WalSender, { host, port }: PostgresConnection): Promise<Cluster> {
	const { systemIdentifier, timeline, position } = await identifySystem(sender);
	const version = await showSetting(sender, 'server_version');
	const versionNumber = Number(await showSetting(sender, 'server_version_num'));
	const major = Math.floor(versionNumber / 10_000);
	if (major < OLDEST_MAJOR) {
		throw new BackupError(
			'UNSUPPORTED_VERSION',
			`The server is PostgreSQL ${version}; physical backups are made of versions from ${OLDEST_MAJOR} on.`,
			{ hint: 'Upgrade the server, or back up its databases with Postgres Dump.' },
		);
	}
	const clusterName = await showSetting(sender, 'cluster_name');
	return {
		systemIdentifier,
		timeline,
		position,
		version,
		versionNumber,
		major,
		segmentBytes: await showBytes(sender, 'wal_segment_size'),
		name: clusterName === '' ? host : clusterName,
		address: `${host}:${port}`,
	};
}
