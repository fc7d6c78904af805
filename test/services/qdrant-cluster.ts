import { setTimeout as sleep } from 'node:timers/promises';

import { startQdrant, type QdrantServer } from './qdrant';
import { ask } from './qdrant-data';

/** Starts a cluster of so many processes and waits until each knows all others. */
export async function startQdrantCluster(peers: number): Promise<QdrantServer[]> {
	const first = await startQdrant({ cluster: {} });
	const servers = [first];
	while (servers.length < peers) servers.push(await startQdrant({ cluster: { bootstrap: first.peerUrl! } }));
	for (const server of servers) {
		for (;;) {
			const { peers: known } = await ask<{ peers: object }>(server, 'GET', '/cluster');
			if (Object.keys(known).length === peers) break;
			await sleep(50);
		}
	}
	return servers;
}
