import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
	clustersIn,
	coverageOf,
	allHistories,
	historyText,
	parseHistory,
	type BaseFacts,
	type ClusterFacts,
	type StretchFacts,
} from '../../../../../engine/postgres/physical/coverage';

const MB = 1024n * 1024n;
const SEGMENT = 16n * MB;
const at = (segments: number) => BigInt(Math.round(segments * 16)) * MB;
const time = (minute: number) => new Date(Date.UTC(2026, 5, 1, 0, minute)).toISOString();

function base(start: number, end: number, more: Partial<BaseFacts> = {}): BaseFacts {
	return {
		id: `base ${start}`,
		key: `postgres/base/${start}`,
		timeline: 1,
		startLsn: at(start),
		endLsn: at(end),
		finishedAt: time(end),
		needs: [],
		isIncremental: false,
		...more,
	};
}

function wal(start: number, end: number, more: Partial<StretchFacts> = {}): StretchFacts {
	return {
		id: `wal ${more.timeline ?? 1} ${start}`,
		key: `postgres/wal/${start}`,
		timeline: 1,
		startLsn: at(start),
		endLsn: at(end),
		segmentBytes: Number(SEGMENT),
		firstTime: time(start),
		lastTime: time(end),
		endTime: undefined,
		isPartial: false,
		history: [],
		...more,
	};
}

const cover = (facts: Partial<ClusterFacts>) =>
	coverageOf({ systemIdentifier: '1', bases: [], stretches: [], ...facts });
const windowsIn = (facts: Partial<ClusterFacts>) =>
	cover(facts).windows.map(({ timeline, startLsn, endLsn }) => [
		timeline,
		Number(startLsn) / Number(SEGMENT),
		Number(endLsn) / Number(SEGMENT),
	]);
const gapsIn = (facts: Partial<ClusterFacts>) =>
	cover(facts).gaps.map(({ timeline, startLsn, endLsn, isHealed }) => [
		timeline,
		Number(startLsn) / Number(SEGMENT),
		Number(endLsn) / Number(SEGMENT),
		isHealed,
	]);

describe('what can be recovered', () => {
	it('is from the end of a base backup to the end of the log that follows without a gap', () => {
		const facts = { bases: [base(2.5, 3.5)], stretches: [wal(4, 8), wal(2, 4), wal(8, 8.25, { isPartial: true })] };
		expect(windowsIn(facts)).toEqual([[1, 3.5, 8.25]]);
		const { windows, gaps, useless } = cover(facts);
		expect(windows[0]).toMatchObject({ startTime: time(3.5), endTime: time(8.25), lastTransaction: time(8.25) });
		expect([gaps, useless]).toEqual([[], []]);
	});

	it('takes of several stretches that cover a place all that they have', () => {
		const stretches = [wal(2, 4), wal(4, 4.5, { isPartial: true }), wal(4, 7), wal(3, 5), wal(7, 7.5)];
		expect(windowsIn({ bases: [base(2, 2.5)], stretches })).toEqual([[1, 2.5, 7.5]]);
	});

	it('begins anew behind a gap, which is told with its two ends', () => {
		const facts = { bases: [base(2, 2.5), base(7, 7.5)], stretches: [wal(2, 4), wal(6, 9)] };
		expect(windowsIn(facts)).toEqual([
			[1, 2.5, 4],
			[1, 7.5, 9],
		]);
		expect(gapsIn(facts)).toEqual([[1, 4, 6, true]]);
		expect(cover(facts).gaps[0]).toMatchObject({ after: time(4), before: time(6) });
		expect(gapsIn({ ...facts, bases: [base(2, 2.5)] })).toEqual([[1, 4, 6, false]]);
	});

	it('is nothing where the log of the base backup itself is not there', () => {
		const facts = { bases: [base(2, 3.5)], stretches: [wal(2, 3)] };
		expect(windowsIn(facts)).toEqual([]);
		expect(gapsIn(facts)).toEqual([[1, 3, 3.5, false]]);
		expect(cover(facts).useless).toMatchObject([{ base: { id: 'base 2' }, lacks: 'wal' }]);
		expect(cover({ bases: [base(2, 3)] }).gaps).toHaveLength(1);
	});

	it('needs all base backups of an increment', () => {
		const bases = [base(2, 2.5), base(4, 4.5, { needs: ['base 2'] }), base(6, 6.5, { needs: ['base 2', 'lost'] })];
		const { windows, useless } = cover({ bases, stretches: [wal(2, 9)] });
		expect(windows[0]?.bases.map(({ id }) => id)).toEqual(['base 2', 'base 4']);
		expect(useless).toMatchObject([{ base: { id: 'base 6' }, lacks: 'chain' }]);
	});

	it('says that nothing happened up to a later time than the last transaction’s', () => {
		const { windows } = cover({ bases: [base(2, 2.5)], stretches: [wal(2, 4, { endTime: time(50) })] });
		expect(windows[0]).toMatchObject({ endTime: time(50), lastTransaction: time(4) });
	});

	it('is the same whatever the order of the manifests', () => {
		const stretches = [wal(2, 4), wal(4, 5), wal(6, 9), wal(9, 9.5, { isPartial: true })];
		const bases = [base(2, 2.5), base(7, 7.5), base(8, 8.5, { needs: ['base 7'] })];
		const expected = cover({ bases, stretches });
		fc.assert(
			fc.property(
				fc.shuffledSubarray(stretches, { minLength: 4 }),
				fc.shuffledSubarray(bases, { minLength: 3 }),
				(s, b) => {
					expect(cover({ bases: b, stretches: s })).toEqual(expected);
				},
			),
		);
	});
});

