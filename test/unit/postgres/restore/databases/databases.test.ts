import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { checkDatabaseName, suffixedName } from '../../../../../engine/postgres/restore/databases/databases';
import { parseDatabaseGrant } from '../../../../../engine/postgres/restore/databases/properties';

describe('suffixedName', () => {
	it('keeps the suffix and as much of the name as fits, in whole characters', () => {
		expect(suffixedName('shop', '_before')).toBe('shop_before');
		expect(suffixedName('ü'.repeat(40), '_before')).toBe(`${'ü'.repeat(28)}_before`);
		fc.assert(
			fc.property(fc.string({ unit: 'grapheme', maxLength: 80 }), (name) => {
				const result = suffixedName(name, '_before_20260101_000000');
				expect(Buffer.byteLength(result)).toBeLessThanOrEqual(63);
				expect(name.startsWith(result.slice(0, -'_before_20260101_000000'.length))).toBe(true);
				expect(Buffer.from(result).toString()).toBe(result);
			}),
		);
	});
});

describe('checkDatabaseName', () => {
	it('takes what PostgreSQL keeps whole, counted in bytes, and nothing else', () => {
		for (const name of ['a', 'x'.repeat(63), 'ü'.repeat(31), `odd "name" 100%`]) checkDatabaseName(name);
		for (const name of ['', 'x'.repeat(64), 'ü'.repeat(32), 'a\0b']) {
			expect(() => checkDatabaseName(name)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
		}
	});
});

describe('parseDatabaseGrant', () => {
	it.each([
		['=Tc/owner', { grantee: undefined, privileges: ['TEMPORARY', 'CONNECT'], grantable: [] }],
		[
			'a_b=C*Tc*/owner',
			{ grantee: 'a_b', privileges: ['CREATE', 'TEMPORARY', 'CONNECT'], grantable: ['CREATE', 'CONNECT'] },
		],
		['"odd ""=/role"=c/"o w"', { grantee: 'odd "=/role', privileges: ['CONNECT'], grantable: [] }],
		['Ünï=c/owner', { grantee: 'Ünï', privileges: ['CONNECT'], grantable: [] }],
	])('reads %s', (item, grant) => expect(parseDatabaseGrant(item)).toEqual(grant));
});
