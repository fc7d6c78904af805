import { gzipSync } from 'node:zlib';

import { describe, expect, it } from 'vitest';

import { manifestKeyOf } from '../../../../engine/archive';
import { BackupError } from '../../../../engine/errors';
import { prune } from '../../../../engine/retention';
import type { Storage } from '../../../../engine/storage';
import {
	backupsIn,
	catalogTextOf,
	changeManifest,
	intercepted,
	pruneBy,
	removals,
	textOf,
	tomorrow,
	withManifests,
	writeDaily,
} from '../support';

/** What pruning promises of what runs that broke off have left, on every storage. */
export function staleArtifactsContract(newStorage: () => Promise<Storage>): void {
	describe('what a run left that broke off', () => {
		it('is never a manifest without its data, and is finished by the next run', async () => {
			const storage = await newStorage();
			const keys = await writeDaily(storage, 6);
			let broken = 0;
			const failing = intercepted(storage, {
				...removals(async (key) => {
					// After all the manifests and the data of one backup.
					if (key === keys[2] && ++broken > 0) throw new BackupError('STORAGE_UNREACHABLE', 'The cable is out.');
					await storage.remove(key);
				}),
			});
			await expect(pruneBy(failing, { last: 1 })).rejects.toMatchObject({ code: 'STORAGE_UNREACHABLE' });
			expect(broken).toBe(1);
			const left = await backupsIn(storage);
			for (const key of left) if (key.endsWith('.manifest.json')) expect(left).toContain(key.slice(0, -14));
			expect(left).toContain(keys[2]);
			expect(left).not.toContain(manifestKeyOf(keys[2]!));
			const report = await pruneBy(storage, { last: 3 });
			expect(report.swept).toEqual(keys.slice(2));
			expect(await backupsIn(storage)).toEqual(withManifests([keys[0]!]));
		});

		it('stays noted while it cannot be removed, whatever the runs between do', async () => {
			const storage = await newStorage();
			const keys = await writeDaily(storage, 6);
			const denying = intercepted(storage, {
				...removals(async (key) => {
					if (key === keys[5]) throw new BackupError('STORAGE_DENIED', 'It is locked.');
					await storage.remove(key);
				}),
			});
			expect((await pruneBy(denying, { last: 5 })).failed).toMatchObject([{ entry: { key: keys[5] } }]);
			expect((await pruneBy(denying, { last: 4 })).deleted.map(({ key }) => key)).toEqual([keys[4]]);
			await storage.remove('.stack-backup/catalog.jsonl.gz');
			expect((await pruneBy(storage, { last: 4 })).swept).toEqual([keys[5]]);
			expect(await backupsIn(storage)).toEqual(withManifests(keys.slice(0, 4)));
		});

		it('is not what was only to be deleted: its manifest has the last word', async () => {
			const storage = await newStorage();
			const keys = await writeDaily(storage, 3);
			const pinning = intercepted(storage, {
				async replace(key, content, options) {
					await storage.replace(key, content, options);
					if (key.endsWith('deleting.json')) await changeManifest(storage, keys[2]!, { pinned: true });
				},
			});
			expect((await pruneBy(pinning, { last: 2 })).failed).toHaveLength(1);
			await storage.remove(manifestKeyOf(keys[2]!));
			expect((await pruneBy(storage, { last: 2 })).swept).toEqual([]);
			expect(await storage.stat(keys[2]!)).toBeDefined();
		});

		it('holds nothing else up where it cannot be removed', async () => {
			const storage = await newStorage();
			const keys = await writeDaily(storage, 5);
			await pruneBy(storage, { last: 9 });
			for (const key of keys.slice(3)) await storage.remove(manifestKeyOf(key));
			await pruneBy(storage, { last: 9 });
			const denied = new BackupError('STORAGE_DENIED', 'It is locked.');
			const denying = intercepted(storage, {
				...removals(async (key) => {
					if (key === keys[3]) throw denied;
					await storage.remove(key);
				}),
				sweep: () => Promise.reject(denied),
			});
			const report = await pruneBy(denying, { last: 2 }, { now: tomorrow() });
			expect(report.deleted.map(({ key }) => key)).toEqual([keys[2]]);
			expect([...report.orphans].sort()).toEqual(keys.slice(3).sort());
			expect(report.removedOrphans).toEqual([keys[4]]);
			expect(report.stuck).toEqual([
				{ what: 'unfinished writes', error: denied },
				{ what: keys[3], error: denied },
			]);
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
			// Nobody knows yet since when it has been missing.
			const first = await pruneBy(storage, { last: 5 }, { now: tomorrow(), dryRun: true });
			expect(first).toMatchObject({ orphans: [], unproven: [], damaged: [] });
			await pruneBy(storage, { last: 5 });
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
			// Whose they are is not forgotten meanwhile.
			expect((await pruneBy(storage, { last: 5 }, { now: tomorrow() })).removedOrphans).toEqual([keys[1]]);
		});

		it('stay where the manifest said that it was pinned, or that no good backup is as new', async () => {
			const storage = await newStorage();
			const keys = await writeDaily(storage, 5);
			await changeManifest(storage, keys[3]!, { pinned: true });
			await pruneBy(storage, { last: 9 });
			for (const key of [keys[0]!, keys[3]!]) await storage.remove(manifestKeyOf(key));
			await pruneBy(storage, { last: 9 });
			for (const removeUnproven of [false, true]) {
				const report = await pruneBy(storage, { last: 9 }, { now: tomorrow(), removeUnproven });
				expect(report).toMatchObject({ orphans: [], unproven: [], removedOrphans: [] });
				expect(report.damaged.map(({ manifestKey }) => manifestKey).sort()).toEqual(
					[manifestKeyOf(keys[3]!), manifestKeyOf(keys[0]!)].sort(),
				);
			}
			expect(await storage.stat(keys[0]!)).toBeDefined();
			expect(await storage.stat(keys[3]!)).toBeDefined();
		});

		it('stay where backups need them, or where they were verified and nothing that is left is', async () => {
			const storage = await newStorage();
			const [newest, verified, full] = (await writeDaily(storage, 3)) as [string, string, string];
			const { id } = JSON.parse(await textOf(storage, manifestKeyOf(full))) as { id: string };
			await changeManifest(storage, newest, { needs: [id] });
			await storage.replace(`${verified}.verification.json`, Buffer.from('[]'));
			await pruneBy(storage, { last: 9 });
			for (const key of [verified, full]) await storage.remove(manifestKeyOf(key));
			await pruneBy(storage, { last: 9 });
			const stateOf = ({ key }: { key: string }) => ({ verified: key === verified ? ('passed' as const) : undefined });
			const report = await pruneBy(storage, { last: 9 }, { now: tomorrow(), stateOf });
			expect(report.removedOrphans).toEqual([]);
			expect(report.damaged.map(({ manifestKey }) => manifestKey).sort()).toEqual(
				[manifestKeyOf(verified), manifestKeyOf(full)].sort(),
			);
		});

		it('stay where another one needs them that has lost its manifest as well and stays', async () => {
			const storage = await newStorage();
			const [newest, pinned, increment, full, other] = await writeDaily(storage, 5);
			const idOf = async (key: string) => (JSON.parse(await textOf(storage, manifestKeyOf(key))) as { id: string }).id;
			await changeManifest(storage, increment!, { needs: [await idOf(full!)] });
			await changeManifest(storage, pinned!, { pinned: true, needs: [await idOf(increment!)] });
			await pruneBy(storage, { last: 9 });
			const lost = [pinned!, increment!, full!, other!];
			for (const key of lost) await storage.remove(manifestKeyOf(key));
			await pruneBy(storage, { last: 9 });
			const report = await pruneBy(storage, { last: 9 }, { now: tomorrow() });
			expect(report.removedOrphans).toEqual([other]);
			expect(report.damaged).toHaveLength(3);
			expect(await backupsIn(storage)).toEqual([...withManifests([newest!]), pinned, increment, full].sort());
		});

		it("stay where a forged catalogue tells of somebody else's file that it had a manifest", async () => {
			const storage = await newStorage();
			const keys = await writeDaily(storage, 6);
			await pruneBy(storage, { last: 9 });
			const dump = 'postgres/nightly.dump';
			await storage.replace(dump, Buffer.from('x'));
			const text = await catalogTextOf(storage);
			const line = JSON.parse(text.split('\n').find((one) => one.includes(keys[5]!))!) as [string, ...unknown[]];
			const told = line[4] as { file: string; size: object };
			line.splice(0, 1, dump);
			line[4] = { ...told, file: 'nightly.dump', size: { ...told.size, stored: 1 } };
			line[5] = '2020-01-01T00:00:00.000Z';
			await storage.replace('.stack-backup/catalog.jsonl.gz', gzipSync(`${text}${JSON.stringify(line)}\n`));
			for (const removeUnproven of [false, true]) {
				const report = await pruneBy(storage, { last: 9 }, { now: tomorrow(), removeUnproven });
				expect(report.removedOrphans).toEqual([]);
			}
			expect(await storage.stat(dump)).toBeDefined();
		});

		it('are not what a backup needs, though a forged line of it does not say so', async () => {
			const storage = await newStorage();
			const [newest, second, full] = (await writeDaily(storage, 3)) as [string, string, string];
			const { id } = JSON.parse(await textOf(storage, manifestKeyOf(full))) as { id: string };
			for (const key of [newest, second]) await changeManifest(storage, key, { needs: [id] });
			await pruneBy(storage, { last: 9 });
			const text = await catalogTextOf(storage);
			const lines = text
				.split('\n')
				.map((line) => (line.includes(newest) ? line.replace(/,"needs":\[[^\]]*\]/, '') : line));
			expect(lines.join('\n')).not.toBe(text);
			await storage.replace('.stack-backup/catalog.jsonl.gz', gzipSync(lines.join('\n')));
			expect((await pruneBy(storage, { last: 1 })).deleted.map(({ key }) => key)).toEqual([second]);
			expect(await storage.stat(full)).toBeDefined();
		});

		it('go with as many records as were left of them', async () => {
			const storage = await newStorage();
			const [kept, ...gone] = await writeDaily(storage, 5);
			for (const key of gone) {
				await storage.replace(`${key}.verification.json`, Buffer.from('[]'));
				for (const part of withManifests([key])) await storage.remove(part);
			}
			const report = await prune({ storage, policy: { rules: { last: 9 } }, owner: 'test', now: tomorrow() });
			expect(report.removedOrphans).toHaveLength(4);
			expect(await backupsIn(storage)).toEqual(withManifests([kept!]));
		});

		it('stay where so many manifests are gone that something else must be wrong', async () => {
			const storage = await newStorage();
			const keys = await writeDaily(storage, 4);
			await pruneBy(storage, { last: 9 });
			for (const key of keys.slice(1)) await storage.remove(manifestKeyOf(key));
			await pruneBy(storage, { last: 9 });
			const policy = { rules: { last: 9 } };
			const report = await prune({ storage, policy, owner: 'test', now: tomorrow() });
			expect([report.orphans.length, report.removedOrphans.length]).toEqual([3, 0]);
			expect(report.stuck).toMatchObject([{ error: { message: expect.stringMatching(/^3 of 4 archives.* 50%/) } }]);
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
}
