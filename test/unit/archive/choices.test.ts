import { expect, it } from 'vitest';

import { BackupError } from '../../../engine/errors';
import { PARALLEL, wholeNumber } from '../../../engine/archive';

it.each([1, 2, 32])('takes %s', (value) => expect(wholeNumber(value, 'Parallel Connections', PARALLEL)).toBe(value));

it.each([
	[0, '0'],
	[-2, '-2'],
	[33, '33'],
	[1.5, '1.5'],
	[Number.NaN, 'NaN'],
	[Number.POSITIVE_INFINITY, 'Infinity'],
	['', '""'],
	['2', '"2"'],
	[null, 'null'],
	[undefined, 'undefined'],
	[{}, '{}'],
	[[2], '[2]'],
])('refuses %j by its name', (value, given) => {
	expect(() => wholeNumber(value, 'Parallel Connections', PARALLEL)).toThrow(
		new BackupError('INVALID_INPUT', `Parallel Connections is ${given}.`, {
			hint: 'Give a whole number from 1 to 32.',
		}),
	);
});
