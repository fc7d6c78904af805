import { afterAll, beforeAll, expect, it } from 'vitest';
import type { QdrantServer } from '../services/qdrant';
import { startQdrantCluster } from '../services/qdrant-cluster';
import { ask, at, contentHash, fill, plainShape, snapshotNames } from '../services/qdrant-data';
import { inProcessN8n } from './harness';
import { backup, type Json, type NodeRunner } from './node-runner';
import { NODE_TYPE, snapshotNode } from './qdrant-support';

const n8n = await inProcessN8n();
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
	({ node } = await snapshotNode(n8n, first));
	options = { peerUrls: peers.map(({ url }) => url).join(', ') };
});

/** A snapshot as an incoming item tells of it. */
const incoming = (incomingSnapshot: Json) => ({ whichSnapshot: 'incoming', incomingSnapshot, options });

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
	const [one, ...others] = found;
	const away = found.find(({ server }) => server !== first.url)!;
	const url = `${away['server']}/collections/spread/snapshots/${away['name']}`;
	const reached = { peerUrls: first.url };
	const unasked = { snapshot: { __rl: true, mode: 'url', value: url }, options: reached };
	expect(await node.fails('deleteServerSnapshots', unasked)).toMatch(
		/no snapshot .* on the peers that can be reached; nothing was deleted\. Peer \d+ .*cannot be reached/,
	);
	const { results } = await n8n.searchList({
		nodeType: NODE_TYPE,
		credentials: node.credentials,
		parameters: { operation: 'deleteServerSnapshots', options },
		methodName: 'searchServerSnapshots',
		path: 'parameters.snapshot',
		filter: one!['server'],
	});
	expect(results).toEqual([
		{
			name: expect.stringMatching(/^20.* UTC · spread · \d.*B · spread-.*\.snapshot · http:/),
			value: `${one!['server']}/collections/spread/snapshots/${one!['name']}`,
		},
	]);
	const snapshot = { __rl: true, mode: 'list', value: results[0]!.value };
	expect(await node.ok('deleteServerSnapshots', { snapshot, options })).toEqual([{ ...one, deleted: true }]);
	expect(await node.ok('listServerSnapshots', { options })).toEqual(others);
	for (const { name, collection } of others) await node.ok('deleteServerSnapshots', incoming({ name, collection }));
	expect(await node.ok('listServerSnapshots', { options })).toEqual([]);
});

it('deletes the snapshot of the shard and the peer that are named, and no other', async () => {
	const { local_shards: shards } = await ask<{ local_shards: { shard_id: number }[] }>(
		first,
		'GET',
		at('spread', '/cluster'),
	);
	const shard = shards[0]!.shard_id;
	const { name } = await ask<{ name: string }>(first, 'POST', at('spread', `/shards/${shard}/snapshots?wait=true`));
	const named = { name, collection: 'spread' };
	expect(await node.fails('deleteServerSnapshots', incoming(named))).toMatch(/no snapshot .* of the collection spread/);
	const elsewhere = { ...named, shard, server: peers[1]!.url };
	expect(await node.fails('deleteServerSnapshots', incoming(elsewhere))).toMatch(/no snapshot .* of shard/);
	expect(await node.ok('listServerSnapshots', { options })).toMatchObject([{ name, shard, server: first.url }]);
	const here = { ...named, shard, server: first.url };
	expect(await node.ok('deleteServerSnapshots', incoming(here))).toMatchObject([{ name, shard, deleted: true }]);
	expect(await node.ok('listServerSnapshots', { options })).toEqual([]);
});
