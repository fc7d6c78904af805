import { expect, it } from 'vitest';

import { QdrantClient } from '../../../../engine/qdrant/client/client';
import type { CollectionCluster } from '../../../../engine/qdrant/client/types';
import { choosePeers, mergeShards } from '../../../../engine/qdrant/server/shards';
import { peerUrl, type Topology } from '../../../../engine/qdrant/server/topology';

const answer = (peer: string, local: [number, string][], remote: [number, string, string][]): CollectionCluster => ({
	peer_id: peer,
	shard_count: 3,
	local_shards: local.map(([id, state]) => ({ shard_id: id, state, points_count: 5 })),
	remote_shards: remote.map(([id, peerId, state]) => ({ shard_id: id, peer_id: peerId, state })),
	shard_transfers: [],
});

function topology(...reachable: string[]): Topology {
	const client = new QdrantClient({ url: 'http://127.0.0.1:1' }, 'source');
	const clients = new Map(reachable.map((id) => [id, client]));
	const peers = ['1', '2', '3'].map((id) => ({ id, uri: `http://q${id}:6335/`, client: clients.get(id) }));
	return { client, peers, clients, isCluster: true };
}

it('believes a peer about its own replicas', () => {
	const shards = mergeShards([
		answer(
			'1',
			[[0, 'Active']],
			[
				[0, '2', 'Active'],
				[1, '2', 'Active'],
			],
		),
		answer(
			'2',
			[
				[0, 'Dead'],
				[1, 'Partial'],
			],
			[
				[0, '1', 'Active'],
				[2, '3', 'Active'],
			],
		),
	]);
	expect(shards.map(({ id, activeOn }) => [id, activeOn])).toEqual([
		[0, ['1']],
		[1, []],
		[2, ['3']],
	]);
});

it('misses a shard that no peer tells of', () => {
	const shards = mergeShards([
		answer(
			'1',
			[
				[0, 'Active'],
				[2, 'Active'],
			],
			[],
		),
	]);
	expect(shards.map(({ id, replicas }) => [id, replicas.length])).toEqual([
		[0, 1],
		[1, 0],
		[2, 1],
	]);
	expect(() => choosePeers(shards, topology('1'), 'docs')).toThrow('shard 1 (on no peer) cannot be read');
});

it('spreads the shards over the peers', () => {
	const everywhere = answer(
		'1',
		[
			[0, 'Active'],
			[1, 'Active'],
			[2, 'Active'],
		],
		[
			[0, '2', 'Active'],
			[1, '2', 'Active'],
			[2, '2', 'Active'],
			[0, '3', 'Active'],
			[1, '3', 'Active'],
			[2, '3', 'Active'],
		],
	);
	const chosen = choosePeers(mergeShards([everywhere]), topology('1', '2', '3'), 'docs');
	expect(new Set(chosen.values()).size).toBe(3);
});

it('takes no replica that is not active or not reachable', () => {
	const shards = mergeShards([
		answer(
			'1',
			[
				[0, 'Active'],
				[1, 'Dead'],
				[2, 'Active'],
			],
			[
				[1, '2', 'Active'],
				[2, '3', 'Active'],
			],
		),
	]);
	expect(choosePeers(shards, topology('1', '2'), 'docs').get(1)).toBe('2');
	expect(() => choosePeers(shards, topology('1'), 'docs')).toThrow('shard 1 (peer 2: not reachable, peer 1: Dead)');
});

it.each([
	['http://qdrant:6333', 'http://qdrant-1:6335/', 'http://qdrant-1:6333/'],
	['https://a.example.com/base', 'http://10.0.0.7:6335/', 'https://10.0.0.7/base'],
	['http://[::1]:6333', 'http://[fd00::2]:6335/', 'http://[fd00::2]:6333/'],
])('guesses from %s and %s the address %s', (url, uri, expected) => {
	expect(peerUrl(url, uri)).toBe(expected);
});
