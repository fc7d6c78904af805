import type { QdrantServer } from '../../../services/qdrant';
import { ask, at, dense, fill, type PointShape } from '../../../services/qdrant-data';

interface Kind {
	settings: object;
	shape: PointShape;
	indexes?: Record<string, unknown>;
	count: number;
}

const sparse = (random: () => number) => ({
	indices: [1, 5, 7 + Math.floor(random() * 100)],
	values: [0.5, random(), 1],
});

/** Collections of every sort, by name. */
export const KINDS: Record<string, Kind> = {
	'named, sparse and multi vectors': {
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
		count: 400,
	},
	'sparse vectors, some of them empty': {
		settings: { sparse_vectors: { words: {} } },
		shape: { vector: (random) => ({ words: random() < 0.5 ? { indices: [], values: [] } : sparse(random) }) },
		count: 200,
	},
	'quantized half floats and bytes': {
		settings: {
			vectors: {
				half: { size: 32, distance: 'Cosine', on_disk: true, datatype: 'float16' },
				bytes: { size: 16, distance: 'Cosine', datatype: 'uint8' },
				bits: { size: 64, distance: 'Dot', quantization_config: { binary: {} } },
			},
			quantization_config: { scalar: { type: 'int8', quantile: 0.99, always_ram: true } },
			on_disk_payload: true,
			optimizers_config: { indexing_threshold: 50 },
		},
		shape: {
			vector: (random) => ({
				half: dense(32)(random),
				bytes: Array.from({ length: 16 }, () => Math.floor(random() * 256)),
				bits: dense(64)(random),
			}),
		},
		count: 1500,
	},
	'payload indexes of every type': {
		settings: { vectors: { size: 4, distance: 'Manhattan' } },
		indexes: {
			keyword: 'keyword',
			tenant: { type: 'keyword', is_tenant: true, on_disk: true },
			integer: { type: 'integer', lookup: true, range: true },
			ranges_only: { type: 'integer', lookup: false, range: true },
			lookups_only: { type: 'integer', lookup: true, range: false },
			float: 'float',
			flag: 'bool',
			place: 'geo',
			when: 'datetime',
			uuid: 'uuid',
			text: { type: 'text', tokenizer: 'word', min_token_len: 2, lowercase: true },
			'nested.deep[].value': 'integer',
			list: 'keyword',
		},
		shape: {
			vector: dense(4),
			payload: (id, random) => ({
				keyword: `k${id % 5}`,
				tenant: 't1',
				integer: id,
				ranges_only: id * 7,
				lookups_only: -id,
				float: random(),
				flag: id % 2 === 0,
				place: { lon: 13.4 + random(), lat: 52.5 },
				when: `2026-01-31T02:00:${String(id % 60).padStart(2, '0')}.123456+02:00`,
				uuid: '550e8400-e29b-41d4-a716-446655440000',
				text: 'Ein Satz mit Umlauten: Größe',
				nested: { deep: [{ value: null }, { value: id }] },
				list: ['a', `b${id}`],
			}),
		},
		count: 300,
	},
	'no points': { settings: { vectors: { size: 4, distance: 'Cosine' } }, shape: { vector: dense(4) }, count: 0 },
	'no vectors': { settings: { vectors: {} }, shape: { vector: () => ({}) }, count: 50 },
	'ids beyond 2^53, zero vectors': {
		settings: { vectors: { size: 4, distance: 'Cosine' } },
		shape: { vector: (random) => (random() < 0.2 ? [0, 0, 0, 0] : dense(4)(random)) },
		count: 60,
	},
};

export async function createKind(server: QdrantServer, name: string): Promise<void> {
	const { settings, shape, indexes = {}, count } = KINDS[name]!;
	await ask(server, 'PUT', at(name), settings);
	for (const [field, schema] of Object.entries(indexes)) {
		await ask(server, 'PUT', at(name, '/index?wait=true'), { field_name: field, field_schema: schema });
	}
	await fill(server, name, shape, { count });
	if (!name.startsWith('ids')) return;
	// By hand: such ids are no numbers of JavaScript.
	const points = ['18446744073709551615', '9007199254740993', '"550e8400-e29b-41d4-a716-446655440000"'];
	const body = `{"points":[${points.map((id) => `{"id":${id},"vector":[1,2,3,4]}`).join()}]}`;
	await fetch(`${server.url}${at(name, '/points?wait=true')}`, {
		method: 'PUT',
		headers: { 'content-type': 'application/json' },
		body,
	});
}
