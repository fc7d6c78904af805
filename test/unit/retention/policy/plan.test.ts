import { describe, expect, it } from 'vitest';

import { planRetention, type RetentionEntry } from '../../../../engine/retention';
import { isGood, markLacking } from '../../../../engine/retention/entry';
import { backup, daily, kept, keptDays, NOW, policyOf, rulesFor, type Draft } from '../entries';

describe('what no policy deletes', () => {
	it('is named with its reason', () => {
		const [last, verified, pinned, locked, old] = daily(5) as [Draft, Draft, Draft, Draft, Draft];
		verified.verified = 'passed';
		pinned.pinned = true;
		locked.lockedUntil = '2026-07-15T12:00:01Z';
		const plan = planRetention([last, verified, pinned, locked, old], NOW, policyOf({ last: 1 }));
		expect(rulesFor(plan, last)).toEqual(['last', 'lastGood']);
		expect(rulesFor(plan, verified)).toEqual(['lastVerified']);
		expect(rulesFor(plan, pinned)).toEqual(['pinned']);
		expect(rulesFor(plan, locked)).toEqual(['locked']);
		expect(rulesFor(plan, old)).toEqual(['expired']);
		expect(plan.deletable).toEqual([old]);
	});

	it('holds for all archives that an increment needs, and for those that these need', () => {
		const full = backup('2026-01-01T00:00:00Z');
		const first = backup('2026-01-02T00:00:00Z', { needs: [full.id] });
		const second = backup('2026-07-14T00:00:00Z', { needs: [first.id] });
		const other = backup('2026-01-03T00:00:00Z', { needs: [full.id] });
		const plan = planRetention([full, first, second, other], NOW, policyOf({ last: 1 }));
		expect(plan.deletable).toEqual([other]);
		expect(rulesFor(plan, full)).toEqual(['needed']);
	});

	it('holds for what backups need each other in a circle, need themselves, or need though nobody has it', () => {
		const one = backup('2026-01-01T00:00:00Z');
		const two = backup('2026-01-02T00:00:00Z', { needs: [one.id, 'nobody'] });
		const three = backup('2026-07-14T00:00:00Z', { needs: [two.id] });
		one.needs = [three.id, one.id];
		expect(planRetention([one, two, three], NOW, policyOf({ last: 1 })).deletable).toEqual([]);
		const newest = backup('2026-07-15T00:00:00Z');
		const plan = planRetention([one, two, three, newest], NOW, policyOf({ last: 1 }));
		expect(plan.deletable).toHaveLength(3);
	});

	it('goes through thousands of backups that need each other in a row', () => {
		const row = daily(5000);
		row.forEach((entry, index) => (entry.needs = row.slice(index + 1, index + 4).map(({ id }) => id)));
		expect(planRetention(row, NOW, policyOf({ last: 1 })).deletable).toEqual([]);
		const newest = backup(new Date(NOW.getTime() + 60_000));
		expect(planRetention([newest, ...row], NOW, policyOf({ last: 1 })).deletable).toEqual(row);
	});

	it('takes no backup for good that lacks an archive which it needs', () => {
		const full = backup('2026-07-01T00:00:00Z', { kind: 'files', complete: false });
		const increment = backup('2026-07-10T00:00:00Z', { kind: 'files', needs: [full.id] });
		const before = backup('2026-06-01T00:00:00Z', { kind: 'files' });
		const entries = [full, increment, before];
		markLacking(entries);
		expect(entries.map(isGood)).toEqual([false, false, true]);
		expect(rulesFor(planRetention(entries, NOW, policyOf({ last: 1 })), before)).toContain('lastGood');
		full.complete = true;
		markLacking(entries);
		expect(entries.map(isGood)).toEqual([true, true, true]);
		full.verified = 'failed';
		markLacking(entries);
		expect(isGood(increment)).toBe(false);
	});

	it('holds for each kind and name, though a whole one is too old', () => {
		const old = '2020-01-01T00:00:00Z';
		const entries = [
			...daily(3),
			backup(old, { name: 'crm' }),
			backup(old, { kind: 'qdrant', key: 'qdrant/shop_1.snapshot' }),
		];
		expect(planRetention(entries, NOW, policyOf({ withinDays: 7 })).deletable).toEqual([]);
	});

	it('does not hold for the newest where it is damaged', () => {
		const [failed, missing, good, older] = daily(4) as [Draft, Draft, Draft, Draft];
		failed.verified = 'failed';
		missing.complete = false;
		const plan = planRetention([failed, missing, good, older], NOW, policyOf({ last: 1 }));
		expect(kept(plan)).toEqual([failed, good]);
		expect(rulesFor(plan, good)).toEqual(['last', 'lastGood']);
	});

	it('is everything where no rule is set', () => {
		expect(planRetention(daily(9), NOW, policyOf({})).deletable).toEqual([]);
		expect(planRetention(daily(9), NOW, policyOf({ last: 0, daily: 0 })).deletable).toEqual([]);
	});
});

