import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { openArchive } from '../../../engine/archive';
import { collectionSource } from '../../../engine/qdrant';
import { startQdrant, type QdrantServer } from '../../services/qdrant';
import {
	ask,
	at,
	contentHash,
	countPoints,
	createPlain,
	dense,
	fill,
	type PointShape,
	plainShape,
	snapshotNames,
} from '../../services/qdrant-data';
import { backUp, filesBelow, restore } from './support';

let server: QdrantServer;
let other: QdrantServer;

beforeAll(async () => {
	[server, other] = await Promise.all([startQdrant({ apiKey: 'key' }), startQdrant()]);
});
afterAll(async () => {
	await Promise.all([server?.stop(), other?.stop()]);
});

const sparse = (random: () => number) => ({
	indices: [1, 5, 7 + Math.floor(random() * 100)],
	values: [0.5, random(), random()],
});

interface Kind {
	what: string;
	settings: object;
	shape: PointShape;
	indexes?: Record<string, unknown>;
	count?: number;
	/** Of all its shards. */
	segments?: number;
}

const kinds: Kind[] = [
	{
		what: 'named, sparse and multi vectors',
		settings: {
			vectors: {
				text: { size: 16, distance: 'Dot' },
				image: { size: 8, distance: 'Euclid', on_disk: true, hnsw_config: { m: 8 } },
				tokens: { size: 4, distance: 'Cosine', multivector_config: { comparator: 'max_sim' } },
			},
			sparse_vectors: { words: { index: { on_disk: true }, modifier: 'idf' } },
			shard_number: 2,
		},
		shape: {
			vector: (random) => ({
				text: dense(16)(random),
				image: dense(8)(random),
				tokens: [dense(4)(random), dense(4)(random)],
				words: sparse(random),
			}),
		},
	},
	{
		what: 'sparse vectors alone',
		settings: { sparse_vectors: { words: {} } },
		shape: { vector: (random) => ({ words: sparse(random) }) },
	},
	{
		what: 'scalar quantization and half floats on disk',
		settings: {
			vectors: { size: 32, distance: 'Cosine', on_disk: true, datatype: 'float16' },
			quantization_config: { scalar: { type: 'int8', quantile: 0.99, always_ram: true } },
			on_disk_payload: true,
			hnsw_config: { m: 4, on_disk: true },
		},
		shape: { vector: dense(32) },
	},
	{
		what: 'product and binary quantization',
		settings: {
			vectors: {
				a: { size: 32, distance: 'Cosine', quantization_config: { product: { compression: 'x16' } } },
				b: { size: 64, distance: 'Dot', quantization_config: { binary: {} } },
			},
			optimizers_config: { indexing_threshold: 100 },
		},
		shape: { vector: (random) => ({ a: dense(32)(random), b: dense(64)(random) }) },
	},
	{
		what: 'payload indexes of every type',
		settings: { vectors: { size: 4, distance: 'Manhattan' } },
		indexes: {
			keyword: 'keyword',
			tenant: { type: 'keyword', is_tenant: true, on_disk: true },
			integer: { type: 'integer', lookup: true, range: true },
			float: 'float',
			flag: 'bool',
			place: 'geo',
			when: 'datetime',
			uuid: 'uuid',
			text: { type: 'text', tokenizer: 'word', min_token_len: 2, lowercase: true },
			'nested.deep[].value': 'integer',
		},
		shape: {
			vector: dense(4),
			payload: (id, random) => ({
				keyword: `k${id % 5}`,
				tenant: 't1',
				integer: id,
				float: random(),
				flag: id % 2 === 0,
				place: { lon: 13.4, lat: 52.5 },
				when: '2026-01-31T02:00:00Z',
				uuid: '550e8400-e29b-41d4-a716-446655440000',
				text: 'Ein Satz mit Umlauten: Größe',
				nested: { deep: [{ value: id }, { value: null }] },
			}),
		},
	},
	{
		what: 'several segments in each of its shards',
		settings: {
			vectors: { size: 8, distance: 'Cosine' },
			optimizers_config: { default_segment_number: 3 },
			shard_number: 2,
		},
		shape: plainShape(8),
		segments: 6,
	},
	{
		what: 'no points at all',
		settings: { vectors: { size: 4, distance: 'Cosine' } },
		shape: { vector: dense(4) },
		count: 0,
	},
	{ what: 'no vectors at all', settings: { vectors: {} }, shape: { vector: () => ({}) }, count: 50 },
];

