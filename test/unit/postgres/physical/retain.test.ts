import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
	coverageOf,
	pathOf,
	timelineAt,
	type Ancestor,
	type BaseFacts,
	type Coverage,
	type StretchFacts,
} from '../../../../engine/postgres/physical/coverage';
import { walLog } from '../../../../engine/postgres/physical/retain';
import { planRetention, type RetentionEntry, type RetentionPolicy } from '../../../../engine/retention';
import { Zone } from '../../../../engine/retention/policy/zone';
import { dueWeeklyCopies } from '../../../../engine/retention/weekly';
import { backup, kept, NOW, policyOf, rulesFor, someRules, type Draft } from '../../retention/entries';

const SEGMENT = 16n * 1024n * 1024n;
const HOUR_MS = 3_600_000;
const at = (segments: number) => BigInt(Math.round(segments * 16)) * 1024n * 1024n;
const time = (daysAgo: number) => new Date(NOW.getTime() - daysAgo * 24 * HOUR_MS).toISOString();

const base = (start: number, end: number, finishedAt: string, more: Partial<BaseFacts> = {}): BaseFacts => ({
	id: `base ${start}`,
	key: `postgres/base/${start}`,
	timeline: 1,
	startLsn: at(start),
	endLsn: at(end),
	finishedAt,
	needs: [],
	isIncremental: false,
	...more,
});

const wal = (start: number, end: number, endTime: string, more: Partial<StretchFacts> = {}): StretchFacts => ({
	id: `wal ${more.timeline ?? 1} ${start} ${end}`,
	key: `postgres/wal/${more.timeline ?? 1}_${start}_${end}`,
	timeline: 1,
	startLsn: at(start),
	endLsn: at(end),
	segmentBytes: Number(SEGMENT),
	firstTime: undefined,
	lastTime: endTime,
	endTime,
	isPartial: false,
	history: [],
	...more,
});

const baseEntry = (facts: BaseFacts, systemIdentifier = '1', more: Partial<RetentionEntry> = {}): Draft =>
	backup(facts.finishedAt, {
		...{ id: facts.id, key: facts.key, kind: 'postgres-base', system: systemIdentifier, needs: facts.needs },
		log: { of: walLog, facts: { systemIdentifier, base: facts } },
		...more,
	});

const walEntry = (facts: StretchFacts, systemIdentifier = '1', more: Partial<RetentionEntry> = {}): Draft =>
	backup(facts.endTime ?? NOW, {
		...{ id: facts.id, key: facts.key, kind: 'postgres-wal', system: systemIdentifier },
		log: { of: walLog, facts: { systemIdentifier, stretch: facts } },
		...more,
	});

/** What goes, by its id: `base 70`, `wal 1 70 75`. */
const gone = (entries: RetentionEntry[], policy: RetentionPolicy) =>
	planRetention(entries, NOW, policy)
		.deletable.map(({ id }) => id)
		.sort();
const spans = (...some: string[]) => some.map((one) => `wal 1 ${one}`);

/** A segment a day, now at 100: a base backup every ten days, and WAL of five days each, up to now. */
const BASES = [30, 20, 10, 0.5].map((daysAgo) => base(100 - daysAgo, 100.25 - daysAgo, time(daysAgo)));
const WAL = [30, 25, 20, 15, 10, 5].map((daysAgo) => wal(100 - daysAgo, 105 - daysAgo, time(daysAgo - 5)));
const usual = () => [...BASES.map((one) => baseEntry(one)), ...WAL.map((one) => walEntry(one))];
const LAST = policyOf({ last: 1 });

