import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startQdrant } from '../../../services/qdrant';
import { check, membersOf, points, snapshotServer, SnapshotServer, vectorOf } from './snapshots';

let qdrant: SnapshotServer;
beforeAll(async () => {
	qdrant = new SnapshotServer(await startQdrant());
});
afterAll(() => qdrant.server.stop());

const PLAIN = { size: 4, distance: 'Cosine' };

async function snapshotOf(name: string) {
	const report = await check(await qdrant.snapshot(`/collections/${name}/snapshots`));
	expect(report.findings).toEqual([]);
	expect(report).toMatchObject({ type: 'collection', intact: true });
	return report.collections[0]!;
}

describe('a snapshot of a collection', () => {
	it('is intact when it is empty', async () => {
		await qdrant.create('empty', { vectors: PLAIN });
		expect(await snapshotOf('empty')).toMatchObject({ points: 0, shards: [{ id: 0, isLocal: true, points: 0 }] });
		await qdrant.call('PUT', '/collections/empty/index?wait=true', { field_name: 'n', field_schema: 'integer' });
		expect(await snapshotOf('empty')).toMatchObject({ points: 0, payloadSchema: { n: 'integer' } });
	});

	it('counts points of both kinds of ids, through updates and deletes', async () => {
		await qdrant.create('plain', { vectors: PLAIN });
		const uuid = '00000000-0000-4000-8000-00000000000a';
		await qdrant.put('plain', [...points(50, (index) => vectorOf(4, index)), { id: uuid, vector: [1, 2, 3, 4] }]);
		await qdrant.put(
			'plain',
			points(60, (index) => vectorOf(4, index + 1)),
		);
		await qdrant.call('POST', '/collections/plain/points/delete?wait=true', { points: [1, 2, 3, uuid] });
		await qdrant.put('plain', [{ id: 2, vector: [1, 2, 3, 4] }]);
		const content = await snapshotOf('plain');
		expect(content.points).toBe(58);
		expect(content.points).toBe(await qdrant.count('plain'));
		expect(content).toMatchObject({ formatVersion: '0.4.2', config: { params: { vectors: PLAIN, shard_number: 1 } } });
	});

	it('counts points of an indexed, quantized segment that has lost some', async () => {
		await qdrant.create('indexed', {
			vectors: { size: 64, distance: 'Cosine' },
			optimizers_config: { indexing_threshold: 10, default_segment_number: 1, deleted_threshold: 0.9 },
			quantization_config: { scalar: { type: 'int8' } },
		});
		await qdrant.put(
			'indexed',
			points(2000, (index) => vectorOf(64, index)),
		);
		let indexed = 0;
		while (indexed < 2000) {
			await sleep(100);
			const info = await qdrant.call<{ indexed_vectors_count: number; status: string }>('GET', '/collections/indexed');
			indexed = info.status === 'green' ? info.indexed_vectors_count : 0;
		}
		await qdrant.call('POST', '/collections/indexed/points/delete?wait=true', { points: [5, 6, 7] });
		await qdrant.put(
			'indexed',
			points(20, (index) => vectorOf(64, index + 5)),
		);
		expect(await snapshotOf('indexed')).toMatchObject({ points: await qdrant.count('indexed') });
	});

	it('knows named vectors of any name, several of one point, sparse ones, and none that are dense', async () => {
		const long = 'v'.repeat(150);
		await qdrant.create('named', {
			vectors: {
				[long]: { size: 4, distance: 'Dot', on_disk: true },
				'b/ü': { size: 3, distance: 'Euclid', multivector_config: { comparator: 'max_sim' } },
			},
			sparse_vectors: { words: { index: { on_disk: true } } },
		});
		const vector = (index: number) => ({
			[long]: vectorOf(4, index),
			'b/ü': [vectorOf(3, index), vectorOf(3, index + 1)],
			words: { indices: [1, 5], values: [0.5, index] },
		});
		await qdrant.put('named', points(20, vector));
		expect(await snapshotOf('named')).toMatchObject({ points: 20 });
		await qdrant.create('sparse', { sparse_vectors: { words: {} } });
		await qdrant.put(
			'sparse',
			points(3, (index) => ({ words: { indices: [index], values: [1] } })),
		);
		expect(await snapshotOf('sparse')).toMatchObject({ points: 3 });
	});

	it('knows payload indexes and storage on disk', async () => {
		await qdrant.create('fields', { vectors: { ...PLAIN, on_disk: true }, hnsw_config: { on_disk: true } });
		const text = { type: 'text', tokenizer: 'word', on_disk: true };
		for (const [field_name, field_schema] of [
			['city', 'keyword'],
			['n', 'integer'],
			['text', text],
		]) {
			await qdrant.call('PUT', '/collections/fields/index?wait=true', { field_name, field_schema });
		}
		await qdrant.put(
			'fields',
			points(50, (index) => vectorOf(4, index)),
		);
		expect(await snapshotOf('fields')).toMatchObject({
			points: 50,
			payloadSchema: { city: 'keyword', n: 'integer', text },
		});
	});

	it('has every shard', async () => {
		await qdrant.create('three', { vectors: PLAIN, shard_number: 3 });
		await qdrant.put(
			'three',
			points(90, (index) => vectorOf(4, index)),
		);
		const { shards, points: total } = await snapshotOf('three');
		expect(total).toBe(90);
		expect(shards.map(({ id }) => id)).toEqual([0, 1, 2]);
	});
});

