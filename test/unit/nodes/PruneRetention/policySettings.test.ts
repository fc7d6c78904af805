import { describe, expect, it } from 'vitest';

import { PRESETS } from '../../../../engine';
import { PRESET_CHOICES } from '../../../../nodes/PruneRetention/descriptions/rules';
import { idleRules, policySettings } from '../../../../nodes/PruneRetention/policySettings';
import { refusal, withFields } from './support';

const policyOf = (fields: Record<string, unknown>) => policySettings(withFields(fields), 0);
const custom = (rules: unknown) => ({ policy: 'custom', rules });
const separate = (...policies: unknown[]) => ({ policy: '7-days', separatePolicies: { policies } });
const foreign = (...patterns: unknown[]) => ({ policy: '7-days', foreignFiles: { patterns } });

describe('a policy by preset', () => {
	it('is every preset of the engine, and no other', () => {
		expect(PRESET_CHOICES.map(({ value }) => value).sort()).toEqual(Object.keys(PRESETS).sort());
	});

	it.each(Object.entries(PRESETS))('%s has its rules, and the usual limits', (policy, rules) => {
		expect(policyOf({ policy })).toEqual({ rules, maxDeletedShare: 0.5, futureToleranceMinutes: 60 });
	});

	it.each([undefined, null, '', '8-days', 'toString', 7])('is not %j', (policy) => {
		expect(() => policyOf({ policy })).toThrow(refusal('Policy is '));
	});

	it('does not take rules that are left over from a custom one', () => {
		expect(policyOf({ policy: '7-days', rules: { last: 1 } }).rules).toEqual(PRESETS['7-days']);
	});
});

describe('a custom policy', () => {
	it('has the rules that were added, and all of those without limit', () => {
		const rules = {
			last: 3,
			withinDays: '7',
			withinFrom: 'newest',
			daily: 0,
			yearly: 2,
			unlimited: ['yearly', 'monthly'],
		};
		expect(policyOf(custom(rules)).rules).toEqual({
			last: 3,
			withinDays: 7,
			withinFrom: 'newest',
			daily: 0,
			yearly: 'all',
			monthly: 'all',
		});
	});

	it.each([{}, undefined, { last: 0, daily: '0' }, { withinDays: 0, withinFrom: 'newest' }])(
		'is refused without a rule, which would keep everything: %j',
		(rules) => {
			const without = (where: string) => refusal(`${where} is Custom and has no rule: nothing would ever be deleted.`);
			expect(() => policyOf(custom(rules))).toThrow(without('Policy'));
			const shop = { kind: 'any', name: 'shop', keep: 'custom', rules };
			expect(() => policyOf(separate(shop))).toThrow(without('Separate policy 1'));
			expect(() => policyOf(foreign({ pattern: 'a?', keep: 'custom', rules }))).toThrow(without('Foreign files 1'));
		},
	);

	it.each([{ weeklySnapshots: 4 }, { weeklySnapshots: 4, daily: 0 }, { unlimited: ['weeklySnapshots'] }])(
		'is refused with weekly copies alone, which would keep every backup: %j',
		(rules) => {
			const alone = refusal('Policy is Custom and has Weekly Snapshots alone: no backup would ever be deleted');
			expect(() => policyOf(custom(rules))).toThrow(alone);
		},
	);

	it('may keep everything on purpose, and only copy', () => {
		expect(policyOf(custom({ unlimited: ['last'] })).rules).toEqual({ last: 'all' });
		const rules = { unlimited: ['last'], weeklySnapshots: 4 };
		expect(policyOf(custom(rules)).rules).toEqual({ last: 'all', weeklySnapshots: 4 });
	});

	it.each([
		[{ daily: -1 }, 'Daily of Policy is -1'],
		[{ daily: '' }, 'Daily of Policy is ""'],
		[{ daily: undefined }, 'Daily of Policy is '],
		[{ last: 1.5 }, 'Keep Last of Policy is 1.5'],
		[{ withinDays: null }, 'Keep Within Days of Policy is null'],
		[{ withinDays: 'all' }, 'Keep Within Days of Policy is "all"'],
		[{ withinFrom: 'then' }, 'Count Days From of Policy is "then"'],
		[{ unlimited: ['hourly'] }, 'Without Limit of Policy is "hourly"'],
		[{ unlimited: 5 }, 'Without Limit of Policy is 5'],
		['7', 'Rules of Policy is "7"'],
		[[7], 'Rules of Policy is [7]'],
	])('is refused for %j', (rules, message) => {
		expect(() => policyOf(custom(rules))).toThrow(refusal(message));
	});
});

