import { rmSync } from 'node:fs';
import path from 'node:path';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { prune, type KeepRules } from '../../../engine/retention';
import { FolderStorage } from '../../../engine/storage';
import { backupsIn, temporaryRoot, withManifests, writeBackup } from './support';

const someBackups = fc.array(
	fc.record({
		daysAgo: fc.integer({ min: 0, max: 60 }),
		name: fc.constantFrom('shop', 'crm'),
		pinned: fc.boolean(),
		isMissing: fc.integer({ min: 0, max: 4 }).map((number) => number === 0),
	}),
	{ minLength: 1, maxLength: 8 },
);
const someRules: fc.Arbitrary<KeepRules> = fc.record({
	last: fc.nat(3),
	daily: fc.nat(4),
	weeklySnapshots: fc.nat(2),
});

describe('any storage', () => {
	it('is left by a run as the dry run before it says, and by the next run as it is', async () => {
		const base = temporaryRoot();
		await fc.assert(
			fc.asyncProperty(someBackups, someRules, async (drafts, rules) => {
				const root = path.join(base, 'storage');
				rmSync(root, { recursive: true, force: true });
				const storage = new FolderStorage({ root });
				for (const { isMissing, daysAgo, ...more } of drafts) {
					const key = await writeBackup(storage, daysAgo, more);
					if (isMissing) await storage.remove(key);
				}
				const options = { storage, policy: { rules, maxDeletedShare: 1 }, owner: 'test', now: new Date() };
				const before = await backupsIn(storage);
				const dry = await prune({ ...options, dryRun: true });
				expect(await backupsIn(storage)).toEqual(before);
				const report = await prune(options);
				expect(report.failed).toEqual([]);
				expect([report.rows, report.totals, report.weeklyCopies]).toEqual([dry.rows, dry.totals, dry.weeklyCopies]);
				const left = report.rows.filter(({ verdict }) => verdict === 'keep');
				const missing = new Set(left.filter(({ complete }) => !complete).map(({ key }) => key));
				const expected = withManifests(left.map(({ key }) => key)).filter((key) => !missing.has(key));
				expect(await backupsIn(storage)).toEqual(expected);
				expect(report.totals).toMatchObject({ kept: left.length, deleted: report.rows.length - left.length });
				const again = await prune(options);
				expect([again.deleted, again.weeklyCopies, again.swept, again.removedOrphans]).toEqual([[], [], [], []]);
			}),
			{ numRuns: 25 },
		);
	});
});
