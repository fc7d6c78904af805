import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
	formatLsn,
	historyName,
	isSegmentSize,
	parseHistoryName,
	parseLsn,
	parseSegmentName,
	segmentName,
	segmentStart,
} from '../../../../engine/postgres/physical/lsn';

const MIB = 1024 ** 2;
const lsns = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const sizes = fc.integer({ min: 0, max: 10 }).map((power) => MIB * 2 ** power);

describe('a position in the log', () => {
	it('is written as PostgreSQL writes it', () => {
		expect(formatLsn(0x16_b374_d848n)).toBe('16/B374D848');
		expect(formatLsn(0n)).toBe('0/0');
		expect(parseLsn(' a/3f000028 ')).toBe(0xa_3f00_0028n);
	});

	it('is the same after it was written and read', () => {
		fc.assert(fc.property(lsns, (lsn) => parseLsn(formatLsn(lsn)) === lsn));
	});

	it.each(['', '16', '16/', '/1', '1/123456789', '1/G', '0x1/2', '1/2/3'])('is not %j', (text) => {
		expect(() => parseLsn(text)).toThrow('is no position in the write-ahead log');
	});
});

describe('a segment', () => {
	it('is called as pg_walfile_name calls it', () => {
		// SELECT pg_walfile_name(...) of PostgreSQL 15, with segments of 16 MB and of 1 MB.
		expect(segmentName(1, 0xa_3f00_0028n, 16 * MIB)).toBe('000000010000000A0000003F');
		expect(segmentName(0x2b, 0xa_3f10_0028n, MIB)).toBe('0000002B0000000A000003F1');
		expect(segmentName(1, 0xff_ffff_ffffn, 1024 * MIB)).toBe('00000001000000FF00000003');
	});

	it('holds the positions from its start to the next one', () => {
		fc.assert(
			fc.property(lsns, sizes, fc.integer({ min: 1, max: 2 ** 32 - 1 }), (lsn, bytes, timeline) => {
				const startLsn = segmentStart(lsn, bytes);
				expect(lsn - startLsn).toBeLessThan(BigInt(bytes));
				expect(parseSegmentName(segmentName(timeline, lsn, bytes), bytes)).toEqual({ timeline, startLsn });
			}),
		);
	});

	it.each([
		'000000010000000A0000003',
		'000000010000000A0000003F.partial',
		'000000000000000A0000003F',
		'000000010000000A00000100',
		'000000010000000a0000003f',
	])('of 16 MiB is not called %s', (name) => {
		expect(parseSegmentName(name, 16 * MIB)).toBeUndefined();
	});

	it('has a power of two from 1 MiB to 1 GiB as its size', () => {
		const given = [MIB / 2, MIB, 3 * MIB, 16 * MIB, 1024 * MIB, 2048 * MIB, 16 * MIB + 1];
		expect(given.map(isSegmentSize)).toEqual([false, true, false, true, true, false, false]);
	});
});

it('The history of a timeline has a file of its name', () => {
	expect(historyName(0x1f)).toBe('0000001F.history');
	expect(['0000001F.history', '00000000.history', '1F.history', '0000001F'].map(parseHistoryName)).toEqual([
		0x1f,
		undefined,
		undefined,
		undefined,
	]);
});
