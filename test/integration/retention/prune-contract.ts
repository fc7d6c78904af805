import { describe, expect, it } from 'vitest';

import { BackupError } from '../../../engine/errors';
import { acquireLock, manifestKeyOf } from '../../../engine/archive';
import { prune } from '../../../engine/retention';
import { S3Storage, type Storage } from '../../../engine/storage';
import { all } from '../storage/content';
import { TEST_PREFIX } from '../storage/s3-under-test';
import { staleArtifactsContract } from './deletion/stale-artifacts-contract';
import {
	backupsIn,
	changeManifest,
	DAY_MS,
	intercepted,
	pruneBy,
	removals,
	recordFailure,
	textOf,
	tomorrow,
	withManifests,
	writeBackup,
	writeDaily,
} from './support';
import { weeklyContract } from './weekly-contract';

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

		it('deletes a backup in folders so deep that no side file fits beside it, and goes on', async () => {
			const storage = await newStorage();
			const deep = `${'d'.repeat(199)}/`.repeat(4);
			// In a bucket the prefix of the storage counts as well.
			const length = storage instanceof S3Storage ? 1005 - `${TEST_PREFIX}/`.length : 1005;
			const folder = `${deep}${'e'.repeat(length - deep.length - '/shop_20260131_020000.sql'.length)}`;
			const long = [await writeBackup(storage, 8, { folder }), await writeBackup(storage, 9, { folder })];
			expect(long.map((key) => key.length)).toEqual([length, length]);
			const keys = await writeDaily(storage, 4);
			const report = await pruneBy(storage, { last: 1 });
			expect(report.failed).toEqual([]);
			expect(report.deleted.map(({ key }) => key).sort()).toEqual([long[1]!, ...keys.slice(1)].sort());
			expect(await backupsIn(storage)).toEqual(withManifests([keys[0]!, long[0]!]));
		});

		it('is not stopped by a note of deletions that names what no storage can hold', async () => {
			const storage = await newStorage();
			const keys = await writeDaily(storage, 3);
			const noted = [
				`${'d/'.repeat(502)}x`,
				'x'.repeat(1010),
				'y'.repeat(2000),
				'../z',
				'postgres/shop_latest',
				`w/${'w'.repeat(235)}`,
			];
			const note = { createdAt: new Date().toISOString(), keys: noted };
			await storage.replace('.stack-backup/deleting.json', Buffer.from(JSON.stringify(note)));
			expect((await pruneBy(storage, { last: 1 })).deleted.map(({ key }) => key)).toEqual(keys.slice(1));
			expect((await pruneBy(storage, { last: 1 })).failed).toEqual([]);
		});

		it.each(['deleting.json', 'copying.json'])(
			'removes nothing that is not named like an archive for %s',
			async (note) => {
				const storage = await newStorage();
				await writeDaily(storage, 1);
				const mine = [
					'photos/cat.jpg',
					'postgres/notes.txt',
					'wal/000000010000000000000001',
					'shop_20260131_020000.sqlx',
				];
				// Somebody who can write to the storage has written the note, with a time that is still to come.
				const content = JSON.stringify({ createdAt: '2999-01-01T00:00:00Z', keys: mine });
				for (const key of mine) await storage.replace(key, Buffer.from('mine'));
				await storage.replace(`.stack-backup/${note}`, Buffer.from(content));
				expect((await pruneBy(storage, { last: 1 })).swept).toEqual([]);
				for (const key of mine) expect(await textOf(storage, key)).toBe('mine');
				expect(await storage.stat(`.stack-backup/${note}`)).toBeUndefined();
			},
		);

		it('takes for a copy that broke off only what lies in the folder of a week', async () => {
			const storage = await newStorage();
			await writeDaily(storage, 1);
			const dump = 'postgres/shop_20260131_020000.sql.gz';
			await storage.replace(dump, Buffer.from('the only backup of somebody who has come from a script'));
			const content = JSON.stringify({ createdAt: new Date().toISOString(), keys: [dump] });
			await storage.replace('.stack-backup/copying.json', Buffer.from(content));
			expect((await pruneBy(storage, { last: 1 })).swept).toEqual([]);
			expect(await storage.stat(dump)).toBeDefined();
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

		it('does no harm when several runs want it at once', async () => {
			const storage = await newStorage();
			const keys = await writeDaily(storage, 4);
			const runs = await Promise.allSettled(Array.from({ length: 4 }, () => pruneBy(storage, { last: 2 })));
			const codes = runs.map((run) => (run.status === 'rejected' ? (run.reason as BackupError).code : 'done'));
			// Where a server creates an object twice, more than one may get the lock.
			expect(codes).toContain('done');
			expect(codes.filter((code) => code !== 'done' && code !== 'STORAGE_LOCKED')).toEqual([]);
			expect(await backupsIn(storage)).toEqual(withManifests(keys.slice(0, 2)));
		});

		it('knows names apart, whatever is in them', async () => {
			const storage = await newStorage();
			const names = [
				'a b',
				'a%20b',
				'größe',
				'gro\u0308ße',
				'数据',
				'🐘',
				'..',
				"it's; rm -rf *",
				'<b>"&',
				'x\ny',
				'~',
				'Shop',
			];
			const kept: string[] = [];
			for (const name of [...names, 'n'.repeat(300), `${'n'.repeat(300)}m`]) {
				const [newest] = await writeDaily(storage, 2, { name });
				kept.push(newest!);
			}
			const dry = await pruneBy(storage, { last: 1, weeklySnapshots: 1 }, { dryRun: true });
			const report = await pruneBy(storage, { last: 1, weeklySnapshots: 1 });
			expect([report.rows, report.failed]).toEqual([dry.rows, []]);
			expect(report.weeklyCopies.map(({ error }) => error)).toEqual(kept.map(() => null));
			const own = (await backupsIn(storage)).filter((key) => !key.startsWith('weekly/'));
			expect(own).toEqual(withManifests(kept));
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

		it('moves the pointer to what is whole and good', async () => {
			const storage = await newStorage();
			const partial = { content: 'schema' as const, selection: [] };
			const keys = await writeDaily(storage, 4);
			await writeBackup(storage, 0, { partial });
			await storage.setLatest('postgres/shop_latest', keys[0]!);
			await storage.remove(keys[0]!);
			await changeManifest(storage, keys[0]!, { startedAt: new Date(Date.now() - 30 * DAY_MS).toISOString() });
			const stateOf = ({ key }: { key: string }) => ({ verified: key === keys[1] ? ('failed' as const) : undefined });
			await storage.replace(`${keys[1]!}.verification.json`, Buffer.from('{}'));
			await storage.replace(`${keys[1]}.verification.json`, Buffer.from('{}'));
			await pruneBy(storage, { withinDays: 20 }, { stateOf });
			expect(await storage.readLatest('postgres/shop_latest')).toBe(keys[2]);
		});

		it('leaves no pointer to nowhere when it breaks off', async () => {
			const storage = await newStorage();
			const keys = await writeDaily(storage, 3);
			await recordFailure(storage, keys[0]!);
			const stateOf = ({ key }: { key: string }) => ({ verified: key === keys[0] ? ('failed' as const) : undefined });
			const failing = intercepted(storage, {
				...removals(async (key) => {
					if (key === keys[0]) throw new BackupError('STORAGE_UNREACHABLE', 'The cable is out.');
					await storage.remove(key);
				}),
			});
			const run = pruneBy(failing, { withinDays: 1 }, { stateOf, now: tomorrow() });
			await expect(run).rejects.toMatchObject({ code: 'STORAGE_UNREACHABLE' });
			expect(await storage.readLatest('postgres/shop_latest')).toBe(keys[1]);
			expect(await storage.stat(manifestKeyOf(keys[0]!))).toBeUndefined();
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

		it('keeps an archive that another needs, and one that is needed by what could not be deleted', async () => {
			const storage = await newStorage();
			const full = await writeBackup(storage, 9);
			const { id } = JSON.parse(await textOf(storage, manifestKeyOf(full))) as { id: string };
			const child = await writeBackup(storage, 8, { needs: [id] });
			await writeBackup(storage, 0);
			const denying = intercepted(storage, {
				...removals(async (key) => {
					if (key === manifestKeyOf(child)) throw new BackupError('STORAGE_DENIED', 'It is locked.');
					await storage.remove(key);
				}),
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
			for (const key of keys) await storage.replace(`${key}.verification.json`, Buffer.from('[]'));
			const report = await pruneBy(storage, { last: 1 }, { stateOf });
			expect(report.deleted.map(({ key }) => key)).toEqual([keys[3]]);
			expect(await backupsIn(storage)).toEqual(
				[...withManifests(keys.slice(0, 3)), ...keys.slice(0, 3).map((key) => `${key}.verification.json`)].sort(),
			);
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

	staleArtifactsContract(newStorage);
	weeklyContract(newStorage);
}
