import { describe, expect, it } from 'vitest';

import { largestObject, MAX_OBJECT_BYTES, MAX_PARTS, partSizeFor } from '../../../../engine/storage/s3/part-size';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

describe('the size of the parts of an upload', () => {
	it('is the smallest as long as the parts hold what is expected, and where nothing is', () => {
		expect(partSizeFor(16 * MIB, MAX_PARTS, undefined)).toBe(16 * MIB);
		expect(partSizeFor(16 * MIB, MAX_PARTS, 0)).toBe(16 * MIB);
		expect(partSizeFor(16 * MIB, MAX_PARTS, 150 * GIB)).toBe(16 * MIB);
		expect(partSizeFor(64 * MIB, MAX_PARTS, 150 * GIB)).toBe(64 * MIB);
	});

	it.each([5 * MIB, 16 * MIB, 1024 * MIB])(
		'lets 10,000 parts hold any object of S3, beginning with %d bytes',
		(least) => {
			for (let bytes = MIB; bytes <= MAX_OBJECT_BYTES; bytes *= 2) {
				const size = partSizeFor(least, MAX_PARTS, bytes);
				expect(size * MAX_PARTS).toBeGreaterThanOrEqual(bytes);
				expect(size).toBeLessThanOrEqual(Math.max(least, 536 * MIB));
			}
			expect(partSizeFor(least, MAX_PARTS, MAX_OBJECT_BYTES) * MAX_PARTS).toBeGreaterThanOrEqual(MAX_OBJECT_BYTES);
		},
	);

	it('leaves room for an object that is somewhat larger than expected', () => {
		const expected = 700 * GIB;
		expect(partSizeFor(16 * MIB, MAX_PARTS, expected) * MAX_PARTS).toBeGreaterThan(expected * 1.01);
	});

	it('is larger where the server takes fewer parts, and ends at 1 GiB', () => {
		expect(partSizeFor(16 * MIB, 1000, 150 * GIB)).toBe(157 * MIB);
		expect(partSizeFor(16 * MIB, 1000, 4 * MAX_OBJECT_BYTES)).toBe(GIB);
		expect(partSizeFor(5 * MIB, 1, 3 * GIB)).toBe(GIB);
		expect(largestObject(1000)).toBe(1000 * GIB);
		expect(largestObject(MAX_PARTS)).toBe(MAX_OBJECT_BYTES);
	});
});
