import { setTimeout as sleep } from 'node:timers/promises';

import { cancelled } from '../../errors';
import { findShards, type Replica, type Shard, type Topology } from '../cluster';
import type { RestoreContext } from './load';

const POLL_MS = 250;
/** How long all must look right: the peers hear of replicas that are out of date only after the upload's answer. */
const STEADY_MS = 1500;
const WITHIN_MS = 10 * 60 * 1000;
/** Numbers of points are rough, so they are not waited for as long. */
const EQUAL_WITHIN_MS = 8000;

/**
 * Waits until the cluster has filled the other replicas of shards that were restored. A fact of 1.16.3: the answer to the
 * upload comes before the peers know that the other replicas are out of date; for a moment all are said to be active, and
 * whoever counts meanwhile counts empty ones. So all replicas must be active, and the same in number of points, for a
 * while, and no transfer between them under way.
 *
 * The same before the first upload: replicas of a collection that was just made are Initializing for a while after the
 * answer, and one that misses an operation then (the making of an index) is filled from another, empty one; that may come
 * after the upload, and takes the restored points away again.
 * @returns Shards whose replicas are all active, yet hold different numbers of points: seen now and then with several
 * replicas, where the cluster has missed that the others were out of date
 */
export async function replicasFilled(context: RestoreContext, collection: string): Promise<Shard[]> {
	const { topology, signal, warnings } = context;
	const startedAt = Date.now();
	let steadySince: number | undefined;
	let activeSince: number | undefined;
	for (;;) {
		const shards = await findShards(topology, collection, signal);
		const now = Date.now();
		const inactive = inactiveReplicas(shards, topology);
		const unequal = unequalShards(shards);
		const { shard_transfers: transfers } = await topology.client.collectionCluster(collection, signal);
		const isRight =
			transfers.length === 0 &&
			inactive.length === 0 &&
			(unequal.length === 0 || now - (activeSince ?? now) > EQUAL_WITHIN_MS);
		steadySince = isRight ? (steadySince ?? now) : undefined;
		if (steadySince !== undefined && now - steadySince >= STEADY_MS) return unequal;
		if (now - startedAt > WITHIN_MS) {
			warnings.push(`The cluster has not yet filled all replicas: ${inactive.join(', ')}.`);
			return [];
		}
		await sleep(POLL_MS, undefined, { signal }).catch(() => {
			throw cancelled();
		});
	}
}

function inactiveReplicas(shards: Shard[], { clients }: Topology): string[] {
	const isLate = ({ peerId, state }: Replica) => state !== 'Active' && clients.has(peerId);
	return shards.flatMap(({ id, replicas }) =>
		replicas.filter(isLate).map(({ peerId, state }) => `shard ${id} on peer ${peerId} is ${state}`),
	);
}

function unequalShards(shards: Shard[]): Shard[] {
	return shards.filter(({ replicas }) => {
		const counts = replicas.map(({ points }) => points).filter((points) => points !== undefined);
		return new Set(counts).size > 1;
	});
}
