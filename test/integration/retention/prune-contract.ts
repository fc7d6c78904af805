import { describe, expect, it } from 'vitest';

import { manifestKeyOf } from '../../../engine/archive';
import { BackupError } from '../../../engine/errors';
import { acquireLock, prune, type KeepRules, type PruneOptions } from '../../../engine/retention';
import type { Storage } from '../../../engine/storage';
import { all } from '../storage/content';
import { changeManifest, DAY_MS, intercepted, keysIn, textOf, withManifests, writeBackup, writeDaily } from './support';

/** Prunes, the share left out of it. */
export function pruneBy(storage: Storage, rules: KeepRules, more: Partial<PruneOptions> = {}) {
	return prune({ storage, policy: { rules, maxDeletedShare: 1 }, owner: 'test', ...more });
}

/** The archives and manifests among the keys, without pointers. */
export async function backupsIn(storage: Storage): Promise<string[]> {
	return (await keysIn(storage)).filter((key) => !key.endsWith('_latest'));
}

const tomorrow = () => new Date(Date.now() + 2 * DAY_MS);

/** What pruning promises on every storage. */
export function pruneContract(newStorage: () => Promise<Storage>): void {
	describe('pruning', () => {
		it('deletes what the policy lets go, manifests and data, and nothing else', async () => {
			const storage = await newStorage();
			const keys = await writeDaily(storage, 5);
			const crm = await writeDaily(storage, 2, { name: 'crm' });
			await storage.replace('postgres/notes.txt', Buffer.from('mine'));
			const report = await pruneBy(storage, { last: 2 });
			expect(await backupsIn(storage)).toEqual(
				[...withManifests([...keys.slice(0, 2), ...crm]), 'postgres/notes.txt'].sort(),
			);
			expect(report.deleted.map(({ key }) => key)).toEqual(keys.slice(2));
			expect(report).toMatchObject({ failed: [], swept: [], orphans: [], damaged: [] });
			expect(report.totals).toMatchObject({ kept: 4, deleted: 3, walDeleted: 0 });
			expect(report.totals.freedBytes).toBe(report.deleted.reduce((sum, { size }) => sum + size, 0));
			expect(await storage.readLatest('postgres/shop_latest')).toBe(keys[0]);
			expect((await pruneBy(storage, { last: 2 })).deleted).toEqual([]);
		});

		it('changes nothing in a dry run, and shows the same', async () => {
			const storage = await newStorage();
			await writeDaily(storage, 4);
			const before = (await all(storage.list(''))).map(({ key }) => key).sort();
			const dry = await pruneBy(storage, { last: 1 }, { dryRun: true });
			expect((await all(storage.list(''))).map(({ key }) => key).sort()).toEqual(before);
			expect(dry.deleted).toEqual([]);
			const now = new Date();
			const real = await pruneBy(storage, { last: 1 }, { now });
			expect(real.plan).toEqual(dry.plan);
			expect(real.rows).toEqual(dry.rows);
			expect(real.totals).toEqual(dry.totals);
			expect(real.deleted).toEqual(dry.plan.deletable);
		});

		it('changes nothing where the plan is refused', async () => {
			const storage = await newStorage();
			await writeDaily(storage, 4);
			const before = await backupsIn(storage);
			const policy = { rules: { last: 1 } };
			const report = await prune({ storage, policy, owner: 'test', removeOrphans: true });
			expect(report.plan.refusal?.reason).toBe('share');
			expect(await backupsIn(storage)).toEqual(before);
		});

		it('is refused while another run holds the lock', async () => {
			const storage = await newStorage();
			await writeDaily(storage, 3);
			const lock = await acquireLock(storage, { owner: 'another run' });
			await expect(pruneBy(storage, { last: 1 })).rejects.toMatchObject({ code: 'STORAGE_LOCKED' });
			await lock.release();
			expect((await pruneBy(storage, { last: 1 })).deleted).toHaveLength(2);
		});

		it('takes the last good backup for the last one where newer ones are damaged, and the pointer with it', async () => {
			const storage = await newStorage();
			const keys = await writeDaily(storage, 4);
			await storage.remove(keys[0]!);
			expect((await pruneBy(storage, { last: 1 })).deleted.map(({ key }) => key)).toEqual(keys.slice(2));
			// Two days later the damaged one has aged; the pointer to it must not stay.
			const rules = { withinDays: 1 };
			const report = await pruneBy(storage, rules, { now: tomorrow() });
			expect(report.deleted.map(({ key }) => key)).toEqual([keys[0]]);
			expect(await storage.readLatest('postgres/shop_latest')).toBe(keys[1]);
		});

		it('leaves what was pinned after it was read', async () => {
			const storage = await newStorage();
			const keys = await writeDaily(storage, 3);
			const pinning = intercepted(storage, {
				async replace(key, content, options) {
					await storage.replace(key, content, options);
					if (key.endsWith('deleting.json')) await changeManifest(storage, keys[1]!, { pinned: true });
				},
			});
			const report = await pruneBy(pinning, { last: 1 });
			expect(report.failed).toMatchObject([{ entry: { key: keys[1] } }]);
			expect(await backupsIn(storage)).toEqual(withManifests(keys.slice(0, 2)));
			expect((await pruneBy(storage, { last: 1 })).failed).toEqual([]);
			expect(await backupsIn(storage)).toEqual(withManifests(keys.slice(0, 2)));
		});

		it('keeps the parent of an increment, and one whose child could not be deleted', async () => {
			const storage = await newStorage();
			const full = await writeBackup(storage, 9);
			const { id } = JSON.parse(await textOf(storage, manifestKeyOf(full))) as { id: string };
			const child = await writeBackup(storage, 8, { parent: id });
			await writeBackup(storage, 0);
			const denying = intercepted(storage, {
				remove: async (key) => {
					if (key === manifestKeyOf(child)) throw new BackupError('STORAGE_DENIED', 'It is locked.');
					await storage.remove(key);
				},
			});
			const report = await pruneBy(denying, { last: 1 });
			expect(report.deleted).toEqual([]);
			expect(report.failed.map(({ entry }) => entry.key)).toEqual([child, full]);
			expect((await pruneBy(storage, { last: 2 })).deleted).toEqual([]);
			expect((await pruneBy(storage, { last: 1 })).deleted.map(({ key }) => key)).toEqual([child, full]);
		});

		it('goes by what is known of a backup beyond its manifest', async () => {
			const storage = await newStorage();
			const keys = await writeDaily(storage, 4);
			const stateOf = ({ key }: { key: string }) => ({
				verified: key === keys[0] ? ('failed' as const) : key === keys[2] ? ('passed' as const) : undefined,
			});
			await storage.replace(`${keys[3]}.verification.json`, Buffer.from('[]'));
			const report = await pruneBy(storage, { last: 1 }, { stateOf });
			expect(report.deleted.map(({ key }) => key)).toEqual([keys[3]]);
			expect(await backupsIn(storage)).toEqual(withManifests(keys.slice(0, 3)));
		});

		it('leaves a manifest that cannot be read, its archive, and all the others of the name', async () => {
			const storage = await newStorage();
			const keys = await writeDaily(storage, 3);
			await storage.replace(manifestKeyOf(keys[2]!), Buffer.from('{'));
			const report = await pruneBy(storage, { last: 1 }, { removeOrphans: true, now: tomorrow() });
			expect(report.damaged).toMatchObject([{ manifestKey: manifestKeyOf(keys[2]!) }]);
			expect(report.orphans).toEqual([]);
			expect(await backupsIn(storage)).toEqual(withManifests([keys[0]!, keys[2]!]));
		});
	});

	describe('what a run left that broke off', () => {
		it('is never a manifest without its data, and is finished by the next run', async () => {
			const storage = await newStorage();
			const keys = await writeDaily(storage, 6);
			let removals = 0;
			const failing = intercepted(storage, {
				remove: async (key) => {
					// Just after the second manifest, before its data.
					if (key === keys[2] && ++removals > 0) throw new BackupError('STORAGE_UNREACHABLE', 'The cable is out.');
					await storage.remove(key);
				},
			});
			await expect(pruneBy(failing, { last: 1 })).rejects.toMatchObject({ code: 'STORAGE_UNREACHABLE' });
			expect(removals).toBe(1);
			const left = await backupsIn(storage);
			for (const key of left) if (key.endsWith('.manifest.json')) expect(left).toContain(key.slice(0, -14));
			expect(left).toContain(keys[2]);
			expect(left).not.toContain(manifestKeyOf(keys[2]!));
			const report = await pruneBy(storage, { last: 3 });
			expect(report.swept).toEqual([keys[2]]);
			expect(await backupsIn(storage)).toEqual(withManifests([keys[0]!, keys[3]!, keys[4]!]));
		});

		it('does not touch a backup that was made under a noted key since then', async () => {
			const storage = await newStorage();
			const [key] = (await writeDaily(storage, 1)) as [string];
			const noted = JSON.stringify({ createdAt: '2020-01-01T00:00:00Z', keys: [key] });
			await storage.replace('.stack-backup/deleting.json', Buffer.from(noted));
			await storage.remove(manifestKeyOf(key));
			expect((await pruneBy(storage, { last: 1 })).swept).toEqual([]);
			expect(await backupsIn(storage)).toEqual([key]);
		});
	});

	describe('archives without a manifest', () => {
		it('go when an earlier run has seen the manifest, and they are older than a day', async () => {
			const storage = await newStorage();
			const [kept, orphan] = (await writeDaily(storage, 2)) as [string, string];
			await pruneBy(storage, { last: 5 });
			await storage.remove(manifestKeyOf(orphan));
			await storage.replace(`${orphan}.verification.json`, Buffer.from('[]'));
			const dry = await pruneBy(storage, { last: 5 }, { now: tomorrow(), dryRun: true });
			expect(dry).toMatchObject({ orphans: [orphan], unproven: [], removedOrphans: [] });
			const left = await pruneBy(storage, { last: 5 }, { now: tomorrow(), removeOrphans: false, dryRun: true });
			expect(left.totals.freedBytes).toBe(0);
			const removed = await pruneBy(storage, { last: 5 }, { now: tomorrow() });
			expect(removed.removedOrphans).toEqual([orphan]);
			expect(removed.totals).toEqual(dry.totals);
			expect((await pruneBy(storage, { last: 5 }, { now: tomorrow() })).removedOrphans).toEqual([
				`${orphan}.verification.json`,
			]);
			expect(await backupsIn(storage)).toEqual(withManifests([kept]));
		});

		it('stay while they are younger than a day', async () => {
			const storage = await newStorage();
			const keys = await writeDaily(storage, 2);
			await pruneBy(storage, { last: 5 });
			await storage.remove(manifestKeyOf(keys[1]!));
			const report = await pruneBy(storage, { last: 5 });
			expect(report).toMatchObject({ orphans: [], unproven: [], removedOrphans: [] });
			expect(await storage.stat(keys[1]!)).toBeDefined();
		});

		it('stay where so many manifests are gone that something else must be wrong', async () => {
			const storage = await newStorage();
			const keys = await writeDaily(storage, 4);
			await pruneBy(storage, { last: 9 });
			for (const key of keys.slice(1)) await storage.remove(manifestKeyOf(key));
			const policy = { rules: { last: 9 } };
			const report = await prune({ storage, policy, owner: 'test', now: tomorrow() });
			expect([report.orphans.length, report.removedOrphans.length]).toEqual([3, 0]);
			expect(await backupsIn(storage)).toEqual([...keys, manifestKeyOf(keys[0]!)].sort());
		});

		it("stay where nobody has seen a manifest: a script's dumps have the very names of ours", async () => {
			const storage = await newStorage();
			const [kept] = (await writeDaily(storage, 1)) as [string];
			const dumps = ['postgres/shop_20240101_020000.sql.gz', 'weekly/2024_W01/shop_20240101_020000.sql.gz'];
			const others = ['postgres/by-hand.sql.gz', 'qdrant/server-snapshots/3f1e9c52-6b9e-4a57-8a4e-0d0a3f4d5c11.json'];
			for (const key of [...dumps, ...others]) await storage.replace(key, Buffer.from('mine'));
			const told = await pruneBy(storage, { last: 1 }, { now: tomorrow() });
			expect(told).toMatchObject({
				orphans: [],
				unproven: expect.arrayContaining(dumps) as string[],
				removedOrphans: [],
			});
			expect(told.unproven).toHaveLength(2);
			expect(await backupsIn(storage)).toEqual([...dumps, ...others, ...withManifests([kept])].sort());
			const asked = await pruneBy(storage, { last: 1 }, { now: tomorrow(), removeUnproven: true });
			expect(asked.removedOrphans.sort()).toEqual(dumps);
			expect(await backupsIn(storage)).toEqual([...others, ...withManifests([kept])].sort());
		});
	});

	describe('weekly copies', () => {
		const rules = { last: 2, weeklySnapshots: 2 };

		it('are made of the newest of everything, once a week, and a dry run tells so', async () => {
			const storage = await newStorage();
			const keys = await writeDaily(storage, 3);
			const before = await backupsIn(storage);
			const dry = await pruneBy(storage, rules, { dryRun: true });
			expect(await backupsIn(storage)).toEqual(before);
			const report = await pruneBy(storage, rules);
			expect(report.rows).toEqual(dry.rows);
			expect(report.weeklyCopies).toEqual(dry.weeklyCopies);
			const [made] = report.weeklyCopies;
			expect(made).toMatchObject({ from: keys[0], error: null });
			expect(made!.to).toMatch(/^weekly\/\d{4}_W\d\d\/shop_/);
			expect(await backupsIn(storage)).toEqual(withManifests([...keys.slice(0, 2), made!.to]));
			expect(await textOf(storage, made!.to)).toBe(await textOf(storage, keys[0]!));
			const again = await pruneBy(storage, rules);
			expect([again.weeklyCopies, again.deleted]).toEqual([[], []]);
		});

		it('are kept for so many weeks, and live on when their originals go', async () => {
			const storage = await newStorage();
			const copies: string[] = [];
			for (const daysAgo of [28, 21, 14, 7]) {
				await writeBackup(storage, daysAgo);
				copies.push((await pruneBy(storage, { last: 1, weeklySnapshots: 2 })).weeklyCopies[0]!.to);
			}
			const left = (await backupsIn(storage)).filter((key) => key.startsWith('weekly/'));
			expect(left).toEqual(withManifests(copies.slice(2)));
			expect(await textOf(storage, copies[2]!)).toContain('14 days ago');
		});

		it('that fail let no older one go, nor hold up the rest', async () => {
			const storage = await newStorage();
			const old = await writeBackup(storage, 30, { folder: 'weekly/2020_W01' });
			const keys = await writeDaily(storage, 3);
			const crm = await writeBackup(storage, 0, { name: 'crm' });
			await storage.replace(keys[0]!, Buffer.from(await textOf(storage, keys[0]!)));
			const failing = intercepted(storage, {
				copy: async (from, to) => {
					if (from === keys[0]) throw new BackupError('STORAGE_FULL', 'The disk is full.');
					return await storage.copy?.(from, to);
				},
			});
			const report = await pruneBy(failing, { last: 1, weeklySnapshots: 1 });
			const outcome = new Map(report.weeklyCopies.map(({ from, error }) => [from, error?.code]));
			expect(outcome).toEqual(
				new Map([
					[keys[0], 'STORAGE_FULL'],
					[crm, undefined],
				]),
			);
			expect(await storage.stat(old)).toBeDefined();
			expect(report.deleted.map(({ key }) => key)).toEqual(keys.slice(1));
			expect(report.rows.map(({ key }) => key)).toContain(old);
		});

		it('that broke off before their manifest are cleared away by the next run', async () => {
			const storage = await newStorage();
			await writeDaily(storage, 1);
			let copy = '';
			const failing = intercepted(storage, {
				replace: async (key, content, options) => {
					if (key.startsWith('weekly/')) throw new BackupError('STORAGE_UNREACHABLE', 'The cable is out.');
					if (key.endsWith('copying.json')) copy = (JSON.parse(String(content)) as { keys: string[] }).keys[0]!;
					await storage.replace(key, content, options);
				},
			});
			await expect(pruneBy(failing, rules)).rejects.toMatchObject({ code: 'STORAGE_UNREACHABLE' });
			expect(await storage.stat(copy)).toBeDefined();
			const report = await pruneBy(storage, { last: 2 });
			expect(report.swept).toEqual([copy]);
			expect(await storage.stat(copy)).toBeUndefined();
		});
	});
}
