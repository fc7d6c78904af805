import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { compileGlob } from '../../../../engine/retention/policy/key-filters';
import { dateInName } from '../../../../engine/retention/survey/name-date';
import { Zone } from '../../../../engine/retention/policy/zone';

describe('a pattern', () => {
	it.each([
		['shop_*.sql.gz', 'postgres/shop_20260131.sql.gz', true],
		['shop_*.sql.gz', 'postgres/shop_20260131xsql.gz', false],
		['shop_*.sql.gz', 'postgres/old_shop_1.sql.gz', false],
		['*.sql', 'a/b/c.sql', true],
		['dumps/*.sql', 'dumps/x.sql', true],
		['dumps/*.sql', 'dumps/below/x.sql', false],
		['dumps/*.sql', 'old/dumps/x.sql', false],
		['/*.sql', 'x.sql', true],
		['/*.sql', 'dumps/x.sql', false],
		['/dumps/*.sql', 'dumps/x.sql', true],
		['backup-?.tar', 'backup-7.tar', true],
		['backup-?.tar', 'backup-12.tar', false],
		['größe (1)[a].*', 'größe (1)[a].sql', true],
	])('%s on %s: %s', (pattern, key, matches) => {
		expect(compileGlob(pattern)(key)).toBe(matches);
	});

	it('matches itself where it holds no star and no question mark', () => {
		fc.assert(
			fc.property(
				fc.string({ minLength: 1 }).filter((text) => !/[*?/]/.test(text)),
				(text) => {
					expect(compileGlob(text)(`folder/${text}`)).toBe(true);
				},
			),
		);
	});
});

describe('the date in a name', () => {
	const zone = new Zone('Europe/Berlin');
	it.each([
		['shop_20260131_020000.sql.gz', '2026-01-31T01:00:00.000Z', 'shop_*.sql.gz'],
		['shop-2026-07-15T02:30:05.sql', '2026-07-15T00:30:05.000Z', 'shop-*.sql'],
		['shop_2026-07-15_02-30.dump', '2026-07-15T00:30:00.000Z', 'shop_*.dump'],
		['shop.2026.07.15.tar', '2026-07-14T22:00:00.000Z', 'shop.*.tar'],
		['20260715-shop.tar', '2026-07-14T22:00:00.000Z', '*-shop.tar'],
		['backup_202607150230.sql', '2026-07-15T00:30:00.000Z', 'backup_*.sql'],
	])('%s is %s', (name, moment, stem) => {
		const found = dateInName(name, zone);
		expect([found?.moment.toISOString(), found?.stem]).toEqual([moment, stem]);
	});

	it.each([
		'shop.sql',
		'shop_20261331.sql',
		'shop_20260230.sql',
		'order_1202607151.sql',
		'v1.2.3.tar',
		'shop_19990101.sql',
	])('%s has none', (name) => {
		expect(dateInName(name, zone)).toBeUndefined();
	});
});
