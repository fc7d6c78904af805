import { describe, expect, test } from 'vitest';

import type { BaseFacts, StretchFacts, Window } from '../../../../../engine/postgres/physical/coverage';
import { between, chainOf, logOf } from '../../../../../engine/postgres/physical/recover/route';

const stretch = (startLsn: bigint, endLsn: bigint, more: Partial<StretchFacts> = {}): StretchFacts => ({
	id: `${startLsn}-${endLsn}`,
	key: `${more.timeline ?? 1}:${startLsn}-${endLsn}`,
	timeline: 1,
	startLsn,
	endLsn,
	segmentBytes: 1024 ** 2,
	firstTime: undefined,
	lastTime: undefined,
	endTime: undefined,
	isPartial: false,
	history: [],
	...more,
});
const base = (id: string, startLsn: bigint, needs: string[] = []): BaseFacts => ({
	id,
	key: id,
	timeline: 1,
	startLsn,
	endLsn: startLsn + 1n,
	finishedAt: '2026-11-28T20:36:07Z',
	needs,
	isIncremental: needs.length > 0,
});
const keys = (stretches: readonly { key: string }[]) => stretches.map(({ key }) => key);

describe('the stretches of the log that a recovery reads', () => {
	test('follow one another, at each place the one that reaches furthest', () => {
		const line = [stretch(0n, 10n), stretch(5n, 8n), stretch(10n, 12n), stretch(10n, 20n), stretch(20n, 30n)];
		expect(keys(between(line, 3n, 25n))).toEqual(['1:0-10', '1:10-20', '1:20-30']);
		expect(keys(between(line, 3n, 10n))).toEqual(['1:0-10']);
	});

	test('end where there is a gap', () => {
		expect(keys(between([stretch(0n, 10n), stretch(11n, 20n)], 0n, 20n))).toEqual(['1:0-10']);
		expect(between([], 0n, 20n)).toEqual([]);
	});

	test('go over to the next timeline where it branched off, and no further on the one before', () => {
		const history = [{ timeline: 1, endLsn: 15n }];
		const stretches = [stretch(0n, 10n), stretch(10n, 40n), stretch(12n, 30n, { timeline: 2, history })];
		const window = { timeline: 2, endLsn: 30n, bases: [base('full', 2n)] } as Window;
		const log = logOf(window, { systemIdentifier: '1', bases: [], stretches });
		expect(log.map(({ timeline, endLsn }) => [timeline, endLsn])).toEqual([
			[1, 10n],
			[1, 15n],
			[2, 30n],
		]);
	});
});

describe('the chain of a base backup', () => {
	const full = base('full', 1n);
	const first = base('first', 5n, ['full']);
	const second = base('second', 9n, ['first', 'full']);
	const cluster = (...bases: BaseFacts[]) => ({ systemIdentifier: '1', bases, stretches: [] });

	test('begins with the whole one, whatever order the manifest names them in', () => {
		expect(chainOf(second, cluster(second, first, full))).toEqual([full, first, second]);
		expect(chainOf(full, cluster(full))).toEqual([full]);
	});

	test('is none where one is missing, or none of them is whole', () => {
		expect(chainOf(second, cluster(second, full))).toBeUndefined();
		expect(chainOf(first, cluster(first, { ...full, isIncremental: true }))).toBeUndefined();
		expect(chainOf(second, cluster(second, { ...first, isIncremental: false }, full))).toBeUndefined();
	});
});
