import { createHash } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import { MemberNames, ODD_KEYS_FOLDER } from '../../../engine/minio/memberNames';

const odd = (key: string) => `${ODD_KEYS_FOLDER}/${createHash('sha256').update(key).digest('hex')}`;

describe('the name of an object in a tar', () => {
	it.each(['/a', 'a//b', '../a', 'a/..', './a', 'a/', '.stack-backup-index/x', 'x'.repeat(256)])(
		'is made of a hash where the key %s can be no name of a file',
		(key) => {
			expect(new MemberNames().nameOf(key)).toBe(odd(key));
		},
	);

	it('is made of a hash for what lies below another object', () => {
		const names = new MemberNames();
		const keys = ['a', 'a!', 'a-b', 'a-b/c', 'a/b', 'a/b/c', 'ab', 'ab/c', 'b/a'];
		expect(keys.map((key) => names.nameOf(key) === key)).toEqual([
			true,
			true,
			true,
			false,
			false,
			false,
			true,
			false,
			true,
		]);
	});
});
