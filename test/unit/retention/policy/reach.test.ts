import { expect, it } from 'vitest';

import { parsePolicy } from '../../../../engine/retention';
import { coversReach, reachOf } from '../../../../engine/retention/policy/reach';

const covers = (wider: object, policy: object) =>
	coversReach(reachOf(parsePolicy(wider)), reachOf(parsePolicy(policy)));

it('a policy covers one that decides on the same or on less, whatever its rules are', () => {
	const nightly = { rules: { daily: 7 } };
	const both = { rules: { withinDays: 30, weeklySnapshots: 12 } };
	const weekly = { rules: { last: 'all', weeklySnapshots: 4 } };
	const shop = { rules: {}, overrides: [{ name: 'shop', rules: { last: 3 } }] };
	const crm = { rules: {}, overrides: [{ name: 'crm', rules: { last: 3 } }] };
	const scripts = { rules: { last: 'all' }, foreign: [{ pattern: '*.sql' }] };
	expect(covers(both, nightly)).toBe(true);
	expect(covers(both, weekly)).toBe(true);
	expect(covers(nightly, both)).toBe(false);
	expect(covers(weekly, nightly)).toBe(false);
	expect(covers(nightly, weekly)).toBe(false);
	expect(covers(nightly, shop)).toBe(true);
	expect(covers(shop, crm)).toBe(false);
	expect(covers(both, scripts)).toBe(false);
	expect(covers(scripts, scripts)).toBe(true);
	expect(covers({ ...scripts, wal: { days: 3 } }, scripts)).toBe(true);
	expect(covers(scripts, { ...scripts, wal: { days: 3 } })).toBe(false);
	// What lets nothing go has nothing to be told of.
	expect(covers(scripts, { rules: { yearly: 0, weeklySnapshots: 'all' } })).toBe(true);
});
