import { afterAll, beforeAll, expect, it } from 'vitest';
import type { QdrantServer } from '../services/qdrant';
import { startQdrantCluster } from '../services/qdrant-cluster';
import { ask, at, contentHash, fill, plainShape, snapshotNames } from '../services/qdrant-data';
import { sharedN8n } from './harness';
import { backup, type Json, type NodeRunner } from './node-runner';
import { snapshotNode } from './qdrant-support';

let peers: QdrantServer[];
let first: QdrantServer;
let node: NodeRunner;
/** The peers share a host and differ by their ports, which nobody can guess. */
let options: Json;

beforeAll(async () => {
	peers = await startQdrantCluster(2);
	[first] = peers as [QdrantServer];
	await ask(first, 'PUT', at('spread'), { vectors: { size: 8, distance: 'Cosine' }, shard_number: 3 });
	await fill(first, 'spread', plainShape(8), { count: 300 });
	({ node } = await snapshotNode(sharedN8n(), first));
	options = { peerUrls: peers.map(({ url }) => url).join(', ') };
});

afterAll(async () => {
	await Promise.all((peers ?? []).map((peer) => peer.stop()));
});

it('backs every shard up, from whichever peer holds it, and restores them all', async () => {
	const wanted = await contentHash(first, 'spread');
	const [made] = await node.ok('backUp', { options });
	expect(made).toMatchObject({
		collection: 'spread',
		file: expect.stringMatching(/^spread_\d{8}_\d{6}\.tar\.zst$/),
		points: 300,
		shards: 3,
	});
	for (const peer of peers) expect(await snapshotNames(peer, 'spread')).toEqual([]);
	const parameters = { ...backup('id', made!['id']), target: 'newCollection', targetCollection: 'copy', options };
	expect(await node.ok('restore', parameters)).toMatchObject([{ collection: 'copy', points: 300, warnings: [] }]);
	expect(await contentHash(first, 'copy')).toBe(wanted);
});

it('refuses to call a part of a cluster a backup, and says what is missing', async () => {
	const failed = await node.fails('backUp');
	expect(failed).toMatch(/shard/i);
	expect(await node.ok('listBackups', { returnAll: true })).toHaveLength(1);
	expect(await node.fails('backUp', { collectionMode: 'storage', options })).toMatch(
		/one peer alone.*all collections/s,
	);
});

it('lists the snapshots of all peers', async () => {
	for (const peer of peers) await ask(peer, 'POST', at('spread', '/snapshots?wait=true'));
	const found = await node.ok('listServerSnapshots', { snapshotCollections: ['spread'], options });
	expect(found.map(({ server }) => server as string).sort()).toEqual(peers.map(({ url }) => url).sort());
	for (const { name, collection } of found) {
		await node.ok('deleteServerSnapshots', { snapshotName: name, snapshotCollection: collection, options });
	}
	expect(await node.ok('listServerSnapshots', { options })).toEqual([]);
});
