import { describe, expect, it } from 'vitest';

import { BackupError } from '../../../engine/errors';
import { prune, type RetentionEntry } from '../../../engine/retention';
import type { Storage } from '../../../engine/storage';
import { verificationState } from '../../../engine';
import {
	backupsIn,
	intercepted,
	pruneBy,
	recordFailure,
	textOf,
	tomorrow,
	withManifests,
	writeBackup,
	writeDaily,
} from './support';

/** What pruning promises of weekly copies, on every storage. */
export function weeklyContract(newStorage: () => Promise<Storage>): void {
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

		it('that are still to be made do not thin out the share of what goes', async () => {
			const storage = await newStorage();
			for (const name of ['shop', 'crm']) await writeDaily(storage, 3, { name });
			const policy = { rules: { last: 1, weeklySnapshots: 2 } };
			const options = { storage, policy, owner: 'test' };
			// Four of six; with the copies, four of eight.
			expect((await prune({ ...options, dryRun: true })).refusal?.message).toMatch(/^4 of 6 backups/);
			expect(await prune(options)).toMatchObject({ refusal: { reason: 'share' }, weeklyCopies: [], deleted: [] });
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

		it('are bad where their originals were found to be, also when these are gone', async () => {
			const storage = await newStorage();
			const keys = await writeDaily(storage, 3);
			const first = await pruneBy(storage, { last: 3, weeklySnapshots: 2 });
			const bad = first.weeklyCopies[0]!.to;
			await recordFailure(storage, keys[0]!);
			const stateOf = async (entry: RetentionEntry) => ({ verified: await verificationState(storage, entry) });
			const second = await pruneBy(storage, { last: 3, weeklySnapshots: 2 }, { stateOf });
			expect(second.rows.find(({ key }) => key === bad)).toMatchObject({ verified: 'failed' });
			// It stands for no good one.
			expect(second.weeklyCopies).toMatchObject([{ from: keys[1], error: null }]);
			const third = await pruneBy(storage, { withinDays: 1, weeklySnapshots: 2 }, { stateOf, now: tomorrow() });
			expect(third.deleted.map(({ key }) => key)).toEqual([keys[0], keys[2]]);
			const fourth = await pruneBy(storage, { withinDays: 1, weeklySnapshots: 2 }, { stateOf, dryRun: true });
			expect(fourth.rows.find(({ key }) => key === bad)).toMatchObject({ verified: 'failed' });
		});

		it('are known to be bad also where they are none of the business of the run that takes the original', async () => {
			const storage = await newStorage();
			const keys = await writeDaily(storage, 2);
			const first = await pruneBy(storage, { last: 3, weeklySnapshots: 2 });
			await recordFailure(storage, keys[0]!);
			const stateOf = async (entry: RetentionEntry) => ({ verified: await verificationState(storage, entry) });
			const run = { stateOf, now: tomorrow(), prefixes: ['postgres/'] };
			expect((await pruneBy(storage, { withinDays: 1 }, run)).deleted.map(({ key }) => key)).toEqual([keys[0]]);
			const { rows } = await pruneBy(storage, { withinDays: 1 }, { stateOf, dryRun: true });
			expect(rows.find(({ key }) => key === first.weeklyCopies[0]!.to)).toMatchObject({ verified: 'failed' });
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

		it('take no place of a file of somebody else, which no later run removes', async () => {
			const storage = await newStorage();
			const [key] = (await writeDaily(storage, 1)) as [string];
			const { to } = (await pruneBy(storage, rules, { dryRun: true })).weeklyCopies[0]!;
			const foreign = 'the copy that a script has made, compressed once more';
			await storage.replace(to, Buffer.from(foreign));
			for (let run = 0; run < 3; run++) {
				const report = await pruneBy(storage, rules);
				expect(report.weeklyCopies).toMatchObject([{ from: key, to, error: { code: 'STORAGE_EXISTS' } }]);
				expect(report.swept).toEqual([]);
				expect(await textOf(storage, to)).toBe(foreign);
			}
		});

		it('leave a file in their place alone also where a run breaks off before the first of them', async () => {
			const storage = await newStorage();
			const keys = [...(await writeDaily(storage, 1)), ...(await writeDaily(storage, 1, { name: 'crm' }))];
			const { weeklyCopies } = await pruneBy(storage, rules, { dryRun: true });
			const { to } = weeklyCopies.find(({ from }) => from === keys[0])!;
			await storage.replace(to, Buffer.from('mine'));
			const failing = intercepted(storage, {
				replace: async (key, content, options) => {
					await storage.replace(key, content, options);
					if (key.endsWith('copying.json')) throw new BackupError('STORAGE_UNREACHABLE', 'The cable is out.');
				},
			});
			await expect(pruneBy(failing, rules)).rejects.toMatchObject({ code: 'STORAGE_UNREACHABLE' });
			expect((await pruneBy(storage, rules)).swept).toEqual([]);
			expect(await textOf(storage, to)).toBe('mine');
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
