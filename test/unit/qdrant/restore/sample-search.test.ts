import { expect, it } from 'vitest';

import { sampleQuery } from '../../../../engine/qdrant/restore/sampleSearch';

const sparse = (indices: number[]) => ({ indices, values: indices });

it.each([
	[[[1, 2]], { query: [1, 2] }],
	[[[[1, 2]]], { query: [[1, 2]] }],
	[[[]], undefined],
	[[[[]]], undefined],
	[[{}, undefined, [3]], { query: [3] }],
	[[{ a: sparse([]), b: [1] }], { query: [1], using: 'b' }],
	[[{ a: sparse([]) }, { a: sparse([7]) }], { query: sparse([7]), using: 'a' }],
	[[{ many: [[1, 2], []], one: [5] }], { query: [5], using: 'one' }],
	[[], undefined],
])('of points with the vectors %j, searches by %j', (vectors, query) => {
	expect(sampleQuery(vectors.map((vector, id) => ({ id, vector: vector as never })))).toEqual(query);
});
