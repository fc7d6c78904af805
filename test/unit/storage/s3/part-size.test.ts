import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { MAX_OBJECT_BYTES, MAX_PARTS, partSizeOf } from '../../../../engine/storage/s3/part-size';

const MIB = 1024 * 1024;

describe('partSizeOf', () => {
	it('lets 10,000 parts hold 5 TiB, whatever the first size, and stays within 1 GiB', () => {
		fc.assert(
			fc.property(fc.integer({ min: 5 * MIB, max: 1024 * MIB }), (first) => {
				let total = 0;
				let last = first;
				for (let number = 1; number <= MAX_PARTS; number++) {
					const size = partSizeOf(first, number);
					expect(size).toBeGreaterThanOrEqual(last);
					expect(size).toBeLessThanOrEqual(1024 * MIB);
					last = size;
					total += size;
				}
				expect(total).toBeGreaterThanOrEqual(MAX_OBJECT_BYTES);
			}),
			{ numRuns: 8, examples: [[5 * MIB], [16 * MIB], [1024 * MIB], [1023 * MIB]] },
		);
	});

	it('keeps the first size for the first 15 GiB of 16 MiB parts', () => {
		expect(partSizeOf(16 * MIB, 1)).toBe(16 * MIB);
		expect(partSizeOf(16 * MIB, 972)).toBe(16 * MIB);
		expect(partSizeOf(16 * MIB, 973)).toBe(32 * MIB);
	});
});
