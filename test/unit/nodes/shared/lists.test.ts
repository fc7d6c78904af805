import { expect, it } from 'vitest';
import { splitList, unquoted } from '../../../../nodes/shared/lists';

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

it('refuses what is neither a text nor a list of texts, by its name', () => {
	for (const value of [5, {}, true, [5], ['a', null]]) {
		expect(() => splitList(value, 'Tags')).toThrow(
			expect.objectContaining({
				code: 'INVALID_INPUT',
				message: expect.stringMatching(/^Tags is /) as string,
			}) as Error,
		);
	}
});

it('takes the quotes off a name', () => {
	expect(['shop', '"My ""Shop"""', 'a"b'].map(unquoted)).toEqual(['shop', 'My "Shop"', 'a"b']);
});
