import { describe, expect, it } from 'vitest';

import type { RetentionEntry } from '../../../../engine/retention';
import { shareFailures } from '../../../../engine/retention/survey/shared-failure';
import { backup } from '../entries';

/** An original and its weekly copy, which have one id. */
function pair(original: Partial<RetentionEntry>, copy: Partial<RetentionEntry>): [RetentionEntry, RetentionEntry] {
	const first = backup('2026-07-15T12:00:00Z', original);
	return [first, backup('2026-07-15T12:00:00Z', { id: first.id, key: 'weekly/2026_W29/shop.sql', ...copy })];
}

const verdicts = (entries: RetentionEntry[]) => {
	shareFailures(entries);
	return entries.map(({ verified }) => verified);
};
const failed = { verified: 'failed' } as const;
const passed = { verified: 'passed' } as const;

describe('a verification that failed', () => {
	it('counts for a copy of which nothing is known', () => {
		expect(verdicts(pair(failed, {}))).toEqual(['failed', 'failed']);
	});

	it('counts for a hard link, whichever of the two it was of, and whatever else is known', () => {
		const link = { sharedAs: '1:2' };
		expect(verdicts(pair({ ...link, ...failed }, { ...link, ...passed }))).toEqual(['failed', 'failed']);
		expect(verdicts(pair(link, { ...link, ...failed }))).toEqual(['failed', 'failed']);
	});

	it('does not count for other bytes: a copy that passed by itself, one of another size, an original, another backup', () => {
		expect(verdicts(pair(failed, passed))).toEqual(['failed', 'passed']);
		expect(verdicts(pair(failed, { size: 5 }))).toEqual(['failed', undefined]);
		expect(verdicts(pair({}, failed))).toEqual([undefined, 'failed']);
		expect(verdicts(pair(failed, { id: 'another' }))).toEqual(['failed', undefined]);
	});

	it('is the only thing that is shared: what passed tells nothing of a copy', () => {
		expect(verdicts(pair(passed, {}))).toEqual(['passed', undefined]);
	});
});
