import { expect, it } from 'vitest';

import { KeysAbove } from '../../../engine/minio/keysAbove';
import { compareNames } from '../../../engine/tree';

it('an object is told that another one lies below it, whatever comes between the two', () => {
	const keys = [
		'a',
		'a!',
		'a/',
		'a/b',
		'a/b/c',
		'a/b0',
		'a//x',
		'ab',
		'b/',
		'b/c',
		'c',
		'c-/d',
		'c/d',
		'd',
		'd',
		'd/',
		'/e',
		'/e/f',
	];
	const above = new KeysAbove();
	const told = keys.sort(compareNames).map((key) => [key, above.of(key)]);
	expect(told.filter(([, of]) => of !== undefined)).toEqual([
		['/e/f', '/e'],
		['a//x', 'a'],
		['a/b', 'a'],
		['a/b/c', 'a/b'],
		['a/b0', 'a'],
		['c/d', 'c'],
	]);
});
