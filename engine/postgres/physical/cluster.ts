/** What a walsender tells of the cluster that it belongs to. */
import type { PostgresConnection } from '../connection';
import { identifySystem, showBytes, showSetting, type WalSender } from './protocol';
import type { Lsn } from './lsn';

export interface Cluster {
	/** PostgreSQL's system identifier: the same on the primary and its standbys. */
	systemIdentifier: string;
	/** As the server calls it: `15.18 (Debian 15.18-0+deb12u1)`. */
	version: string;
	segmentBytes: number;
	/** Where its log stood when it was asked. */
	timeline: number;
	position: Lsn;
	/** How its backups are called where nothing else is asked for: `cluster_name`, or the host of the connection. */
	name: string;
	/** For messages: `db.example.com:5432`. */
	address: string;
}

/** Asks a server what it is. @throws BackupError */
export async function readCluster(sender: WalSender, { host, port }: PostgresConnection): Promise<Cluster> {
	const { systemIdentifier, timeline, position } = await identifySystem(sender);
	const clusterName = await showSetting(sender, 'cluster_name');
	return {
		systemIdentifier,
		timeline,
		position,
		version: await showSetting(sender, 'server_version'),
		segmentBytes: await showBytes(sender, 'wal_segment_size'),
		name: clusterName === '' ? host : clusterName,
		address: `${host}:${port}`,
	};
}
