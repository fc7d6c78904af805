import { describe, expect, it } from 'vitest';

import { compare, type Fingerprint } from '../../../../../engine/qdrant/restore/swap/fingerprint';

function print(count: number | undefined, points: Record<string, string>): Fingerprint {
	return { count, points: new Map(Object.entries(points)) };
}

describe('what a collection is like after a restore whose outcome is unknown', () => {
	const fingerprints = {
		ids: [1, 2, 3, 4],
		old: print(100, { 1: 'a', 2: 'b', 3: 'c' }),
		fresh: print(120, { 1: 'a', 2: 'x', 4: 'd' }),
	};

	it.each([
		['old', print(100, { 1: 'a', 2: 'b', 3: 'c' })],
		['old', print(103, { 1: 'a', 2: 'written since', 3: 'c' })],
		['new', print(120, { 1: 'a', 2: 'x', 4: 'd' })],
		['new', print(121, { 1: 'a', 2: 'x', 4: 'written since' })],
		['new', print(undefined, { 1: 'a', 2: 'x', 4: 'd' })],
		// All that was sampled is there, and yet one point is not: a restore that broke off near its end.
		['broken', print(119, { 1: 'a', 2: 'x', 4: 'd' })],
		['broken', print(110, { 1: 'a', 2: 'x', 3: 'c' })],
		['broken', print(0, {})],
		['broken', print(60, { 3: 'c' })],
	])('is %s', (wanted, now) => {
		expect(compare(now, fingerprints)).toBe(wanted);
	});

	it.each([
		['old', 100],
		// Clients that write make such a number, too.
		['both', 120],
		['broken', 110],
		[undefined, undefined],
	])('is %s by the number of points alone (%s)', (wanted, count) => {
		const unsampled = { ids: [], old: print(100, {}), fresh: print(120, {}) };
		expect(compare(print(count, {}), unsampled)).toBe(wanted);
	});

	it('is both where old and new cannot be told apart', () => {
		const same = { ids: [1], old: print(5, { 1: 'a' }), fresh: print(5, { 1: 'a' }) };
		expect(compare(print(5, { 1: 'a' }), same)).toBe('both');
		expect(compare(print(5, {}), same)).toBe('broken');
	});

	it('is old where the collection was empty, and is', () => {
		const fromNothing = { ids: [1], old: print(0, {}), fresh: print(5, { 1: 'a' }) };
		expect(compare(print(0, {}), fromNothing)).toBe('old');
		expect(compare(print(5, { 1: 'a' }), fromNothing)).toBe('new');
	});
});