describe('what can be recovered after a failover', () => {
	const history = [{ timeline: 1, endLsn: at(4.5) }];
	const second = (start: number, end: number) => wal(start, end, { timeline: 2, history });

	it('goes on along the new timeline, from the segment in which that branched off', () => {
		const facts = { bases: [base(2, 2.5)], stretches: [wal(2, 4), wal(4, 4.5, { isPartial: true }), second(4, 7)] };
		expect(windowsIn(facts)).toEqual([[2, 2.5, 7]]);
		expect(gapsIn(facts)).toEqual([]);
		// The rest of the old timeline's last segment is also in the new one's first.
		expect(windowsIn({ ...facts, stretches: [wal(2, 4), second(4, 7)] })).toEqual([[2, 2.5, 7]]);
	});

	it('is also what the old primary went on with, as a timeline of its own', () => {
		const facts = { bases: [base(2, 2.5)], stretches: [wal(2, 6), second(4, 7)] };
		expect(windowsIn(facts)).toEqual([
			[1, 2.5, 6],
			[2, 2.5, 7],
		]);
		expect(cover(facts).windows[1]?.endTime).toBe(time(7));
		// What the old one did behind the branch counts for nothing on the new one.
		expect(cover({ ...facts, stretches: [wal(2, 6), second(4, 5)] }).windows[1]?.endTime).toBe(time(5));
	});

	it('does not begin with a base backup that the old primary made after it', () => {
		const facts = { bases: [base(5, 5.5)], stretches: [wal(2, 6), second(4, 7)] };
		expect(windowsIn(facts)).toEqual([[1, 5.5, 6]]);
	});

	it('ends where log is missing between the two', () => {
		const late = [{ timeline: 1, endLsn: at(5.5) }];
		const stretches = [wal(2, 4), wal(5, 8, { timeline: 2, history: late })];
		expect(gapsIn({ bases: [base(2, 2.5)], stretches })).toEqual([[1, 4, 5, false]]);
		expect(windowsIn({ bases: [base(2, 2.5), base(6, 6.5, { timeline: 2 })], stretches })).toEqual([
			[1, 2.5, 4],
			[2, 6.5, 8],
		]);
	});
});

describe('a history of a timeline', () => {
	it('is read as the server writes it', () => {
		const text = '1\t0/5000098\tno recovery target specified\n\n2\tA/3F000028\tat restore point "x"\n';
		expect(parseHistory(text, 3)).toEqual([
			{ timeline: 1, endLsn: 0x5000098n },
			{ timeline: 2, endLsn: 0xa3f000028n },
		]);
		expect(parseHistory('# made by hand\n', 2)).toEqual([]);
		expect(parseHistory(historyText(parseHistory(text, 3)), 3)).toEqual(parseHistory(text, 3));
	});

	it('tells those of its ancestors, though none of their log is here', () => {
		const [first, second] = [
			{ timeline: 1, endLsn: 5n },
			{ timeline: 2, endLsn: 9n },
		];
		const all = allHistories(
			new Map([
				[3, [first, second]],
				[4, [first]],
			]),
		);
		expect([...all].sort(([a], [b]) => a - b)).toEqual([
			[1, []],
			[2, [first]],
			[3, [first, second]],
			[4, [first]],
		]);
	});

	it.each(['1', 'x\t0/1\ty', '3\t0/1\ty', '2\t0/9\ta\n1\t0/10\tb', '1\t0/9\ta\n2\t0/5\tb', '1\t0/1/1'])(
		'is refused where it is none: %j',
		(text) => {
			expect(() => parseHistory(text, 3)).toThrow('history of timeline 3');
		},
	);
});

describe('manifests', () => {
	const source = {
		system: 'PostgreSQL',
		version: '15.18',
		systemIdentifier: '7714194708576316779',
		timeline: 1,
		startLsn: '0/2000000',
		endLsn: '0/3000000',
		segmentBytes: 16_777_216,
		firstTime: null,
		lastTime: null,
		partialSegment: false,
	};
	const listed = (kind: string, facts: object, isThere = true) => ({
		manifest: { id: 'x', kind, source: { ...source, ...facts }, finishedAt: time(1) } as never,
		key: 'k',
		foundSize: isThere ? 1 : undefined,
	});

	it('are told apart by cluster, and passed over where they say nothing that can be', () => {
		const clusters = clustersIn([
			listed('postgres-wal', {}),
			listed('postgres-base', { systemIdentifier: '2' }),
			listed('postgres', {}),
			listed('postgres-wal', { startLsn: '../../etc' }),
			listed('postgres-wal', { segmentBytes: 12 }),
			listed('postgres-wal', { timeline: -1 }),
			listed('postgres-wal', {}, false),
		]);
		const sizes = [...clusters.values()].map(({ systemIdentifier, bases, stretches }) => [
			systemIdentifier,
			bases.length,
			stretches.length,
		]);
		expect(sizes).toEqual([
			['7714194708576316779', 0, 1],
			['2', 1, 0],
		]);
	});
});
