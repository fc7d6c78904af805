import { describe, expect, it } from 'vitest';

import { findProblems, resultsOf, withoutIgnored, type Conditions, type StorageState } from '../../../engine';
import { series, stateOf, verified } from './states';

const kinds = (state: StorageState, conditions?: Conditions) =>
	findProblems(state, conditions).map(({ kind, severity, subject }) => `${severity} ${kind} ${subject}`);
const fresh = [{ hours: 3, more: verified(2) }, { hours: 27 }];

describe('problems', () => {
	it('are none where everything is fresh and verified', () => {
		expect(kinds(stateOf([series(fresh)]))).toEqual([]);
	});

	it('tell of a good backup that is too old, with both figures', () => {
		const [problem] = findProblems(stateOf([series([{ hours: 31, more: verified(30) }])]));
		expect(problem).toMatchObject({ kind: 'stale', severity: 'critical', subject: 'postgres shop' });
		expect(problem?.message).toBe('The newest good backup of postgres shop is 31 h old; 24 h are allowed.');
		expect(kinds(stateOf([series([{ hours: 31, more: verified(30) }])]), { staleHours: 48 })).toEqual([]);
	});

	it('count a backup that is missing, lacks what it needs or failed its verification for none', () => {
		for (const more of [{ isComplete: false }, { lacksNeeded: true }, verified(1, 'failed')]) {
			const state = stateOf([
				series([
					{ hours: 2, more },
					{ hours: 30, more: verified(20) },
				]),
			]);
			expect(kinds(state)).toEqual(['critical stale postgres shop', 'warning damaged postgres shop']);
		}
	});

	it('are critical where no good backup is left', () => {
		const state = stateOf([series([{ hours: 2, more: { isComplete: false } }])]);
		expect(kinds(state)).toEqual(['critical damaged postgres shop', 'critical stale postgres shop']);
	});

	it('tell of what was not verified for days, unless nobody wants to know', () => {
		const state = stateOf([series([{ hours: 3 }, { hours: 24 * 10, more: verified(24 * 9) }])]);
		expect(kinds(state)).toEqual(['warning unverified postgres shop']);
		expect(findProblems(state)[0]?.message).toMatch(/in the last 8 days\. The last that passed ended 9 days ago/);
		expect(kinds(state, { unverifiedDays: 0 })).toEqual([]);
		expect(kinds(state, { unverifiedDays: 30 })).toEqual([]);
	});

	it('tell of a newest backup that is off the trend', () => {
		const before = Array.from({ length: 10 }, (_, day) => ({ hours: 24 * (day + 1) }));
		const state = stateOf([series([{ hours: 2, stored: 100_000, more: verified(1) }, ...before])]);
		expect(findProblems(state).map(({ id, message }) => [id.split(':')[1], message])).toEqual([
			['size', 'postgres shop: The stored size, 100.0 kB, is 90 % below 1.0 MB, the median of the last 10 backups.'],
		]);
	});

	it('tell of too little room, by share and by bytes', () => {
		const state = (freeBytes: number | undefined, totalBytes?: number) =>
			stateOf([series(fresh)], { freeBytes, totalBytes });
		expect(kinds(state(19e9, 100e9))).toEqual(['warning storageLow folder backups']);
		expect(kinds(state(21e9, 100e9))).toEqual([]);
		expect(kinds(state(21e9, 100e9), { lowBytes: 22e9 })).toEqual(['warning storageLow folder backups']);
		expect(kinds(state(19e9, 100e9), { lowShare: 0 })).toEqual([]);
		// A bucket tells nothing.
		expect(kinds(state(undefined))).toEqual([]);
	});

	it('tell of names that have no backup, and leave out those that do not exist any more', () => {
		const state = stateOf([series(fresh), series([{ hours: 500 }], { name: 'old' })]);
		const expected = [{ name: 'shop' }, { kind: 'qdrant', name: 'shop' }];
		expect(kinds(withoutIgnored(state, ['old']), { expected })).toEqual(['critical missing qdrant shop']);
	});

	it('leave out names by patterns, and say of a storage of nothing else not that it is empty', () => {
		const state = stateOf(['tmp_1', 'TMP_2', 'a.b', 'axb'].map((name) => series([{ hours: 500 }], { name })));
		const names = (patterns: string[]) => withoutIgnored(state, patterns).series.map(({ name }) => name);
		expect(names(['tmp_*', 'a.b'])).toEqual(['TMP_2', 'axb']);
		expect(names(['?????', 'a?b'])).toEqual([]);
		expect(kinds(withoutIgnored(state, ['*']))).toEqual([]);
		// Nor do they keep a target from being met.
		expect(resultsOf(withoutIgnored(state, ['*'])).map(({ isMet }) => isMet)).toEqual(Array(4).fill(undefined));
	});

	it('tell of manifests that cannot be read, but not of those that a newer version has made', () => {
		const unread = (isNewer: boolean) => ({ manifestKey: 'a.manifest.json', message: 'It is damaged.', isNewer });
		const state = stateOf([series(fresh)], { unread: [unread(true), unread(false)], unreadCount: 2 });
		expect(findProblems(state)).toMatchObject([
			{ kind: 'unreadable', message: 'A manifest cannot be read: It is damaged.' },
		]);
		expect(kinds(stateOf([series(fresh)], { unread: [unread(true)], unreadCount: 1 }))).toEqual([]);
	});

	it('tell that an empty storage holds nothing', () => {
		expect(kinds(stateOf([]))).toEqual(['critical empty folder backups']);
	});

	it('tell of test restores that took longer than is allowed, and only where everything was restored', () => {
		const slow = series([{ hours: 3, more: verified(2, 'passed', 2 * 3_600_000) }]);
		expect(kinds(stateOf([slow]))).toEqual(['warning slowRestore all']);
		expect(
			kinds(
				stateOf([slow, series([{ hours: 3, more: { verification: slow.newest[0]!.verification } }], { name: 'b' })]),
			),
		).toEqual([]);
	});

	it('tell of what is on a server and in no backup, and of a server that does not tell', () => {
		const held = [series(fresh), series(fresh, { kind: 'qdrant', name: 'shop' })];
		const postgres = { kind: 'postgres', title: 'PostgreSQL' } as const;
		const qdrant = { kind: 'qdrant', wholeKind: 'qdrant-storage', title: 'Qdrant' } as const;
		const names = ['shop', 'crm', 'tmp_1', 'shop_before_20260131_020000', 'shop_before_20260131_020000_2'];
		const conditions = { isIgnored: (name: string) => name.startsWith('tmp_') };
		const servers = [
			{ ...postgres, names },
			{ ...qdrant, names: ['shop', 'docs'] },
		];
		expect(kinds(stateOf(held), { ...conditions, servers })).toEqual([
			'critical uncovered postgres crm',
			'critical uncovered qdrant docs',
		]);
		const whole = series(fresh, { kind: 'qdrant-storage', name: 'storage' });
		expect(kinds(stateOf([...held, whole]), { servers: [{ ...qdrant, names: ['docs'] }] })).toEqual([]);
		const failure = 'Could not connect.';
		const [unasked] = findProblems(stateOf(held), { servers: [{ ...postgres, names: undefined, failure }] });
		expect(unasked).toMatchObject({
			kind: 'unasked',
			severity: 'warning',
			message: expect.stringMatching(/Could not/),
		});
	});

	it('tell of a prune that was refused, or could not delete', () => {
		const run = { at: '2026-11-30T01:00:00.000Z', policy: { rules: {} }, timeZone: 'UTC', prefixes: [] };
		const messages = (more: { refusal: string | null; failed?: number }) => {
			const fine = { ...run, at: '2026-11-30T02:00:00.000Z', deleted: 0, kept: 4, refusal: null };
			const lastPrunes = [fine, { ...run, deleted: 0, kept: 4, ...more }];
			return findProblems(stateOf([series(fresh)], { lastPrunes })).map(({ message }) => message);
		};
		expect(messages({ refusal: null })).toEqual([]);
		expect(messages({ refusal: null, failed: 2 })).toEqual([
			'The prune of 2026-11-30 01:00 UTC could not delete 2 backups.',
		]);
		const [refused] = messages({ refusal: `3 of 4 backups would be deleted.${'x'.repeat(1e6)}` });
		expect(refused).toMatch(/^The prune of 2026-11-30 01:00 UTC was refused: 3 of 4 backups would be deleted\./);
		expect(refused!.length).toBeLessThan(1000);
	});

	it('name the server where two have a database of one name', () => {
		const of = (origin: string) => series([{ hours: 40, more: verified(1) }], { origin });
		expect(kinds(stateOf([of('a:5432'), of('b:5432')]))).toEqual([
			'critical stale postgres shop at a:5432',
			'critical stale postgres shop at b:5432',
		]);
	});
});
