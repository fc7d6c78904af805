import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { planWal, Zone, type BaseCandidate, type RetentionPolicy } from '../../../../engine/retention';
import { candidateOf, isBaseBackup, isWalFile } from '../../../../engine/retention/wal/plan';
import type { StoredObject } from '../../../../engine/storage';
import { DAY_MS, NOW } from '../entries';

const zone = new Zone('UTC');
const daysAgo = (days: number) => new Date(NOW.getTime() - days * DAY_MS);

function segment(number: number, days: number, more: { timeline?: number; folder?: string; end?: string } = {}) {
	const { timeline = 1, folder = 'wal/', end = '' } = more;
	const hex = (value: number, digits: number) => value.toString(16).toUpperCase().padStart(digits, '0');
	return { key: `${folder}${hex(timeline, 8)}${hex(number, 16)}${end}`, size: 100, modifiedAt: daysAgo(days) };
}

/** One a day, the newest half a day old. */
function archive(days: number, more: Parameters<typeof segment>[2] = {}): StoredObject[] {
	return Array.from({ length: days }, (_, index) => segment(1000 - index, index + 0.5, more));
}

function base(days: number, more: Partial<BaseCandidate> = {}): BaseCandidate {
	return { key: 'base/base_1.tar.gz', name: undefined, origin: 'foreign', startedAt: daysAgo(days), ...more };
}

const policyOf = (days: number, more: Partial<RetentionPolicy> = {}): RetentionPolicy => ({
	rules: {},
	wal: { days },
	maxDeletedShare: 1,
	...more,
});
const plan = (files: StoredObject[], days: number, bases: BaseCandidate[] = [], policy = policyOf(days)) =>
	planWal(files, bases, policy, { now: NOW, zone });

