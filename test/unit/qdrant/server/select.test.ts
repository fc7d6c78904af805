import { expect, it } from 'vitest';

import { selectCollections } from '../../../../engine/qdrant/server/select';

const all = ['b', 'a', 'a+b', 'logs.1', 'logs-2', 'Größe'];

it.each([
	[{}, ['Größe', 'a', 'a+b', 'b', 'logs-2', 'logs.1']],
	[{ exclude: ['logs*', 'a?b'] }, ['Größe', 'a', 'b']],
	[{ names: ['b', 'a'] }, ['a', 'b']],
	[{ names: ['b'], patterns: ['logs.?'] }, ['b', 'logs.1']],
	[{ patterns: ['a+*'] }, ['a+b']],
	[{ patterns: ['Gr??e'] }, ['Größe']],
	[{ patterns: ['*'], exclude: ['*'] }, []],
	[{ patterns: ['*g*?'] }, ['logs.1', 'logs-2']],
	[{ patterns: ['**b**'] }, ['b', 'a+b']],
	[{ patterns: ['l*s*-*2'] }, ['logs-2']],
])('%j', (selection, expected) => {
	expect(selectCollections(all, selection)).toEqual([...expected].sort());
});

it('says what there is when nothing fits', () => {
	expect(() => selectCollections(all, { names: ['c'] })).toThrow('There is no collection c.');
	expect(() => selectCollections(all, { patterns: ['c*'] })).toThrow('No collection fits the pattern c*.');
});

it('is done with a pattern of many stars at once', () => {
	const name = `${'a'.repeat(200)}b`;
	// As a regular expression it would take longer than anybody waits.
	expect(() => selectCollections([name], { patterns: [`${'*a'.repeat(30)}*c`] })).toThrow('No collection fits');
	expect(selectCollections([name], { patterns: [`${'*a'.repeat(30)}*b`] })).toEqual([name]);
});
