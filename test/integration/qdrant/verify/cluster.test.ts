import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { listServerSnapshots, type QdrantConnection } from '../../../../engine/qdrant';
import { testRestore } from '../../../../engine/qdrant/verify/testRestore';
import { startQdrant, type QdrantServer } from '../../../services/qdrant';
import { startQdrantCluster } from '../../../services/qdrant-cluster';
import { ask, at, fill, plainShape } from '../../../services/qdrant-data';
import { altered, backUp, connectionTo, failure, filesBelow, type Backup } from '../support';
import { joined, membersOf, withContent } from '../snapshot/snapshots';
import { contentOf, gathering, rawOf } from './support';

let peers: QdrantServer[];
let single: QdrantServer;
const backups = new Map<string, Backup>();
const NAMES = ['one replica', 'two replicas', 'shard keys'];

/** All peers listen on one host here, so their ports cannot be guessed. */
function connection(): QdrantConnection {
	return { ...connectionTo(peers[0]!), peerUrls: peers.map(({ url }) => url) };
}

beforeAll(async () => {
	[peers, single] = await Promise.all([startQdrantCluster(3), startQdrant()]);
	const [first] = peers as [QdrantServer];
	for (const replicas of [1, 2]) {
		const name = NAMES[replicas - 1]!;
		const settings = { vectors: { size: 8, distance: 'Cosine' }, shard_number: 3, replication_factor: replicas };
		await ask(first, 'PUT', at(name), settings);
		await ask(first, 'PUT', at(name, '/index?wait=true'), { field_name: 'group', field_schema: 'keyword' });
		await fill(first, name, plainShape(8), { count: 1000 });
	}
	await ask(first, 'PUT', at('shard keys'), { vectors: { size: 8, distance: 'Cosine' }, sharding_method: 'custom' });
	for (const [key, shards] of Object.entries({ east: 2, west: 1 })) {
		await ask(first, 'PUT', at('shard keys', '/shards'), { shard_key: key, shards_number: shards });
		const points = Array.from({ length: 60 }, (_value, index) => ({
			id: index + (key === 'east' ? 0 : 1000),
			vector: plainShape(8).vector(() => Math.sin(index)),
		}));
		await ask(first, 'PUT', at('shard keys', '/points?wait=true'), { points, shard_key: key });
	}
	for (const name of NAMES) backups.set(name, await backUp(first, name, { connection: connection() }));
});
afterAll(async () => {
	await Promise.all([...(peers ?? []), single].map((server) => server?.stop()));
});

async function collections(of: QdrantServer): Promise<string[]> {
	const { collections: found } = await ask<{ collections: { name: string }[] }>(of, 'GET', '/collections');
	return found.map(({ name }) => name).sort();
}

/** The other peers hear of a deletion a moment later. */
async function isAsBefore(peer: QdrantServer): Promise<void> {
	await expect.poll(() => collections(peer)).toEqual([...NAMES].sort());
}

describe("a cluster's backup passes", () => {
	it.each(NAMES)('by its content, with %s', async (name) => {
		const { manifest, open } = backups.get(name)!;
		const { counts, errors, warnings } = await contentOf(await open());
		expect({ errors, warnings }).toEqual({ errors: [], warnings: [] });
		const { points, shards } = manifest.counts;
		expect(counts).toMatchObject({ points, shards });
	});

	it.each(NAMES)('restored into the cluster, with %s', async (name) => {
		const { manifest, open } = backups.get(name)!;
		const { context, result } = gathering();
		const counts = await testRestore(await open(), { connection: connection() }, context);
		expect(result).toMatchObject({ errors: [], warnings: [], inconclusive: [] });
		expect(counts).toMatchObject({ ...manifest.counts, sampled: 100, searched: 100, compared: 100 });
		for (const peer of peers) await isAsBefore(peer);
		expect(await listServerSnapshots(connection())).toEqual([]);
	});

	it('restored into a single server', async () => {
		const { context, result } = gathering();
		const reader = await backups.get('two replicas')!.open();
		const counts = await testRestore(reader, { connection: connectionTo(single) }, context);
		expect(result).toMatchObject({ errors: [], inconclusive: [] });
		expect(counts).toMatchObject({ points: 1000, shards: 3, compared: 0 });
		expect(await collections(single)).toEqual([]);
	});
});

describe("a cluster's backup fails", () => {
	it('whose shards were left out, swapped or added to', async () => {
		const reader = await backups.get('one replica')!.open();
		const [json, zero, one, two] = await membersOf(await rawOf(reader));
		const missing = await contentOf(reader, joined([json, zero, two]));
		expect(missing.errors).toEqual(['shard-1.snapshot: It is missing.']);
		const swapped = await contentOf(
			reader,
			joined([json, withContent(zero!, one!.content), withContent(one!, zero!.content), two]),
		);
		expect(swapped.errors).toHaveLength(2);
		const added = await contentOf(reader, joined([json, zero, one, two, zero]));
		expect(added.errors).toEqual(['shard-0.snapshot: It is there twice.']);
		const bare = await contentOf(reader, joined([zero, one, two]));
		expect(bare.errors).toEqual(['collection.json: It is missing.']);
	});

	it('that is cut off, or of which one bit has changed', async () => {
		const reader = await backups.get('one replica')!.open();
		const raw = await rawOf(reader);
		for (let step = 0; step < 12; step++) {
			const place = Math.floor((step * raw.length) / 12);
			expect((await contentOf(reader, raw.subarray(0, place))).errors).not.toEqual([]);
			const flipped = Buffer.from(raw);
			flipped[place]! ^= 1 << (step % 8);
			const { errors } = await contentOf(reader, flipped);
			expect({ place, errors }).toMatchObject({ place, errors: expect.arrayContaining([expect.any(String)]) });
		}
	});

	it('that holds far fewer points than were counted', async () => {
		const backup = altered(backups.get('one replica')!, { points: { before: 5000, after: 5000 } });
		expect((await contentOf(await backup.open())).errors).toEqual([
			'It holds 1000 points; 5000 were counted when it was made.',
		]);
	});
});

describe('a cluster', () => {
	it('is left as it was by a cancel', async () => {
		for (const delay of [0, 50, 150]) {
			const controller = new AbortController();
			const log = (line: string) =>
				void (
					line.startsWith('Restoring shard 1') &&
					(delay === 0 ? controller.abort() : setTimeout(() => controller.abort(), delay))
				);
			const { context } = gathering({ log, signal: controller.signal });
			const reader = await backups.get('two replicas')!.open();
			const run = testRestore(reader, { connection: connection() }, context);
			// A fast machine may be done before.
			if (delay === 0) await failure(run, 'CANCELLED');
			else await run.catch((error: unknown) => expect(error).toMatchObject({ code: 'CANCELLED' }));
			for (const peer of peers) {
				await isAsBefore(peer);
				expect(filesBelow(join(peer.folder, 'snapshots'))).toEqual([]);
			}
		}
	});

	it("says that a single server's backup cannot be tried there", async () => {
		await ask(single, 'PUT', at('alone'), { vectors: { size: 4, distance: 'Dot' } });
		const backup = await backUp(single, 'alone');
		await ask(single, 'DELETE', at('alone'));
		const { context } = gathering();
		const run = testRestore(await backup.open(), { connection: connection() }, context);
		expect((await failure(run, 'INVALID_INPUT')).message).toContain('the target is a cluster');
	});
});