describe('archived WAL', () => {
	it('is kept for so many days', () => {
		const [wal] = plan(archive(20), 7);
		expect(wal).toMatchObject({ folder: 'wal/', kept: 7, keptBytes: 700, reason: 'all of the last 7 days' });
		expect(wal!.delete.map(({ modifiedAt }) => modifiedAt)).toEqual(
			Array.from({ length: 13 }, (_, index) => daysAgo(19.5 - index)),
		);
	});

	it('is kept from the start of the oldest base backup on', () => {
		const [wal] = plan(archive(20), 7, [base(3), base(12)]);
		// Each segment that was archived after the start; one that was before holds nothing of it.
		expect(wal!.kept).toBe(12);
		expect(wal!.reason).toContain('base/base_1.tar.gz');
	});

	it('goes by the base backups of its own server where names tell', () => {
		const files = [...archive(20, { folder: 'wal/shop/' }), ...archive(20, { folder: 'wal/crm/' })];
		const ofShop = base(12, { name: 'shop' });
		const kept = (bases: BaseCandidate[]) => plan(files, 7, bases).map(({ kept: count }) => count);
		expect(kept([ofShop])).toEqual([12, 7]);
		expect(kept([ofShop, base(15, { name: 'somewhere' })])).toEqual([15, 15]);
		expect(kept([ofShop, base(15)])).toEqual([15, 15]);
	});

	it('never goes with its last segment, nor a history of timelines', () => {
		const old = archive(3).map((file) => ({ ...file, modifiedAt: daysAgo(100) }));
		const history = { key: 'wal/00000002.history', size: 10, modifiedAt: daysAgo(300) };
		const [wal] = plan([...old, history], 7);
		expect([wal!.kept, wal!.delete.length]).toEqual([1, 2]);
		expect(wal!.delete).not.toContain(history);
	});

	it('leaves no gap: a segment stays where one before it stays', () => {
		const late = { ...segment(990, 1), key: archive(20)[15]!.key };
		const files = archive(20).map((file) => (file.key === late.key ? late : file));
		expect(plan(files, 7)[0]!.kept).toBe(16);
	});

	it('takes compressed segments and the notes of base backups for what they are, and nothing else', () => {
		const ends = ['.gz', '.zst.gpg', '.00000028.backup', '.lz4'];
		for (const end of ends) expect(isWalFile(segment(1, 1, { end }).key)).toBe(true);
		const others = ['wal/notes.txt', 'wal/000000010000000A000000f', 'wal/x000000010000000A000000FF', 'a/shop_1.sql'];
		for (const key of others) expect(isWalFile(key)).toBe(false);
		const files = [...archive(2), ...others.map((key) => ({ key, size: 1, modifiedAt: daysAgo(99) }))];
		expect(plan(files, 0)[0]!.kept).toBe(1);
	});

	it('stays where a clock looks wrong or more than the set share would go', () => {
		const [ahead] = plan([...archive(20), segment(2000, -1)], 7);
		expect([ahead!.delete, ahead!.refusal]).toEqual([[], expect.stringContaining('future')]);
		const [much] = plan(archive(20), 7, [], policyOf(7, { maxDeletedShare: 0.5 }));
		expect([much!.delete, much!.kept, much!.refusal]).toEqual([[], 20, expect.stringContaining('13 of 20')]);
	});

	it('stays whole where the policy says nothing about it', () => {
		expect(planWal(archive(20), [], { rules: { last: 1 } }, { now: NOW, zone })).toEqual([]);
	});

	it('that a kept base backup needs is never deleted, whatever there is', () => {
		const files = fc.array(
			fc.record({
				number: fc.nat(200),
				days: fc.integer({ min: 0, max: 60 }),
				timeline: fc.integer({ min: 1, max: 2 }),
				folder: fc.constantFrom('wal/', 'wal/shop/'),
			}),
			{ minLength: 1, maxLength: 50 },
		);
		const bases = fc.array(
			fc.record({ days: fc.integer({ min: 0, max: 60 }), name: fc.constantFrom(undefined, 'shop', 'crm') }),
			{ maxLength: 4 },
		);
		fc.assert(
			fc.property(files, bases, fc.nat(30), (drafts, candidates, days) => {
				const objects = drafts.map(({ number, days: age, ...more }) => segment(number, age, more));
				const plans = plan(
					objects,
					days,
					candidates.map(({ days: age, name }) => base(age, { name })),
				);
				const longer = plan(
					objects,
					days + 5,
					candidates.map(({ days: age, name }) => base(age, { name })),
				);
				for (const [index, { folder, delete: gone }] of plans.entries()) {
					const own = candidates.filter(({ name }) => name !== 'shop' || folder === 'wal/shop/');
					const since = Math.min(...own.map(({ days: age }) => daysAgo(age).getTime()), daysAgo(days).getTime());
					for (const { modifiedAt } of gone) expect(modifiedAt.getTime()).toBeLessThan(since);
					expect(plans[index]!.kept).toBeGreaterThan(0);
					// A longer policy keeps no less.
					const keys = new Set(gone.map(({ key }) => key));
					for (const { key } of longer[index]!.delete) expect(keys.has(key)).toBe(true);
				}
			}),
		);
	});
});

describe('a base backup', () => {
	const of = (key: string, origin: BaseCandidate['origin']) => isBaseBackup(base(1, { key, origin }), { days: 7 });

	it('is told by its name, or by what the policy calls one', () => {
		for (const name of ['base.tar.gz', 'base_20260131.tar', 'pg_basebackup-1.tar.zst', 'shop_base-backup.tar']) {
			expect(of(`x/${name}`, 'foreign')).toBe(true);
		}
		for (const name of ['database_1.tar', 'base_1.sql.gz', 'shop.tar.gz'])
			expect(of(`x/${name}`, 'foreign')).toBe(false);
		expect(of('postgres/shop_20260131_020000.tar.zst', 'ours, of PostgreSQL')).toBe(true);
		expect(of('postgres/base_20260131_020000.sql.zst', 'ours, of PostgreSQL')).toBe(false);
		expect(of('minio/base_20260131_020000.tar.zst', 'ours')).toBe(false);
		const named = base(1, { key: 'x/cluster_1.tgz' });
		expect(isBaseBackup(named, { days: 7, baseBackups: 'cluster_*' })).toBe(true);
	});

	it('of others began at the time in its name, else a day before it was last changed', () => {
		const modifiedAt = new Date('2026-07-01T10:00:00Z');
		const startOf = (key: string) => candidateOf({ key, size: 1, modifiedAt }, zone).startedAt.toISOString();
		expect(startOf('base_20260630_233000.tar')).toBe('2026-06-30T23:30:00.000Z');
		expect(startOf('base_20260709.tar')).toBe('2026-07-01T10:00:00.000Z');
		expect(startOf('base.tar')).toBe('2026-06-30T10:00:00.000Z');
	});
});
