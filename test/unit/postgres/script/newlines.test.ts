import fc from 'fast-check';
import { expect, it } from 'vitest';

import { countNewlines } from '../../../../engine/postgres/script/newlines';

it('counts the line feeds in any bytes, wherever they begin in memory', () => {
	const bytes = fc.array(fc.oneof(fc.constantFrom(10, 9, 11, 138, 0, 255), fc.nat(255)), { maxLength: 100 });
	fc.assert(
		fc.property(bytes, fc.nat(7), (values, offset) => {
			const buffer = Buffer.from([...Array<number>(offset).fill(10), ...values]).subarray(offset);
			expect(countNewlines(buffer)).toBe(values.filter((value) => value === 10).length);
		}),
		{ numRuns: 2000 },
	);
});
