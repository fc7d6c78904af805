import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { completeSources } from '../../../engine/archive';
import { planRetention, type RetentionEntry, type RetentionPlan } from '../../../engine/retention';
import { markLacking, ownFieldsOf } from '../../../engine/retention/entry';
import { EntryTable } from '../../../engine/retention/entry-table';
import { shareFailures } from '../../../engine/retention/survey/shared-failure';
import { dueWeeklyCopies, entryOfCopy } from '../../../engine/retention/weekly';
import { Zone } from '../../../engine/retention/policy/zone';
import type { SystemLog } from '../../../engine/verify/log';
import { backup, NOW, someEntries, somePolicy, zones } from './entries';

const SOME_LOG: SystemLog = {
	bases: 'postgres',
	pieces: 'postgres-wal',
	collector: () => ({ take: () => {}, recoverable: () => Promise.resolve([]) }),
	factsOf: () => undefined,
	planOf: () => ({ bases: new Map(), pieces: () => new Map() }),
};

const someMore: fc.Arbitrary<Partial<RetentionEntry>> = fc.record({
	system: fc.constantFrom(undefined, undefined, '7301', '7302'),
	checkpoint: fc.constantFrom(undefined, undefined, undefined, true),
	log: fc.constantFrom(undefined, undefined, { of: SOME_LOG, facts: { some: 'facts' } }),
	legalHold: fc.constantFrom(false, false, true),
	sharedAs: fc.constantFrom(undefined, undefined, '1:2'),
	modifiedAt: fc.constantFrom(undefined, '2026-07-14T00:00:00.000Z'),
	finishedAt: fc.constantFrom('2026-07-14T00:00:00Z', '2026-07-14T00:00:00.123456Z', '2026-07-14T00:00:00.120Z'),
	size: fc.constantFrom(0, 1000, 2 ** 45),
});

/** Backups of all sorts, each as plain objects, and as views of one table. */
const bothSorts = someEntries
	.chain((entries) =>
		fc.tuple(fc.constant(entries), fc.array(someMore, { minLength: entries.length, maxLength: entries.length })),
	)
	.map(([entries, more]) => {
		const plain = entries.map((entry, index) => ({ ...entry, ...more[index] }));
		const table = new EntryTable();
		return { plain, views: plain.map((entry) => table.add(entry)) };
	});

const FIELDS = [
	...Object.keys(backup(NOW)),
	'origin',
	'system',
	'isSystemInferred',
	'partial',
	'checkpoint',
	'log',
	'modifiedAt',
];
const fieldsOf = (entry: RetentionEntry) => FIELDS.map((field) => entry[field as keyof RetentionEntry]);

const decided = ({ decisions, deletable, refusal }: RetentionPlan) => ({
	decisions: decisions.map(({ entry, action, reasons }) => [entry.key, action, reasons]),
	deletable: deletable.map(({ key }) => key),
	refusal,
});

describe('entries of a table', () => {
	it('say what the entries said that were put into it', () => {
		fc.assert(
			fc.property(bothSorts, ({ plain, views }) => {
				expect(views.map(ownFieldsOf)).toEqual(plain);
				// Whoever compares one with a manifest sees a difference between no and nothing.
				expect(views.map(fieldsOf)).toStrictEqual(plain.map(fieldsOf));
			}),
			{ numRuns: 40 },
		);
	});

	it('are decided on as plain entries are, after all that a run notes in them', () => {
		fc.assert(
			fc.property(bothSorts, somePolicy, zones, ({ plain, views }, policy, zone) => {
				const [expected, found] = [plain, views].map((entries) => {
					completeSources(entries);
					shareFailures(entries);
					markLacking(entries);
					const copies = dueWeeklyCopies(entries, new Zone(zone)).map(entryOfCopy);
					const plan = planRetention([...entries, ...copies], NOW, policy, zone, [], new Set(copies));
					return { entries: entries.map(ownFieldsOf), copies, plan: decided(plan) };
				});
				expect(found).toEqual(expected);
			}),
			{ numRuns: 60 },
		);
	});

	it('keep what is noted in one of them to itself', () => {
		const table = new EntryTable();
		const [first, other] = [backup('2026-07-01T00:00:00Z'), backup('2026-07-02T00:00:00Z')].map((entry) =>
			table.add(entry),
		) as [RetentionEntry, RetentionEntry];
		const before = ownFieldsOf(other);
		const noted = {
			system: '7301',
			isSystemInferred: true,
			lacksNeeded: true,
			verified: 'failed',
			lockedUntil: '2026-08-01T00:00:00Z',
			legalHold: true,
		} as const;
		Object.assign(first, noted);
		expect(first).toMatchObject(noted);
		expect(ownFieldsOf(other)).toEqual(before);
		Object.assign(first, { verified: 'passed', lockedUntil: undefined, legalHold: false, lacksNeeded: false });
		const { system, isSystemInferred } = noted;
		const after = { ...backup('2026-07-01T00:00:00Z'), system, isSystemInferred, verified: 'passed' };
		expect(ownFieldsOf(first)).toEqual(after);
	});
});