describe('separate policies', () => {
	it('stand in their order, each for what it names', () => {
		const fields = separate(
			{ kind: 'qdrant', name: '', tag: '', keep: '30-days' },
			{ kind: 'any', name: ' shop ', tag: 'nightly', keep: 'custom', rules: { last: 2 } },
		);
		expect(policyOf(fields).overrides).toEqual([
			{ kind: 'qdrant', rules: PRESETS['30-days'] },
			{ name: 'shop', tag: 'nightly', rules: { last: 2 } },
		]);
	});

	it.each([
		[{ kind: 'any', name: ' ', keep: '7-days' }, 'Separate policy 1 names neither'],
		[{ kind: 'qdrant', name: undefined, keep: '7-days' }, 'Name of Separate policy 1 is '],
		[{ kind: 'qdrant', name: 'docs', tag: null, keep: '7-days' }, 'Tag of Separate policy 1 is null'],
		[{ kind: 'qdrant', name: ['docs'], keep: '7-days' }, 'Name of Separate policy 1 is ["docs"]'],
		[{ kind: 'qdrant' }, 'Separate policy 1 is undefined'],
		[{ kind: 'mysql', keep: '7-days' }, 'overrides.0.kind'],
		[{ name: 'shop', keep: 'custom', rules: { last: 'two' } }, 'Keep Last of Separate policy 1 is "two"'],
		[5, 'Separate Policies is 5'],
	])('are refused for %j, rather than meaning more', (entry, message) => {
		expect(() => policyOf(separate(entry))).toThrow(refusal(message));
	});

	it.each([{ policies: 5 }, { policy: [] }, [], 'x'])('are refused where they are %j', (separatePolicies) => {
		expect(() => policyOf({ policy: '7-days', separatePolicies })).toThrow(refusal('Separate Policies is '));
	});
});

describe('foreign files', () => {
	it('are kept as the policy says, or by rules of their own', () => {
		const fields = foreign(
			{ pattern: 'shop_*.sql.gz', keep: 'policy' },
			{ pattern: 'dumps/*', keep: '7-4-12' },
			{ pattern: 'a?', keep: 'custom', rules: { last: 1 } },
		);
		expect(policyOf(fields).foreign).toEqual([
			{ pattern: 'shop_*.sql.gz' },
			{ pattern: 'dumps/*', rules: PRESETS['7-4-12'] },
			{ pattern: 'a?', rules: { last: 1 } },
		]);
	});

	it.each([
		[{ pattern: ' ', keep: 'policy' }, 'Foreign files 1 has no pattern'],
		[{ pattern: {}, keep: 'policy' }, 'Name Pattern of Foreign files 1 is {}'],
		[{ pattern: '*.gz', keep: 'some' }, 'Foreign files 1 is "some"'],
	])('are refused for %j', (entry, message) => {
		expect(() => policyOf(foreign(entry))).toThrow(refusal(message));
	});
});

describe('WAL', () => {
	const walOf = (wal: unknown) => policyOf({ policy: '7-days', wal }).wal;

	it('stays where nothing was said, and for the days that were', () => {
		expect(walOf({})).toBeUndefined();
		expect(walOf({ days: 7 })).toEqual({ days: 7 });
		expect(walOf({ days: '3', baseBackups: 'cluster_*.tar.gz' })).toEqual({ days: 3, baseBackups: 'cluster_*.tar.gz' });
	});

	it.each([
		[{ baseBackups: 'x' }, 'WAL has no Recovery Window (Days)'],
		[{ days: null }, 'Recovery Window (Days) of WAL is null'],
		[{ days: -7 }, 'Recovery Window (Days) of WAL is -7'],
		['7', 'WAL is "7"'],
	])('is refused for %j', (wal, message) => {
		expect(() => walOf(wal)).toThrow(refusal(message));
	});
});

describe('the limits', () => {
	it('are a share in percent and minutes', () => {
		const options = { maxShare: 80, futureTolerance: '0' };
		expect(policyOf({ policy: '7-days', options })).toMatchObject({ maxDeletedShare: 0.8, futureToleranceMinutes: 0 });
	});

	it.each([{ maxShare: 101 }, { maxShare: -1 }, { maxShare: '' }, { futureTolerance: -1 }, { futureTolerance: null }])(
		'are not %j',
		(options) => {
			expect(() => policyOf({ policy: '7-days', options })).toThrow(refusal(' is '));
		},
	);
});

describe('a policy as JSON', () => {
	const policy = { rules: { daily: 7, yearly: 'all' }, maxDeletedShare: 1, wal: { days: 3 } };

	it('is taken as it is, from a text or an object', () => {
		expect(policyOf({ policy: 'json', policyJson: JSON.stringify(policy) })).toEqual(policy);
		expect(policyOf({ policy: 'json', policyJson: policy, options: { maxShare: 1 } })).toEqual(policy);
	});

	it('may have rules that keep everything, which can be told', () => {
		const copies = { weeklySnapshots: 12 };
		const overrides = [
			{ name: 'shop', rules: { last: 1 } },
			{ name: 'audit', rules: {} },
		];
		const foreign = [{ pattern: '*.gz' }, { pattern: '*.sql', rules: { daily: 0 } }];
		const idle = policyOf({ policy: 'json', policyJson: { rules: copies, overrides, foreign } });
		expect(idleRules(idle)).toEqual(['rules', 'overrides.1.rules', 'foreign.1.rules']);
		expect(idleRules(policyOf({ policy: 'json', policyJson: { rules: { ...copies, last: 'all' } } }))).toEqual([]);
	});

	it('may be what the fields gave', () => {
		const given = policyOf(separate({ kind: 'qdrant', keep: '30-days' }));
		expect(policyOf({ policy: 'json', policyJson: given })).toEqual(given);
	});

	it.each([undefined, null, '', '{', '7', { rules: { hourly: 1 } }, {}, { rules: { daily: -1 } }, []])(
		'is not %j',
		(policyJson) => {
			expect(() => policyOf({ policy: 'json', policyJson })).toThrow(refusal(' is not valid'));
		},
	);
});
