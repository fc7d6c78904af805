import { expect, it } from 'vitest';

import { bytesOfPoint } from '../../../../engine/qdrant/backUp/backUpCollection';

it('a point is estimated by its vectors, and something for its payload', () => {
	expect(bytesOfPoint({ vectors: { size: 1536, distance: 'Cosine' } })).toBe(4096 + 8 * 1536);
	expect(bytesOfPoint({ vectors: { text: { size: 384 }, image: { size: 512 } } })).toBe(4096 + 8 * 896);
	expect(bytesOfPoint({ sparse_vectors: { words: {} } })).toBe(4096);
	expect(bytesOfPoint({ vectors: {} })).toBe(4096);
});
