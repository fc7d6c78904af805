import { describe, expect, it } from 'vitest';

import { DEFAULT_TARGETS, resultsOf, type StorageState } from '../../../engine';
import { series, stateOf, verified } from './states';

const results = (state: StorageState) =>
	Object.fromEntries(resultsOf(state).map(({ target, actual, isMet }) => [target, [actual, isMet]]));

describe('targets', () => {
	it('are not known of an empty storage', () => {
		expect(results(stateOf([]))).toEqual({
			rpoHours: [undefined, undefined],
			rtoHours: [undefined, undefined],
			successRate: [undefined, undefined],
			verifiedShare: [undefined, undefined],
		});
	});

	it('count the oldest of the newest good backups, and infinity where there is none', () => {
		const young = series([{ hours: 3 }]);
		expect(results(stateOf([young, series([{ hours: 25 }], { name: 'b' })]))['rpoHours']).toEqual([25, false]);
		const bad = series([{ hours: 1, more: { isComplete: false } }], { name: 'b' });
		expect(results(stateOf([young, bad]))['rpoHours']).toEqual([Infinity, false]);
		expect(results(stateOf([young]))['rpoHours']).toEqual([3, true]);
	});

	it('add up the test restores, and know nothing where one is missing', () => {
		const restored = (name: string, minutes: number) =>
			series([{ hours: 3, more: verified(1, 'passed', minutes * 60_000) }], { name });
		expect(results(stateOf([restored('a', 30), restored('b', 15)]))['rtoHours']).toEqual([0.75, true]);
		expect(results(stateOf([restored('a', 30), restored('b', 45)]))['rtoHours']).toEqual([1.25, false]);
		expect(results(stateOf([restored('a', 30), series([{ hours: 3 }])]))['rtoHours']).toEqual([undefined, undefined]);
		// Nothing restores an export of workflows for a test.
		const workflows = series([{ hours: 3 }], { kind: 'n8n-workflows' });
		expect(results(stateOf([restored('a', 30), workflows]))['rtoHours']).toEqual([0.5, true]);
		expect(results(stateOf([workflows]))['rtoHours']).toEqual([undefined, undefined]);
	});

	it('take the share of good backups of thirty days', () => {
		const backups = [
			{ hours: 1 },
			{ hours: 25, more: { isComplete: false } },
			...Array.from({ length: 98 }, (_, index) => ({ hours: 26 + index })),
			// Too long ago to count.
			{ hours: 24 * 31, more: { isComplete: false } },
		];
		expect(results(stateOf([series(backups)]))['successRate']).toEqual([0.99, true]);
		expect(DEFAULT_TARGETS.successRate).toBe(0.99);
	});

	it('take the share of things of which a backup was verified in eight days', () => {
		const weekly = series([{ hours: 1 }, { hours: 24 * 7, more: verified(24 * 7) }]);
		const never = series([{ hours: 1 }], { name: 'b' });
		expect(results(stateOf([weekly]))['verifiedShare']).toEqual([1, true]);
		expect(results(stateOf([weekly, never]))['verifiedShare']).toEqual([0.5, false]);
		const failed = series([{ hours: 1, more: verified(1, 'failed') }], { name: 'c' });
		expect(results(stateOf([failed]))['verifiedShare']).toEqual([0, false]);
	});
});
