import { setTimeout as sleep } from 'node:timers/promises';

import { BackupError, cancelled } from '../../../errors';
import type { QdrantClient } from '../../client/client';
import { statusOf } from '../../client/failure';
import type { CollectionCluster } from '../../client/types';
import type { Shard } from '../../server/shards';
import type { Topology } from '../../server/topology';
import type { RestoreContext } from '../context';

/** Replicas of a new collection are active within a second; peers that are asked to do much may take longer. */
const READY_WITHIN_MS = 2 * 60 * 1000;

/**
 * Waits until all peers that can be reached agree that every replica of a collection is active, and that none is being
 * filled from another. A new collection's replicas are Initializing for a moment after the answer, and not every peer
 * knows the collection by then. Replicas of peers out of reach are not waited for.
 * @throws BackupError TARGET_FAILED with what is still missing, after two minutes
 */
export async function replicasReady({ topology, signal }: RestoreContext, collection: string): Promise<void> {
	if (!topology.isCluster) return;
	const deadline = Date.now() + READY_WITHIN_MS;
	for (;;) {
		const answers = [...topology.clients.values()].map((client) => notReady(topology, client, collection, signal));
		const late = (await Promise.all(answers)).flat();
		if (late.length === 0) return;
		if (Date.now() > deadline) {
			throw new BackupError(
				'TARGET_FAILED',
				`The cluster did not get all replicas of ${collection} ready within ${READY_WITHIN_MS / 60_000} minutes: ${late[0]}.`,
				{ hint: 'Look at the state of the cluster and at its log, then try again.', details: { late } },
			);
		}
		await sleep(topology.client.timeouts.pause / 5, undefined, { signal }).catch(() => {
			throw cancelled();
		});
	}
}

/** What a peer does not see as ready. */
async function notReady(
	{ clients }: Topology,
	client: QdrantClient,
	collection: string,
	signal: AbortSignal | undefined,
): Promise<string[]> {
	let answer: CollectionCluster;
	try {
		answer = await client.collectionCluster(collection, signal);
	} catch (error) {
		if (statusOf(error) === 404) return [`${client.server} does not know the collection`];
		throw error;
	}
	const { peer_id: own, local_shards: local, remote_shards: remote, shard_transfers: transfers } = answer;
	const late = [...local, ...remote].flatMap(({ shard_id: id, peer_id: peerId = own, state }) =>
		state === 'Active' || !clients.has(peerId) ? [] : [`shard ${id} on peer ${peerId} is ${state}`],
	);
	if (late.length === 0 && transfers.length > 0) late.push(`${client.server} sees shards being transferred`);
	return late;
}

/**
 * The peers that a shard's snapshot has to go to: all that hold a replica of it.
 * @throws BackupError TARGET_UNREACHABLE where one that the cluster reads from is out of reach: it would stay as it is
 */
export function replicaHolders(shard: Shard, topology: Topology, collection: string): QdrantClient[] {
	if (!topology.isCluster) return [topology.client];
	const holders: QdrantClient[] = [];
	for (const { peerId, state } of shard.replicas) {
		const client = topology.clients.get(peerId);
		if (client) holders.push(client);
		else if (state === 'Active') throw outOfReach(shard, collection, `peer ${peerId} holds a replica and`);
	}
	if (holders.length === 0) throw outOfReach(shard, collection, 'every peer that holds a replica');
	return holders;
}

function outOfReach({ id }: Shard, collection: string, who: string): BackupError {
	return new BackupError(
		'TARGET_UNREACHABLE',
		`Shard ${id} of ${collection} cannot be restored: ${who} cannot be reached over HTTP.`,
		{ hint: "Start that peer, or give the addresses of all peers' HTTP interfaces." },
	);
}
