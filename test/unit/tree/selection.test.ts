import { expect, it } from 'vitest';

import { Selection, type SelectionChoices } from '../../../engine/tree';

/** Keys that S3 allows, and no file system. */
const ODD = ['a/../b', 'a/./b', 'a//b', 'a/..', 'a/b', 'a/c\nd', '/a/b', './a/b', '..', 'b'];
const NAMES = ['a', 'a/', 'a/b', 'a/b/c.pdf', 'ab', 'b.pdf'];

it.each<[string, SelectionChoices, string[]]>([
	['everything', {}, NAMES],
	['what begins alike', { prefix: 'a/b' }, ['a/b', 'a/b/c.pdf']],
	['an entry with all that is in it', { name: 'a' }, ['a', 'a/', 'a/b', 'a/b/c.pdf']],
	['one entry alone', { exactly: 'a' }, ['a']],
	['one entry whose name ends with a slash alone', { exactly: 'a/' }, ['a/']],
	['what is in a folder', { include: ['a/'] }, ['a/b', 'a/b/c.pdf']],
	['what is in folders of any depth', { include: ['b/'] }, ['a/b/c.pdf']],
	['what is in a folder inside another one', { include: ['./a/b/'] }, ['a/b/c.pdf']],
	['what fits, as shells write it', { include: ['./a/*'] }, ['a/b']],
	['what fits, and does not fit something else', { include: ['*.pdf'], exclude: ['a'] }, ['b.pdf']],
])('takes %s', (_what, choices, wanted) => {
	const selection = new Selection(choices);
	expect(NAMES.filter((name) => selection.takes(name))).toEqual(wanted);
	expect(selection.isWhole).toBe(wanted.length === NAMES.length);
});

it('takes the characters of patterns in beginnings and names as they are', () => {
	const odd = 'a*[b](c|d)?{1,2}\\/';
	const names = [`${odd}x`, odd, 'ab/x', 'aab(c|d)/x', 'a*[b](c|d)/x'];
	const taken = (choices: SelectionChoices) => names.filter((name) => new Selection(choices).takes(name));
	expect(taken({ prefix: odd })).toEqual([`${odd}x`, odd]);
	expect(taken({ prefix: 'a*' })).toEqual([`${odd}x`, odd, 'a*[b](c|d)/x']);
	expect(taken({ name: odd.slice(0, -1) })).toEqual([`${odd}x`, odd]);
	expect(taken({ exactly: `${odd}x` })).toEqual([`${odd}x`]);
});

it.each<[string, SelectionChoices, string[]]>([
	['all of a folder', { include: ['a/'] }, ODD.slice(0, -2)],
	['all below a folder', { include: ['a/**'] }, ['a/../b', 'a/./b', 'a//b', 'a/..', 'a/b', 'a/c\nd']],
	['all of them', { include: ['**'] }, ODD],
	['what is called so in every folder', { include: ['b'] }, ['a/../b', 'a/./b', 'a//b', 'a/b', '/a/b', './a/b', 'b']],
	['what lies in a folder itself', { include: ['a/*'] }, ['a/..', 'a/b', 'a/c\nd']],
	['one key with a part of two dots', { include: ['a/../b'] }, ['a/../b']],
	['one key with an empty part', { include: ['a//b'] }, ['a//b']],
	['what begins with a slash, and without it', { include: ['/a/b'] }, ['a/b', '/a/b']],
	['what begins with a dot, and without it', { include: ['./a/b'] }, ['a/b', './a/b']],
	['what is not below a folder of two dots', { exclude: ['..'], include: ['a/**/b'] }, ['a/./b', 'a//b', 'a/b']],
	['what is in no such folder', { exclude: ['a/'] }, ['..', 'b']],
	['what is not called so', { exclude: ['**/b'] }, ['a/..', 'a/c\nd', '..']],
])('takes %s of keys that are no paths', (_what, choices, wanted) => {
	const selection = new Selection(choices);
	expect(ODD.filter((name) => selection.takes(name))).toEqual(wanted);
});

it('names patterns that fitted nothing but folders', () => {
	const of = (...include: string[]) => {
		const selection = new Selection({ include, exclude: ['out'] });
		for (const name of [...NAMES, 'out/x.txt']) selection.takes(name);
		return selection.warnings;
	};
	expect(of('*.pdf', './a/', 'ab')).toEqual([]);
	expect(of()).toEqual([]);
	expect(of('*.pfd', '*.pdf')).toEqual([expect.stringMatching(/^Nothing fits the pattern \*\.pfd\. .*slash/)]);
	expect(of('*.pdf', 'folder', '*.txt')).toEqual([expect.stringMatching(/the patterns folder, \*\.txt\. /)]);
	const folders = new Selection({ include: ['a'] });
	expect([folders.takes('a/'), folders.warnings.length]).toEqual([true, 1]);
	expect([folders.takes('a'), folders.warnings.length]).toEqual([true, 0]);
});