describe('WAL stays', () => {
	it('from the newest base backup on that is older than the recovery window, and this one whatever the rules say', () => {
		const days = (count: number) => policyOf({ last: 1 }, { wal: { days: count } });
		expect(gone(usual(), LAST)).toEqual(['base 70', 'base 80', ...spans('70 75', '75 80', '80 85')]);
		expect(gone(usual(), days(15))).toEqual(['base 70', 'base 90', ...spans('70 75')]);
		expect(gone(usual(), days(40))).toEqual(['base 80', 'base 90']);
		expect(gone(usual(), days(0))).toEqual([
			'base 70',
			'base 80',
			'base 90',
			...spans('70 75', '75 80', '80 85', '85 90', '90 95'),
		]);
	});

	it('as long as a base backup needs it that stays for another reason, and says why', () => {
		const entries = [
			...BASES.map((one) => baseEntry(one, '1', { pinned: one === BASES[0] })),
			...WAL.map((one) => walEntry(one)),
		];
		const plan = planRetention(entries, NOW, LAST);
		expect(plan.deletable.map(({ id }) => id).sort()).toEqual(['base 80', ...spans('75 80', '80 85')]);
		const reasonsOf = (id: string) => plan.decisions.find(({ entry }) => entry.id === id)!.reasons;
		expect(reasonsOf('base 90')).toEqual([{ rule: 'recovery', text: 'the recovery window of 7 days begins with it' }]);
		expect(reasonsOf('wal 1 70 75')).toEqual([
			{ rule: 'needed', text: 'base backups that stay need it to be consistent' },
		]);
		const text = 'the recovery window of 7 days begins with the base backup postgres/base/90';
		expect(reasonsOf('wal 1 95 100')).toEqual([{ rule: 'recovery', text }]);
	});

	it('whole where no base backup is known, or one that nobody can read, and of another cluster', () => {
		const alone = WAL.map((one) => walEntry(one));
		expect(gone(alone, LAST)).toEqual([]);
		expect(gone([...alone, ...BASES.map((one) => baseEntry(one, '2'))], LAST)).toEqual([
			'base 70',
			'base 80',
			'base 90',
		]);
		const silent = baseEntry(base(98, 98.5, time(2)), '1', { log: { of: walLog, facts: undefined } });
		expect(gone([...usual(), silent], LAST)).not.toContain('wal 1 70 75');
		const unread = (key: string) => planRetention(usual(), NOW, LAST, 'UTC', [{ key, needs: [], isUnread: true }]);
		expect(unread('postgres/base/x.manifest.json').deletable.map(({ kind }) => kind)).not.toContain('postgres-wal');
		expect(unread('elsewhere/x.manifest.json').deletable.map(({ kind }) => kind)).not.toContain('postgres-wal');
	});

	it('where its manifest does not tell which part of the log it is, where it is pinned, and where no rule is set', () => {
		const silent = walEntry(wal(60, 65, time(35)), '1', { log: { of: walLog, facts: undefined } });
		const pinned = walEntry(wal(65, 70, time(30)), '1', { pinned: true });
		const plan = planRetention([...usual(), silent, pinned], NOW, LAST);
		expect(rulesFor(plan, silent)).toEqual(['unjudged']);
		expect(rulesFor(plan, pinned)).toEqual(['pinned']);
		expect(gone(usual(), policyOf({}))).toEqual([]);
		expect(gone(usual(), policyOf({}, { wal: { days: 7 } }))).toEqual(spans('75 80'));
		const own = policyOf({ last: 1 }, { overrides: [{ kind: 'postgres-wal', rules: {} }] });
		expect(gone(usual(), own)).toEqual(['base 70', 'base 80']);
	});

	it('where no system tells which of it is needed', () => {
		const unknown = usual().map(({ log: _log, ...entry }) => entry);
		expect(gone(unknown, LAST)).toEqual(['base 70', 'base 80', 'base 90']);
	});

	describe('on a timeline on which nothing can be recovered', () => {
		/** Left timeline 1 at a segment, which a gap parts from all base backups before it. */
		const lostAt = (segment: number, daysAgo: number, more: Partial<StretchFacts> = {}) => {
			const history = [{ timeline: 1, endLsn: at(segment) }];
			return walEntry(wal(segment, segment + 2, time(daysAgo), { timeline: 7, history, ...more }));
		};
		const rulesOf = (lost: Draft, ...others: Draft[]) =>
			rulesFor(planRetention([...usual(), lost, ...others], NOW, LAST), lost);
		const old = baseEntry(base(55, 55.5, time(45)), '1', { pinned: true });

		it('while a base backup stays that leads there, whatever is missing in between', () => {
			expect(rulesOf(lostAt(60, 38), old)).toEqual(['unjudged']);
		});

		it('while something came there lately: a base backup of it may be under way', () => {
			expect(rulesOf(lostAt(60, 6))).toEqual(['unjudged']);
			expect(rulesOf(lostAt(60, 38), lostAt(62, 6))).toEqual(['unjudged']);
		});

		it('where nobody can tell where it came from, or when it ended', () => {
			expect(rulesOf(lostAt(60, 38, { history: [] }))).toEqual(['unjudged']);
			expect(rulesOf(lostAt(60, 38, { endTime: undefined, lastTime: undefined }))).toEqual(['unjudged']);
		});

		it('and goes where it is a dead end, also one that went on further than what stays', () => {
			expect(rulesOf(lostAt(60, 8))).toEqual(['expired']);
			expect(rulesOf(lostAt(66, 8, { endLsn: at(200) }))).toEqual(['expired']);
		});

		it('but not behind a base backup that the recovery window begins with', () => {
			expect(rulesOf(lostAt(95, 8))).toEqual(['recovery']);
		});
	});

	it('but for a part of a segment that a longer stretch of the same timeline holds, even where nothing else may go', () => {
		const part = (start: number, end: number, timeline = 1) =>
			walEntry(wal(start, end, time(0), { isPartial: true, timeline }));
		const parts = [part(99, 99.25), part(100, 100.25), part(100, 100.5), part(99, 99.25, 2)];
		expect(gone([...usual(), ...parts], policyOf({ last: 9 }, { wal: { days: 40 } }))).toEqual(
			spans('100 100.25', '99 99.25'),
		);
		expect(gone([...WAL.map((one) => walEntry(one)), ...parts], LAST)).toEqual(spans('100 100.25', '99 99.25'));
	});

	it('when the archiving stopped, or a clock is ahead: the window ends with the last moment that can be recovered', () => {
		const later = new Date(NOW.getTime() + 1000 * 24 * HOUR_MS);
		const ids = planRetention(usual(), later, LAST).deletable.map(({ id }) => id);
		expect(ids.sort()).toEqual(gone(usual(), LAST));
	});

	it('without a weekly copy of its own, and never for the share that may go at once', () => {
		const policy: RetentionPolicy = { rules: { last: 3, weeklySnapshots: 3 }, wal: { days: 0 } };
		expect(planRetention(usual(), NOW, policy).refusal).toBeUndefined();
		const due = dueWeeklyCopies(usual(), new Zone('UTC'));
		expect(due.map(({ entry }) => entry.id)).toEqual(['base 99.5']);
	});

	it('behind a gap, from the first base backup on that heals it', () => {
		const healed = [
			...[wal(70, 96, time(4)), wal(97, 100, time(0))].map((one) => walEntry(one)),
			...[base(70, 71, time(29)), base(80, 81, time(19)), base(98, 98.5, time(1.5)), base(99, 99.5, time(0.5))].map(
				(one) => baseEntry(one),
			),
		];
		expect(gone(healed, LAST)).toEqual(['base 70']);
	});
});

