import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';

import { describe, expect, it } from 'vitest';

import { BackupError } from '../../../../engine/errors';
import { prune, type PruneOptions, type RetentionPolicy } from '../../../../engine/retention';
import { FolderStorage } from '../../../../engine/storage';
import { backupsIn, DAY_MS, intercepted, temporaryRoot, withManifests, writeBackup, writeDaily } from '../support';

/** A folder in which files of any age can be put. */
function folder() {
	const root = temporaryRoot();
	const put = (key: string, daysAgo: number, content = 'a dump\n'.repeat(20)) => {
		mkdirSync(path.dirname(path.join(root, key)), { recursive: true });
		writeFileSync(path.join(root, key), content, 'latin1');
		const time = new Date(Date.now() - daysAgo * DAY_MS);
		utimesSync(path.join(root, key), time, time);
		return key;
	};
	const storage = new FolderStorage({ root });
	const run = (policy: Omit<RetentionPolicy, 'maxDeletedShare'>, more: Partial<PruneOptions> = {}) =>
		prune({ storage, policy: { ...policy, maxDeletedShare: 1 }, owner: 'test', ...more });
	return { storage, put, run };
}

/** `20260131_020000`, so many days ago. */
const stamp = (daysAgo: number) =>
	new Date(Date.now() - daysAgo * DAY_MS).toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '_');

