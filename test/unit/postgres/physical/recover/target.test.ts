import { describe, expect, test } from 'vitest';

import {
	formatTime,
	parseRestorePoint,
	parseTime,
	parseTransaction,
	readableTime,
} from '../../../../../engine/postgres/physical/recover/target';

const utc = (text: string) => Date.parse(text) * 1000;

describe('the time of a recovery', () => {
	test.each([
		['2026-11-28T20:36:07Z', utc('2026-11-28T20:36:07Z')],
		['2026-11-28 21:36:07.5+01:00', utc('2026-11-28T20:36:07.500Z')],
		['2026-11-28 20:36:07.123456+00', utc('2026-11-28T20:36:07Z') + 123_456],
		['2026-11-28 20:36:07.1234567891+00', utc('2026-11-28T20:36:07Z') + 123_456],
		['2026-11-28T15:06:07-0530', utc('2026-11-28T20:36:07Z')],
		['2026-11-28 20:36 Z', utc('2026-11-28T20:36:00Z')],
		['2026-11-28Z', utc('2026-11-28T00:00:00Z')],
		['2026-11-28T20:36:07.000-03', utc('2026-11-28T23:36:07Z')],
	])('is read to the microsecond, with its zone: %s', (text, time) => {
		expect(parseTime(text)).toBe(time);
	});

	test.each(['2026-11-28T20:36:07', '2026-11-28 20:36', '2026-11-28'])('must have a zone: %s', (text) => {
		expect(() => parseTime(text)).toThrow(/is no time with a zone/);
	});

	test.each(['', 'yesterday', '2026-13-01T00:00:00Z', '2026-02-30T00:00:00Z', '2026-11-28T25:00:00Z', '1764362167'])(
		'is refused where it is none: %j',
		(text) => {
			expect(() => parseTime(text)).toThrow(/is no time\./);
		},
	);

	test.each([
		['2026-11-28 21:36:07.000042+01', '2026-11-28T20:36:07.000042Z'],
		['2026-11-28T20:36:07.5Z', '2026-11-28T20:36:07.5Z'],
		['2026-11-28T20:30:00Z', '2026-11-28T20:30:00Z'],
	])('%s is told to people in a form that they may give again', (given, told) => {
		expect(readableTime(parseTime(given))).toBe(told);
		expect(parseTime(told)).toBe(parseTime(given));
	});

	test('is told to PostgreSQL in UTC, to the microsecond', () => {
		expect(formatTime(parseTime('2026-11-28 21:36:07.000042+01'))).toBe('2026-11-28 20:36:07.000042+00');
	});
});

describe('the transaction of a recovery', () => {
	test('is a number of 32 bits that is no special one', () => {
		expect(parseTransaction(' 4294967295 ')).toBe(4_294_967_295);
		expect(parseTransaction('3')).toBe(3);
	});

	test.each(['2', '4294967296', '-5', '1e3', '', '0x10'])('is refused where it is none: %j', (text) => {
		expect(() => parseTransaction(text)).toThrow(/is no number of a transaction/);
	});
});

describe('the restore point of a recovery', () => {
	test('is called what it was called, without spaces around it', () => {
		expect(parseRestorePoint(' before the upgrade ')).toBe('before the upgrade');
	});

	test.each(['', 'x'.repeat(64), 'ä'.repeat(32), 'a\nb'])(
		'is refused where PostgreSQL has none of that name: %j',
		(name) => {
			expect(() => parseRestorePoint(name)).toThrow(/is no name of a restore point/);
		},
	);
});