/** What happens to a cluster, one thing after the other. */
type Happening =
	| { what: 'work'; hours: number; segments: number }
	| { what: 'archive' | 'partial' | 'gap' | 'failover' }
	| { what: 'base'; isIncremental: boolean; isPinned: boolean }
	/** Recovers to a base backup: its place among those that are there. */
	| { what: 'recover'; to: number };

const happening: fc.Arbitrary<Happening> = fc.oneof(
	{
		weight: 5,
		arbitrary: fc.record({
			what: fc.constant('work' as const),
			hours: fc.integer({ min: 1, max: 90 }),
			segments: fc.integer({ min: 1, max: 4 }),
		}),
	},
	{ weight: 5, arbitrary: fc.constant({ what: 'archive' as const }) },
	{ weight: 2, arbitrary: fc.constant({ what: 'partial' as const }) },
	{ weight: 1, arbitrary: fc.constantFrom({ what: 'gap' as const }, { what: 'failover' as const }) },
	{
		weight: 4,
		arbitrary: fc.record({
			what: fc.constant('base' as const),
			isIncremental: fc.boolean(),
			isPinned: fc.integer({ min: 0, max: 9 }).map((number) => number === 0),
		}),
	},
	{ weight: 1, arbitrary: fc.record({ what: fc.constant('recover' as const), to: fc.nat(20) }) },
);

/** A moment to which somebody may want to go back. */
interface Moment {
	timeline: number;
	lsn: bigint;
	hour: number;
}

interface History {
	bases: BaseFacts[];
	pinned: Set<string>;
	stretches: StretchFacts[];
	moments: Moment[];
	/** When it ended: hours since its beginning. */
	hours: number;
}