describe("others' files", () => {
	const rules = { last: 2 };

	it('are no business of ours unless a pattern asks for them', async () => {
		const { storage, put, run } = folder();
		const keys = await writeDaily(storage, 2);
		const dumps = [2, 3, 4, 5].map((days) => put(`postgres/old_${stamp(days)}.sql.gz`, days));
		const untouched = await run({ rules });
		expect(untouched.rows.map(({ key }) => key)).toEqual(keys);
		expect(await backupsIn(storage)).toEqual([...dumps, ...withManifests(keys)].sort());
		const dry = await run({ rules, foreign: [{ pattern: 'old_*.sql.gz' }] }, { dryRun: true });
		const report = await run({ rules, foreign: [{ pattern: 'old_*.sql.gz' }] });
		expect(report.rows).toEqual(dry.rows);
		expect(report.totals).toEqual(dry.totals);
		expect(report.deleted.map(({ key }) => key)).toEqual(dumps.slice(2));
		expect(report.rows.filter(({ kind }) => kind === 'foreign')).toHaveLength(4);
		expect(await backupsIn(storage)).toEqual([...dumps.slice(0, 2), ...withManifests(keys)].sort());
	});

	it('of several databases are counted apart, and the last good one of each stays', async () => {
		const { storage, put, run } = folder();
		await writeBackup(storage, 0);
		const shop = [2, 3, 4].map((days) => put(`postgres/a_${stamp(days)}.dump`, days));
		const crm = put(`postgres/b_${stamp(400)}.dump`, 400);
		const failed = put(`postgres/b_${stamp(3)}.dump`, 3, '');
		const report = await run({ rules: { withinDays: 1 }, foreign: [{ pattern: '*.dump', rules: { last: 1 } }] });
		expect(report.deleted.map(({ key }) => key).sort()).toEqual(shop.slice(1).sort());
		const kept = report.rows.filter(({ kind, verdict }) => kind === 'foreign' && verdict === 'keep');
		expect(kept.map(({ key }) => key)).toEqual(expect.arrayContaining([shop[0], crm, failed]));
	});

	it('go by when they were changed where their names tell no date', async () => {
		const { storage, put, run } = folder();
		await writeBackup(storage, 0);
		const names = ['x-1780000000', 'x-1780000001', 'x-1780000002'];
		const [a, b, c] = names.map((name, index) => put(`postgres/${name}.tar`, [9, 5, 7][index]!));
		const report = await run({ rules: { last: 1 }, foreign: [{ pattern: 'x-*.tar' }] });
		expect(report.deleted.map(({ key }) => key)).toEqual([c, a]);
		expect(await storage.stat(b!)).toBeDefined();
	});

	it('are no good where a script that failed left nothing but a compressor’s frame', async () => {
		const { storage, put, run } = folder();
		await writeBackup(storage, 0);
		const good = put(`postgres/a_${stamp(40)}.sql.gz`, 40);
		for (const days of [2, 3, 4, 5]) put(`postgres/a_${stamp(days)}.sql.gz`, days, gzipSync('').toString('latin1'));
		const report = await run({ rules: {}, foreign: [{ pattern: 'a_*', rules: { last: 2 } }] });
		expect(report.rows.find(({ key }) => key === good)).toMatchObject({ verdict: 'keep', complete: true });
		expect(report.deleted).toHaveLength(2);
		expect(await storage.stat(good)).toBeDefined();
	});

	it('never take the place of what only begins alike, or has no date at all', async () => {
		const { storage, put, run } = folder();
		await writeBackup(storage, 0);
		const day = (days: number) => stamp(days).slice(0, 8);
		const of = (days: number) =>
			[
				// What one script makes of one project, and the pieces of a large file.
				`site_${day(days)}.sql.gz`,
				`site_${day(days)}.tar.gz`,
				`site_${day(days)}_roles.sql.gz`,
				`site_${day(days)}.tar.001`,
				`site_${day(days)}.tar.002`,
			].map((name, index) => put(`postgres/${name}`, days - index / 100));
		const [newer, older] = [of(3), of(9)];
		const undated = [put('postgres/shop.sql.gz', 40), put('postgres/crm.sql.gz', 30), put('postgres/db1.sql.gz', 20)];
		const report = await run({ rules: {}, foreign: [{ pattern: '*', rules: { last: 1 } }] });
		expect(report.deleted.map(({ key }) => key).sort()).toEqual([...older].sort());
		expect(await backupsIn(storage)).toEqual(expect.arrayContaining([...newer, ...undated]));
	});

	it('are left alone while they may still be written, in other folders, and where they are ours', async () => {
		const { storage, put, run } = folder();
		const keys = await writeDaily(storage, 2);
		const own = put('postgres/x_1.json', 9);
		const left = [
			put('postgres/x_2.json', 0),
			put('elsewhere/x_3.json', 9),
			put(`${keys[0]}.verification.json`, 9),
			put('postgres/server-snapshots/0b0f0c1e.json', 9),
			put('postgres/000000010000000A000000FF', 9),
		];
		const report = await run({ rules: { last: 9 }, foreign: [{ pattern: '*', rules: { last: 1 } }] });
		expect(report.rows.filter(({ kind }) => kind === 'foreign').map(({ key }) => key)).toEqual([own]);
		expect(await backupsIn(storage)).toEqual(expect.arrayContaining([...left, ...withManifests(keys)]));
		const asked = await run({ rules: { last: 9 }, foreign: [{ pattern: 'x_*' }] }, { prefixes: ['elsewhere/'] });
		expect(asked.rows.map(({ key }) => key)).toEqual(['elsewhere/x_3.json']);
	});

	it('that the policy keeps are no leftovers, though named like ours', async () => {
		const { storage, put, run } = folder();
		await writeBackup(storage, 0);
		const dumps = [2, 3].map((days) => put(`postgres/old_${stamp(days)}.sql.gz`, days));
		const foreign = [{ pattern: 'old_*' }];
		const report = await run({ rules: { last: 1 }, foreign }, { removeUnproven: true });
		expect([report.unproven, report.removedOrphans]).toEqual([[], []]);
		expect(report.deleted.map(({ key }) => key)).toEqual([dumps[1]]);
		expect(await storage.stat(dumps[0]!)).toBeDefined();
	});

	it('stay where they were changed since the plan was made', async () => {
		const { storage, put } = folder();
		await writeBackup(storage, 0);
		const [, old] = [put(`postgres/x_${stamp(2)}.tar`, 2), put(`postgres/x_${stamp(3)}.tar`, 3)];
		let stats = 0;
		const changing = intercepted(storage, {
			stat: async (key) => {
				if (key === old && ++stats === 1) put(old, 0, 'newer');
				return await storage.stat(key);
			},
		});
		const policy = { rules: { last: 1 }, foreign: [{ pattern: 'x_*' }], maxDeletedShare: 1 };
		const report = await prune({ storage: changing, policy, owner: 'test' });
		expect(report.failed).toMatchObject([{ entry: { key: old } }]);
		expect(await storage.stat(old)).toBeDefined();
	});
});

