import { createHash } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import {
	isVersionName,
	memberOfVersion,
	nameOfVersion,
	partsOfVersion,
	titleOf,
} from '../../../../engine/minio/versions/names';
import { bytesOf, compareNames, nameOf } from '../../../../engine/tree';

const TIME = BigInt(Date.UTC(2026, 0, 31, 2, 0, 0, 123)) * 1_000_000n;
const MEMBER = '20260131T020000.123000000Z_v1';
const KEYS = [
	'\u0001',
	'\u0001\u0001',
	'\u0001\u0001a',
	'\u0001\u0002',
	'\u0001a',
	'a',
	'a\u0001',
	'a\u0001b',
	'a!',
	'a/',
	'a/b',
	'ab',
	'é',
	'😀',
	'\u{10ffff}',
];

describe('the name of a version', () => {
	it('comes after every key, and keeps the order of keys', () => {
		const sorted = [...KEYS].sort(compareNames);
		const names = sorted.map((key) => nameOfVersion(key, TIME, 'v1'));
		expect([...names].sort(compareNames)).toEqual(names);
		for (const name of names) for (const key of KEYS) expect(compareNames(key, name)).toBeLessThan(0);
	});

	it('has the versions of a key in order of their times', () => {
		const times = [0n, TIME, TIME + 1n, TIME + 1_000_000n, TIME * 2n];
		const names = times.map((time, index) => nameOfVersion('a', time, `v${9 - index}`));
		expect([...names].sort(compareNames)).toEqual(names);
	});

	it('gives the key back, and is its own bytes', () => {
		for (const key of KEYS) {
			const name = nameOfVersion(key, TIME, 'v1');
			expect(partsOfVersion(name)).toEqual({ key, moment: MEMBER });
			expect(isVersionName(name)).toBe(true);
			expect(nameOf(bytesOf(name))).toBe(name);
			expect(JSON.parse(JSON.stringify(name))).toBe(name);
			expect(partsOfVersion(key)).toBeUndefined();
		}
	});

	it('has a hash for an id that can be no part of a path', () => {
		const { moment } = partsOfVersion(nameOfVersion('a', TIME, '3/L4kqtJlcpXroDTDmJ'))!;
		expect(moment).toMatch(/Z_[0-9a-f]{64}$/);
	});

	it('is a path of its key and time in the tar, and a hash of that where it can be none', () => {
		expect(memberOfVersion(nameOfVersion('docs/a.txt', TIME, 'v1'))).toBe(
			`.stack-backup-versions/docs/a.txt/${MEMBER}`,
		);
		const hashed = (path: string) => `.stack-backup-objects/${createHash('sha256').update(path).digest('hex')}`;
		for (const key of ['/a', 'a//b', 'folder/', '../a', `a/${MEMBER}`, `a/${MEMBER}/b`]) {
			const name = nameOfVersion(key, TIME, 'v1');
			expect(memberOfVersion(name)).toBe(hashed(`.stack-backup-versions/${key}/${MEMBER}`));
		}
	});

	it('is told to people by its key and time', () => {
		expect(titleOf(nameOfVersion('docs/a.txt', TIME, 'v1'))).toBe('docs/a.txt of 2026-01-31 02:00:00 UTC');
	});
});