/** Lets it happen. @param timeOf an hour */
function historyOf(happenings: readonly Happening[], timeOf: (hour: number) => string): History {
	const made: History = { bases: [], pinned: new Set(), stretches: [], moments: [], hours: 0 };
	let [timeline, segment, archived, archivedAt, latest] = [1, 10, 10, 0, 1];
	let history: Ancestor[] = [];
	const histories = new Map([[timeline, history]]);
	const begin = (from: number, at0: number, before: Ancestor[]) => {
		history = [...before, { timeline: from, endLsn: at(at0) }];
		timeline = ++latest;
		histories.set(timeline, history);
		[segment, archived, archivedAt] = [at0, at0, made.hours];
	};
	for (const [index, one] of happenings.entries()) {
		if (one.what === 'work') {
			segment += one.segments;
			made.hours += one.hours;
			made.moments.push({ timeline, lsn: at(segment), hour: made.hours });
		} else if (one.what === 'gap') [archived, archivedAt] = [segment, made.hours];
		else if (one.what === 'failover') begin(timeline, segment, history);
		else if (one.what === 'archive' && segment > archived) {
			const times = { firstTime: timeOf(archivedAt), lastTime: timeOf(made.hours) };
			const stretch = wal(archived, segment, timeOf(made.hours), { timeline, history, ...times });
			made.stretches.push({ ...stretch, id: `wal ${index}`, key: `postgres/wal/${index}` });
			[archived, archivedAt] = [segment, made.hours];
		} else if (one.what === 'partial') {
			const stretch = wal(archived, archived + 0.25, timeOf(made.hours), { timeline, history, isPartial: true });
			made.stretches.push({ ...stretch, id: `wal ${index}`, key: `postgres/wal/${index}` });
		} else if (one.what === 'base') {
			const previous = made.bases.at(-1);
			const needs = one.isIncremental && previous ? [previous.id, ...previous.needs] : [];
			const more = {
				id: `base ${index}`,
				key: `postgres/base/${index}`,
				timeline,
				needs,
				isIncremental: needs.length > 0,
			};
			made.bases.push(base(segment, ++segment, timeOf(made.hours), more));
			if (one.isPinned) made.pinned.add(more.id);
		} else if (one.what === 'recover' && made.bases.length > 0) {
			const to = made.bases[one.to % made.bases.length]!;
			begin(to.timeline, Number(to.endLsn / SEGMENT), histories.get(to.timeline)!);
		}
	}
	return made;
}

/** Whether a moment lies in a window, on the way to its timeline, behind a base backup. */
function canRecover({ windows }: Coverage, stretches: readonly StretchFacts[], { timeline, lsn }: Moment): boolean {
	return windows.some((window) => {
		const isInside = window.startLsn <= lsn && lsn <= window.endLsn;
		return isInside && timelineAt(pathOf(window.timeline, stretches), lsn - 1n) === timeline;
	});
}

/**
 * The timelines of some WAL that lie on no way to one which a base backup leads to; none where nothing can be recovered, or where nobody can
 * tell where a base backup came from.
 */
function deadEndsIn({ bases, stretches }: Pick<History, 'bases' | 'stretches'>, all: History): Set<number> {
	const timelinesOf = (some: readonly StretchFacts[]) => new Set(some.map(({ timeline }) => timeline));
	if (coverageOf({ systemIdentifier: '1', bases, stretches }).windows.length === 0) return new Set();
	const wayTo = (timeline: number) => pathOf(timeline, all.stretches);
	const isKnown = (timeline: number) => timeline === 1 || wayTo(timeline).length > 1;
	if (bases.some(({ timeline }) => !isKnown(timeline))) return new Set();
	const led = [...timelinesOf(all.stretches)]
		.filter((timeline) => !isKnown(timeline) || wayTo(timeline).some((one) => bases.some(isMadeOn(one))))
		.map(wayTo);
	const alive = new Set(led.flat().map(({ timeline }) => timeline));
	return new Set([...timelinesOf(stretches)].filter((timeline) => !alive.has(timeline)));
}

/** Whether a base backup was made on a timeline before it was left. */
function isMadeOn({ timeline, endLsn }: Ancestor): (base: BaseFacts) => boolean {
	return (base) => base.timeline === timeline && base.endLsn <= endLsn;
}

/** The last moment that can be recovered, by the clock. */
function latestOf({ windows }: Coverage): number {
	const times = windows.flatMap(({ endTime, bases }) => [endTime, ...bases.map(({ finishedAt }) => finishedAt)]);
	return Math.min(NOW.getTime(), Math.max(...times.map((text) => Date.parse(text ?? '1970'))));
}

/** Lets it happen up to now. */
function upToNow(happenings: readonly Happening[]): History {
	const { hours } = historyOf(happenings, () => time(0));
	return historyOf(happenings, (hour) => new Date(NOW.getTime() - (hours - hour) * HOUR_MS).toISOString());
}

const someHistory = fc.array(happening, { minLength: 30, maxLength: 90, size: 'max' }).map(upToNow);