describe('archived WAL', () => {
	const segment = (number: number) => `wal/00000001000000000000${number.toString(16).toUpperCase().padStart(4, '0')}`;

	it('goes after its days, but not what a base backup needs, and a dry run says the same', async () => {
		const { storage, put, run } = folder();
		await writeDaily(storage, 2);
		const files = Array.from({ length: 20 }, (_, index) => put(segment(100 - index), index + 0.5));
		const base = put(`base/base_${stamp(12)}.tar.gz`, 11.9);
		const policy = { rules: { last: 2 }, wal: { days: 7 } };
		const dry = await run(policy, { dryRun: true });
		expect(await storage.stat(files[19]!)).toBeDefined();
		const report = await run(policy);
		expect(report.wal).toEqual(dry.wal);
		expect(report.totals).toEqual(dry.totals);
		expect(report.wal).toMatchObject([{ folder: 'wal/', kept: 12, deleted: 8, error: null, refusal: null }]);
		expect(report.totals.walDeleted).toBe(8);
		expect(report.wal[0]!.reason).toContain(base);
		const left = (await backupsIn(storage)).filter((key) => key.startsWith('wal/'));
		expect(left).toEqual(files.slice(0, 12).sort());
	});

	it('goes the oldest group first, and what is reported as deleted up to a segment has no gap', async () => {
		const { storage, put } = folder();
		await writeDaily(storage, 2);
		const files = Array.from({ length: 450 }, (_, index) => put(segment(1000 - index), index + 0.5)).reverse();
		const groups: string[][] = [];
		const fails = files[150]!;
		const failing = intercepted(storage, {
			removeMany: async (keys, signal) => {
				if (!keys[0]?.startsWith('wal/')) return await storage.removeMany(keys, signal);
				groups.push([...keys]);
				const error = new BackupError('STORAGE_DENIED', 'No.');
				await storage.removeMany(keys.filter((key) => key !== fails));
				return keys.includes(fails) ? [{ key: fails, error }] : [];
			},
		});
		const policy = { rules: { last: 2 }, wal: { days: 7 }, maxDeletedShare: 1 };
		const { wal } = await prune({ storage: failing, policy, owner: 'test' });
		expect(groups.flat()).toEqual(files.slice(0, groups.flat().length));
		expect(groups.map(({ length }) => length)).toEqual([100, 100]);
		expect(wal).toMatchObject([{ deleted: 199, deletedUpTo: files[149], error: { code: 'STORAGE_DENIED' } }]);
	});

	it('is let go with the base backup that needed it', async () => {
		const { storage, put, run } = folder();
		await writeBackup(storage, 0, { folder: 'base' });
		for (let index = 0; index < 20; index++) put(segment(100 - index), index + 0.5);
		put(`base/base_${stamp(12)}.tar.gz`, 11.9);
		put(`base/base_${stamp(2)}.tar.gz`, 1.9);
		const foreign = [{ pattern: 'base_*', rules: { last: 1 } }];
		const report = await run({ rules: {}, foreign, wal: { days: 7 } });
		expect(report.wal).toMatchObject([{ kept: 7, deleted: 13 }]);
	});

	it('stays where the plan is refused, or the folder is none of the run', async () => {
		const { storage, put, run } = folder();
		await writeDaily(storage, 4);
		for (let index = 0; index < 9; index++) put(segment(100 - index), index + 0.5);
		const policy = { rules: { last: 1 }, wal: { days: 1 } };
		const refused = await prune({ storage, policy, owner: 'test' });
		expect([refused.refusal?.reason, refused.wal]).toEqual(['share', []]);
		expect((await run(policy, { prefixes: ['postgres/'] })).wal).toEqual([]);
		expect((await backupsIn(storage)).filter((key) => key.startsWith('wal/'))).toHaveLength(9);
	});
});
