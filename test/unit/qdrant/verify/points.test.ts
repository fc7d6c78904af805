import { describe, expect, it } from 'vitest';

import type { Json, JsonObject } from '../../../../engine/qdrant/client/types';
import { conditionOf } from '../../../../engine/qdrant/verify/payloadIndexes';
import type { SampledPoint } from '../../../../engine/qdrant/verify/samples';
import { identityScore, shapeProblem, vectorsOf, type NamedVector } from '../../../../engine/qdrant/verify/vectors';

const point = (vector: Json, payload: JsonObject = {}): SampledPoint => ({ id: 1, vector, payload });
const PARAMS: JsonObject = {
	vectors: { a: { size: 2, distance: 'Cosine' }, tokens: { size: 2, distance: 'Dot', multivector_config: {} } },
	sparse_vectors: { words: {} },
};

function problems(vector: Json, params = PARAMS): unknown[] {
	return vectorsOf(point(vector), params).map((found) => ('unknown' in found ? found : shapeProblem(found)));
}

describe("a point's vectors", () => {
	it('are as the settings of the collection say', () => {
		expect(problems([1, 2], { vectors: { size: 2, distance: 'Dot' } })).toEqual([undefined]);
		const all = {
			a: [1, 2],
			tokens: [
				[1, 2],
				[3, 4],
			],
			words: { indices: [7], values: [1] },
		} as Json;
		expect(problems(all)).toEqual([undefined, undefined, undefined]);
		expect(problems({})).toEqual([]);
	});

	it('are wrong where they have another shape, or are not numbers', () => {
		expect(problems({ a: [1, 2, 3] })).toEqual(['has 3 dimensions instead of 2']);
		expect(problems({ tokens: [[1, 2], [3]] })).toEqual(['has 1 dimensions instead of 2']);
		expect(problems({ a: [1, null] })).toEqual(['holds what is no number']);
		expect(problems({ words: { indices: [1, 2], values: [1] } })).toEqual(['has 2 indices for 1 values']);
		expect(problems({ other: [1] })).toEqual([{ unknown: 'other' }]);
	});

	it('compare with themselves as their distance says', () => {
		const vector = (distance: string): NamedVector => ({ name: '', value: [3, 4], size: 2, distance });
		expect(['Cosine', 'Dot', 'Euclid', 'Manhattan'].map((name) => identityScore(vector(name)))).toEqual([1, 25, 0, 0]);
		expect(identityScore({ ...vector('Dot'), value: [[3, 4]] })).toBeUndefined();
		expect(identityScore({ name: '', value: { indices: [], values: [] }, size: undefined, distance: undefined })).toBe(
			undefined,
		);
	});
});

describe('a condition that a point meets', () => {
	const payload: JsonObject = {
		city: 'Rome',
		tags: [1, 'a', 'b'],
		nested: { list: [{ n: null }, { n: 5 }], deep: { on: false } },
		where: { lon: 1, lat: 2 },
		when: '2026-01-31',
		id: '550e8400-e29b-41d4-a716-446655440000',
		big: '9007199254740993',
	};
	const condition = (field: string, type: string, params?: JsonObject) =>
		conditionOf(field, { data_type: type, ...(params && { params }) }, point([], payload));

	it('is by the first value of the type that the index has', () => {
		expect(condition('city', 'keyword')).toEqual({ key: 'city', match: { value: 'Rome' } });
		expect(condition('tags', 'keyword')).toEqual({ key: 'tags', match: { value: 'a' } });
		expect(condition('nested.list[].n', 'integer')).toEqual({ key: 'nested.list[].n', match: { value: 5 } });
		expect(condition('nested.deep.on', 'bool')).toEqual({ key: 'nested.deep.on', match: { value: false } });
		expect(condition('where', 'geo')).toMatchObject({ geo_radius: { center: { lon: 1, lat: 2 } } });
		expect(condition('when', 'datetime')).toEqual({ key: 'when', range: { gte: '2026-01-31', lte: '2026-01-31' } });
		expect(condition('id', 'uuid')).toMatchObject({ match: { value: payload['id'] } });
		const ranges = { type: 'integer', lookup: false, range: true };
		expect(condition('nested.list[].n', 'integer', ranges)).toMatchObject({ range: { gte: 5, lte: 5 } });
	});

	it('is none where there is no such value, or none that could be asked for', () => {
		expect(condition('country', 'keyword')).toBeUndefined();
		expect(condition('nested.list.n', 'integer')).toBeUndefined();
		expect(condition('city', 'integer')).toBeUndefined();
		expect(condition('city', 'uuid')).toBeUndefined();
		expect(condition('city', 'text')).toBeUndefined();
		expect(condition('big', 'integer')).toBeUndefined();
		expect(condition('"a.b"', 'keyword')).toBeUndefined();
	});
});