/** A cluster that is taken back to some base backup again and again, each time for some days. */
const someAttempts = fc
	.array(fc.record({ to: fc.nat(20), hours: fc.integer({ min: 12, max: 150 }), isBackedUp: fc.boolean() }), {
		minLength: 3,
		maxLength: 9,
	})
	.map((attempts) => {
		const backUp = { what: 'base', isIncremental: false, isPinned: false } as const;
		const days = (hours: number): Happening[] => [{ what: 'work', hours, segments: 3 }, { what: 'archive' }];
		return upToNow([
			backUp,
			...days(48),
			backUp,
			...days(48),
			...attempts.flatMap(({ to, hours, isBackedUp }): Happening[] => [
				{ what: 'recover', to },
				...days(hours),
				...(isBackedUp ? [backUp, ...days(6)] : []),
			]),
		]);
	});

describe('whatever has happened, and whatever the policy', () => {
	it('each moment of the window that could be recovered still can be, each base backup that stays can become consistent, and a second run finds nothing', () => {
		const seen = { lost: 0, moments: 0, wal: 0, timelines: 0 };
		fc.assert(
			fc.property(someHistory, someRules, fc.integer({ min: 0, max: 12 }), (history, rules, days) => {
				const { bases, stretches, pinned, moments, hours } = history;
				const policy = policyOf(rules, { wal: { days } });
				const cover = (some: BaseFacts[], log: StretchFacts[]) =>
					coverageOf({ systemIdentifier: '1', bases: some, stretches: log });
				const before = cover(bases, stretches);
				const entries = [
					...bases.map((one) => baseEntry(one, '1', { pinned: pinned.has(one.id) })),
					...stretches.map((one) => walEntry(one)),
				];
				const plan = planRetention(entries, NOW, policy);
				const ids = new Set(kept(plan).map(({ id }) => id));
				const left = {
					bases: bases.filter(({ id }) => ids.has(id)),
					stretches: stretches.filter(({ id }) => ids.has(id)),
				};
				const after = cover(left.bases, left.stretches);
				for (const moment of moments) {
					if (!canRecover(before, stretches, moment)) continue;
					if (canRecover(after, left.stretches, moment)) continue;
					seen.lost++;
					expect(hours - moment.hour).toBeGreaterThan(days * 24);
				}
				const useless = new Set(after.useless.map((one) => one.base.id));
				for (const { base: one } of before.useless) useless.delete(one.id);
				expect([...useless]).toEqual([]);
				const again = planRetention(kept(plan), NOW, policy).deletable;
				expect(again.filter(({ kind }) => kind === 'postgres-wal')).toEqual([]);
				seen.moments += moments.length;
				seen.wal += stretches.length - left.stretches.length;
				seen.timelines += new Set(left.stretches.map(({ timeline }) => timeline)).size;
			}),
			{ numRuns: 200 },
		);
		// It says nothing where nothing goes.
		for (const count of Object.values(seen)) expect(count).toBeGreaterThan(100);
	});

	it('no timeline stays that is a dead end, and each moment of the window does', () => {
		let ended = 0;
		fc.assert(
			fc.property(
				someAttempts,
				fc.integer({ min: 1, max: 2 }),
				fc.integer({ min: 0, max: 9 }),
				(history, last, days) => {
					const { bases, stretches, moments, hours } = history;
					const entries = [...bases.map((one) => baseEntry(one)), ...stretches.map((one) => walEntry(one))];
					const ids = new Set(
						kept(planRetention(entries, NOW, policyOf({ last }, { wal: { days } }))).map(({ id }) => id),
					);
					const left = {
						bases: bases.filter(({ id }) => ids.has(id)),
						stretches: stretches.filter(({ id }) => ids.has(id)),
					};
					const before = coverageOf({ systemIdentifier: '1', bases, stretches });
					const after = coverageOf({ systemIdentifier: '1', ...left });
					for (const moment of moments.filter(({ hour }) => hours - hour <= days * 24)) {
						if (canRecover(before, stretches, moment)) expect(canRecover(after, left.stretches, moment)).toBe(true);
					}
					const all = deadEndsIn({ stretches, bases: left.bases }, history);
					const stay = deadEndsIn(left, history);
					for (const timeline of stay) {
						const ends = stretches.filter((one) => one.timeline === timeline).map((one) => Date.parse(one.endTime!));
						expect(Math.max(...ends)).toBeGreaterThanOrEqual(latestOf(before) - Math.max(days, 7) * 24 * HOUR_MS);
					}
					ended += all.size - stay.size;
				},
			),
			{ numRuns: 100 },
		);
		// It says nothing where there are none.
		expect(ended).toBeGreaterThan(20);
	});
});
