import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { archiveFileName, isFileOf, latestKey, safeName, timestamp } from '../../../engine/archive/naming';

const MOMENT = new Date('2026-01-31T23:30:05Z');

describe('safeName', () => {
	it.each([
		['shop', 'shop'],
		['Kundenübersicht', 'Kundenübersicht'],
		['顧客 データ', '顧客 データ'],
		['a/b', 'a%2Fb'],
		['a\\b', 'a%5Cb'],
		['100%', '100%25'],
		['..', '%2E%2E'],
		['.hidden', '%2Ehidden'],
		['-rf', '%2Drf'],
		['ends. ', 'ends.%20'],
		['what?"<>|:*', 'what%3F%22%3C%3E%7C%3A%2A'],
		['line\nbreak\0', 'line%0Abreak%00'],
		['tilde~', 'tilde%7E'],
		['hidden\u200bspace', 'hidden%E2%80%8Bspace'],
		['lone\ud800', 'lone%uD800'],
	])('maps %j to %s', (name, expected) => {
		expect(safeName(name)).toBe(expected);
	});

	it('refuses an empty name', () => {
		expect(() => safeName('')).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
	});

	it('gives different names different file names of bounded length, whatever they hold', () => {
		const unit = fc.oneof(
			fc.string({ unit: 'binary' }),
			fc.string(),
			fc.string({ unit: fc.constantFrom(...'./\\%~a'), maxLength: 300 }),
		);
		fc.assert(
			fc.property(unit, unit, (a, b) => {
				fc.pre(a !== '' && b !== '' && a !== b);
				expect(safeName(a)).not.toBe(safeName(b));
				expect(Buffer.byteLength(safeName(a))).toBeLessThanOrEqual(120);
				expect(safeName(a)).not.toMatch(/^[.-]|[/\\\0\n]|[. ]$/);
			}),
			{ numRuns: 500 },
		);
	});

	it('cuts a long name between characters and keeps two long ones apart', () => {
		const long = 'ü'.repeat(200);
		expect(safeName(`${long}a`)).toMatch(/^ü{51}~[0-9a-f]{16}$/);
		expect(safeName(`${long}a`)).not.toBe(safeName(`${long}b`));
		expect(safeName('/'.repeat(200))).toMatch(/^(%2F)+~[0-9a-f]{16}$/);
	});
});

describe('the name of an archive', () => {
	const options = { name: 'shop', extension: 'sql', startedAt: MOMENT, codec: 'zstd', encrypted: false } as const;

	it('carries name, time, extension, codec and encryption', () => {
		expect(archiveFileName(options)).toBe('shop_20260131_233005.sql.zst');
		expect(archiveFileName({ ...options, codec: 'gzip', encrypted: true })).toBe('shop_20260131_233005.sql.gz.gpg');
		expect(archiveFileName({ ...options, codec: 'none', attempt: 3 })).toBe('shop_20260131_233005_3.sql');
	});

	it('tells the time of the zone asked for', () => {
		expect(timestamp(MOMENT, 'Europe/Berlin')).toBe('20260201_003005');
		expect(timestamp(MOMENT, 'Asia/Kolkata')).toBe('20260201_050005');
		expect(timestamp(new Date('2026-06-01T00:00:00Z'), 'UTC')).toBe('20260601_000000');
	});

	it('refuses a zone that does not exist and an extension that is none', () => {
		expect(() => timestamp(MOMENT, 'Mars/Olympus')).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
		expect(() => archiveFileName({ ...options, extension: '../sql' })).toThrow(
			expect.objectContaining({ code: 'INVALID_INPUT' }),
		);
	});

	it('belongs to one name only', () => {
		expect(isFileOf('shop', 'shop_20260131_233005_2.sql.zst')).toBe(true);
		expect(isFileOf('shop', 'shop_eu_20260131_233005.sql.zst')).toBe(false);
		expect(isFileOf('a/b', 'a%2Fb_20260131_233005.sql')).toBe(true);
	});

	it('has a pointer beside it', () => {
		expect(latestKey('postgres', 'a/b')).toBe('postgres/a%2Fb_latest');
		expect(latestKey('', 'shop')).toBe('shop_latest');
	});
});