describe('a refused plan', () => {
	it('names the share, and still shows what would go', () => {
		const plan = planRetention(daily(10), NOW, { rules: { last: 4 } });
		expect(plan.refusal).toMatchObject({ reason: 'share', message: expect.stringContaining('6 of 10') as string });
		expect(plan.deletable).toEqual([]);
		expect(keptDays(plan)).toHaveLength(4);
		expect(planRetention(daily(10), NOW, { rules: { last: 5 } }).refusal).toBeUndefined();
	});

	it('names backups of the future, beyond a tolerance', () => {
		const entries = (minutes: number) => [...daily(3), backup(new Date(NOW.getTime() + minutes * 60_000))];
		expect(planRetention(entries(58), NOW, policyOf({ last: 1 })).refusal).toBeUndefined();
		expect(planRetention(entries(61), NOW, policyOf({ last: 1 })).refusal?.reason).toBe('future');
		const patient = policyOf({ last: 1 }, { futureToleranceMinutes: 90 });
		expect(planRetention(entries(61), NOW, patient).deletable).toHaveLength(3);
		const finished = backup(NOW, { finishedAt: '2026-07-16T00:00:00Z' });
		expect(planRetention([finished], NOW, policyOf({ last: 1 })).refusal?.reason).toBe('future');
	});
});

describe('separate rules', () => {
	it('go by kind, name and tag, the first that match', () => {
		const policy = policyOf(
			{ last: 1 },
			{
				overrides: [
					{ name: 'crm', kind: 'qdrant', rules: { last: 3 } },
					{ tag: 'release', rules: {} },
					{ name: 'crm', rules: { last: 2 } },
				],
			},
		);
		const counts = (more: Partial<RetentionEntry>) => kept(planRetention(daily(5, more), NOW, policy)).length;
		expect(counts({})).toBe(1);
		expect(counts({ name: 'crm' })).toBe(2);
		expect(counts({ name: 'crm', kind: 'qdrant' })).toBe(3);
		expect(counts({ tags: ['release', 'x'] })).toBe(5);
		expect(counts({ tags: ['Release'] })).toBe(1);
	});

	it('count the backups with a tag apart from those without', () => {
		const policy = policyOf({ last: 2 }, { overrides: [{ tag: 'hourly', rules: { last: 1 } }] });
		const entries = daily(6).map((entry, index) => ({ ...entry, tags: index % 2 ? ['hourly'] : [] }));
		expect(keptDays(planRetention(entries, NOW, policy))).toEqual(['2026-07-15', '2026-07-14', '2026-07-13']);
	});
});

describe('weekly copies', () => {
	const copy = (week: string, more: Partial<RetentionEntry> = {}) =>
		backup('2026-06-01T00:00:00Z', { key: `weekly/${week}/shop_1.sql.zst`, ...more });

	it('are kept for so many weeks, apart from their originals', () => {
		const copies = ['2026_W23', '2026_W22', '2026_W20', '2025_W52'].map((week) => copy(week));
		const plan = planRetention([...daily(3), ...copies], NOW, policyOf({ last: 1, weeklySnapshots: 2 }));
		const keys = kept(plan).map(({ key }) => key);
		expect(keys.filter((key) => key.startsWith('weekly/')).sort()).toEqual([
			'weekly/2026_W22/shop_1.sql.zst',
			'weekly/2026_W23/shop_1.sql.zst',
		]);
		expect(keys).toHaveLength(3);
	});

	it('come after their originals', () => {
		const original = backup('2026-06-01T00:00:00Z');
		const plan = planRetention([copy('2026_W23'), original], NOW, policyOf({ last: 1 }));
		expect(plan.decisions.map(({ entry }) => entry.key)).toEqual([original.key, 'weekly/2026_W23/shop_1.sql.zst']);
	});

	it('stay where no rule is set for them', () => {
		const copies = ['2026_W23', '2026_W22'].map((week) => copy(week));
		expect(planRetention([...daily(2), ...copies], NOW, policyOf({ last: 1 })).deletable).toHaveLength(1);
	});
});