describe('a collection comes back as it was', () => {
	it.each(kinds)('with $what', async ({ what, settings, shape, indexes = {}, count = 400, segments }) => {
		await ask(server, 'PUT', at(what), settings);
		for (const [field, schema] of Object.entries(indexes)) {
			await ask(server, 'PUT', at(what, '/index?wait=true'), { field_name: field, field_schema: schema });
		}
		await fill(server, what, shape, { count });
		const backup = await backUp(server, what);
		const report = await restore(other, backup, { type: 'newCollection', collection: what });
		expect(report).toMatchObject({ collection: what, points: count, expectedPoints: count, warnings: [] });
		expect(await contentHash(other, what)).toBe(await contentHash(server, what));
		const [was, is] = await Promise.all([ask<Info>(server, 'GET', at(what)), ask<Info>(other, 'GET', at(what))]);
		expect(is.config).toEqual({ metadata: {}, ...was.config });
		expect(is.payload_schema).toEqual(was.payload_schema);
		// As many as a server makes of a collection by itself, which the servers of tests do not.
		if (segments !== undefined) expect([was.segments_count, is.segments_count]).toEqual([segments, segments]);
		expect(await snapshotNames(server, what)).toEqual([]);
		expect(await snapshotNames(other, what)).toEqual([]);
	});

	interface Info {
		config: object;
		payload_schema: object;
		segments_count: number;
	}

	it('under a name of letters that URLs and files do not take', async () => {
		const name = 'Größe & 50% #x+y; \u{1F600}';
		await createPlain(server, name, 20);
		const backup = await backUp(server, name);
		await restore(other, backup, { type: 'newCollection', collection: `${name} neu` });
		expect(await contentHash(other, `${name} neu`)).toBe(await contentHash(server, name));
		expect(await snapshotNames(other, `${name} neu`)).toEqual([]);
	});

	it('with 10,000 points, whose bytes are counted while they come', async () => {
		await ask(server, 'PUT', at('large'), { vectors: { size: 16, distance: 'Cosine', on_disk: true } });
		await fill(server, 'large', plainShape(16), { count: 10_000, batch: 5000 });
		const progress: number[] = [];
		const backup = await backUp(server, 'large', { onProgress: ({ bytes }) => progress.push(bytes) });
		expect(progress.at(-1)).toBe(backup.manifest.size.raw);
		await restore(other, backup, { type: 'newCollection', collection: 'large' });
		expect(await contentHash(other, 'large')).toBe(await contentHash(server, 'large'));
	});
});

describe('the archive', () => {
	it('is the snapshot to the byte, and tells all that a snapshot does not', async () => {
		await createPlain(server, 'told', 300);
		await ask(server, 'POST', '/collections/aliases', {
			actions: [{ create_alias: { collection_name: 'told', alias_name: 'told_alias' } }],
		});
		const { manifest, root } = await backUp(server, 'told', { tags: ['nightly'], runId: 'run' });
		expect(filesBelow(root)).toEqual([
			`qdrant/${manifest.file}`,
			`qdrant/${manifest.file}.manifest.json`,
			'qdrant/told_latest',
		]);
		expect(manifest).toMatchObject({
			kind: 'qdrant',
			name: 'told',
			counts: { points: 300, shards: 1 },
			runId: 'run',
			tags: ['nightly'],
			warnings: [],
		});
		expect(manifest.file).toMatch(/^told_\d{8}_\d{6}\.snapshot\.zst$/);
		const source = collectionSource(manifest);
		expect(source).toMatchObject({
			version: '1.16.3',
			form: 'snapshot',
			aliases: ['told_alias'],
			points: { before: 300, after: 300 },
			payloadSchema: { group: { data_type: 'keyword' } },
			shards: [{ id: 0 }],
		});
		expect(JSON.stringify(manifest)).not.toContain('"key"');
		const raw = execFileSync('zstd', ['-dcq', join(root, 'qdrant', manifest.file)], { maxBuffer: 2 ** 30 });
		expect(createHash('sha256').update(raw).digest('hex')).toBe(source.snapshot?.sha256);
		expect(raw.length).toBe(source.snapshot?.size);
	});

	it('opens with stock tools: curl uploads it', async () => {
		await createPlain(server, 'by hand', 100);
		const { manifest, root } = await backUp(server, 'by hand', { codec: { name: 'none' } });
		const answer = execFileSync('curl', [
			'-sSf',
			'-F',
			`snapshot=@${join(root, 'qdrant', manifest.file)}`,
			`${other.url}${at('by hand')}/snapshots/upload?priority=snapshot&checksum=${manifest.sha256}`,
		]);
		expect(JSON.parse(answer.toString())).toMatchObject({ result: true });
		expect(await countPoints(other, 'by hand')).toBe(100);
	});

	it('is opened by its passphrase', async () => {
		await createPlain(server, 'secret', 100);
		const backup = await backUp(server, 'secret', { encryption: { passphrase: 'sesame' } });
		expect(readFileSync(join(backup.root, 'qdrant', backup.manifest.file)).subarray(0, 1)[0]! & 0x80).toBe(0x80);
		expect(backup.manifest.file).toMatch(/\.snapshot\.zst\.gpg$/);
		const open = () =>
			openArchive(backup.storage, { manifest: backup.manifest, folder: 'qdrant' }, { passphrase: 'sesame' });
		await restore(other, { ...backup, open }, { type: 'newCollection', collection: 'secret' });
		expect(await contentHash(other, 'secret')).toBe(await contentHash(server, 'secret'));
	});
});
