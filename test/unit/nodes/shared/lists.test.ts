import { expect, it } from 'vitest';
import { splitList } from '../../../../nodes/shared/lists';

it('separates by commas and line breaks, but not inside quotes', () => {
	expect(splitList('users, public."Order, Lines"\n"a ""b"", c",,  log_* ')).toEqual([
		'users',
		'public."Order, Lines"',
		'"a ""b"", c"',
		'log_*',
	]);
});

it('takes what an expression gives', () => {
	expect(splitList(['a, b', 'c', ''])).toEqual(['a, b', 'c']);
	expect(splitList(undefined)).toEqual([]);
	expect(splitList('')).toEqual([]);
});
