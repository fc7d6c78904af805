import { afterAll, beforeAll, expect, it } from 'vitest';

import { backUp, connectionTo, failure, restore, temporaryStorage } from '../../integration/qdrant/support';
import { startQdrant, type QdrantServer } from '../../services/qdrant';
import { startQdrantCluster } from '../../services/qdrant-cluster';
import { ask, at, contentHash, fill, plainShape } from '../../services/qdrant-data';

// A cluster waits ten seconds and more for a peer that is gone.

let peers: QdrantServer[];
let single: QdrantServer;

beforeAll(async () => {
	[peers, single] = await Promise.all([startQdrantCluster(3), startQdrant()]);
	for (const replicas of [1, 2]) {
		const name = `r${replicas}`;
		const settings = { vectors: { size: 8, distance: 'Cosine' }, shard_number: 3, replication_factor: replicas };
		await ask(peers[0]!, 'PUT', at(name), settings);
		await ask(peers[0]!, 'PUT', at(name, '/index?wait=true'), { field_name: 'group', field_schema: 'keyword' });
		await fill(peers[0]!, name, plainShape(8), { count: 3000 });
	}
});
afterAll(async () => {
	await Promise.all([...(peers ?? []), single].map((server) => server?.stop()));
});

it('with a peer stopped, takes a collection of two replicas whole and refuses one of a single replica', async () => {
	const [first, second, third] = peers as [QdrantServer, QdrantServer, QdrantServer];
	const connection = { ...connectionTo(first), peerUrls: peers.map(({ url }) => url) };
	const whole = await contentHash(first, 'r2');
	await third.kill();
	const backup = await backUp(first, 'r2', { connection });
	expect(backup.manifest.counts).toMatchObject({ points: 3000, shards: 3 });
	await restore(single, backup, { type: 'newCollection', collection: 'r2 without third' });
	expect(await contentHash(single, 'r2 without third')).toBe(whole);
	const target = { type: 'newCollection', collection: 'r2 on two' } as const;
	await restore(first, backup, target, { connection });
	for (const peer of [first, second]) {
		expect(await contentHash(peer, 'r2 on two')).toBe(whole);
	}
	const { storage, files } = temporaryStorage();
	await failure(backUp(first, 'r1', { connection, storage } as object), 'SOURCE_FAILED');
	expect(files()).toEqual([]);

	await third.restart();
	const isActive = async () => {
		const { local_shards: local } = await ask<{ local_shards: { state: string }[] }>(
			third,
			'GET',
			at('r2 on two', '/cluster'),
		);
		return local.length > 0 && local.every(({ state }) => state === 'Active');
	};
	await expect.poll(isActive, { timeout: 60_000, interval: 250 }).toBe(true);
	expect(await contentHash(third, 'r2 on two')).toBe(whole);
});