describe('other snapshots', () => {
	it('knows those of a single shard, stored and streamed', async () => {
		await qdrant.create('sharded', { vectors: PLAIN, shard_number: 2 });
		await qdrant.put(
			'sharded',
			points(40, (index) => vectorOf(4, index)),
		);
		let total = 0;
		for (const id of [0, 1]) {
			const stored = await check(await qdrant.snapshot(`/collections/sharded/shards/${id}/snapshots`));
			const streamed = await check(await qdrant.download(`/collections/sharded/shards/${id}/snapshot`));
			for (const report of [stored, streamed]) {
				expect(report).toMatchObject({ type: 'shard', intact: true, findings: [], collections: [] });
			}
			expect(streamed.shard?.points).toBe(stored.shard?.points);
			total += stored.shard?.points ?? NaN;
		}
		expect(total).toBe(40);
	});

	it('knows the full one of a storage, with the names and aliases of its collections', async () => {
		const own = await snapshotServer();
		for (const name of ['one', 'two']) await own.create(name, { vectors: PLAIN });
		await own.put(
			'two',
			points(7, (index) => vectorOf(4, index)),
		);
		const actions = [{ create_alias: { collection_name: 'two', alias_name: 'deux' } }];
		await own.call('POST', '/collections/aliases', { actions });
		const snapshot = await own.snapshot('/snapshots');
		const report = await check(snapshot);
		expect(report).toMatchObject({ type: 'storage', intact: true, findings: [], aliases: { deux: 'two' } });
		const counts = report.collections.map(({ name, points }) => [name, points]).sort();
		expect(counts).toEqual([
			['one', 0],
			['two', 7],
		]);
		const members = await membersOf(snapshot);
		expect(members.map(({ name }) => name).filter((name) => name.endsWith('.snapshot'))).toHaveLength(2);
	});

	it('says whose shards are not in it, for one of a node of a cluster', async () => {
		const first = await snapshotServer({ cluster: {} });
		const second = await snapshotServer({ cluster: { bootstrap: first.server.peerUrl! } });
		while ((await second.call<{ peers: object }>('GET', '/cluster')).peers === undefined) await sleep(50);
		for (let peers = 0; peers < 2; await sleep(50)) {
			peers = Object.keys((await first.call<{ peers: object }>('GET', '/cluster')).peers).length;
		}
		await first.create('spread', { vectors: PLAIN, shard_number: 4 });
		await first.put(
			'spread',
			points(40, (index) => vectorOf(4, index)),
		);
		const reports = await Promise.all(
			[first, second].map(async (peer) => await check(await peer.snapshot('/collections/spread/snapshots'))),
		);
		const local = reports.flatMap(({ collections }) => collections[0]!.shards.filter(({ isLocal }) => isLocal));
		expect(local.map(({ id }) => id).sort()).toEqual([0, 1, 2, 3]);
		expect(local.reduce((sum, { points }) => sum + points!, 0)).toBe(40);
		for (const { intact, findings } of reports) {
			expect(intact).toBe(true);
			expect(findings).toEqual([
				{ severity: 'warning', where: '', what: expect.stringMatching(/other peers/) as string },
			]);
		}
		await first.create('keyed', { vectors: PLAIN, sharding_method: 'custom', replication_factor: 2 });
		for (const shard_key of ['eu', 7]) await first.call('PUT', '/collections/keyed/shards', { shard_key });
		await first.put(
			'keyed',
			points(10, (index) => vectorOf(4, index)),
			{ shard_key: 'eu' },
		);
		const keyed = await check(await second.snapshot('/collections/keyed/snapshots'));
		expect(keyed).toMatchObject({ intact: true, findings: [] });
		expect(keyed.collections[0]!.points).toBe(10);
		expect(keyed.collections[0]!.shardKeys.map(({ key }) => key).sort()).toEqual([7, 'eu']);
	});
});

describe('a snapshot of tens of megabytes', () => {
	it('is checked whatever the pieces it comes in, with payloads that leave holes in its files', async () => {
		await qdrant.create('large', { vectors: PLAIN });
		for (let batch = 0; batch < 4; batch++) {
			const payload = (index: number) => createHash('sha512').update(String(index)).digest('hex').repeat(100);
			const many = points(200, (index) => vectorOf(4, index)).map((point, index) => ({
				...point,
				id: batch * 200 + index,
				payload: index % 3 ? { a: payload(index) } : { a: '\0'.repeat(40_000) },
			}));
			await qdrant.put('large', many);
		}
		const snapshot = await qdrant.snapshot('/collections/large/snapshots');
		await fc.assert(
			fc.asyncProperty(fc.integer({ min: 512, max: 1 << 20 }), async (pieces) => {
				expect(await check(snapshot, pieces)).toMatchObject({ intact: true, size: snapshot.length, findings: [] });
			}),
			{ numRuns: 5 },
		);
	});
});
