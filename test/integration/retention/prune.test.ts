import { existsSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { manifestKeyOf, parseManifest } from '../../../engine/archive';
import { copyBackup, prune } from '../../../engine/retention';
import { FolderStorage, S3Storage } from '../../../engine/storage';
import { asNewer } from '../../services/newer-manifest';
import { startS3rver } from '../../services/s3/s3rver';
import type { S3Server } from '../../services/s3/server';
import { stalling } from '../storage/content';
import { optionsFor } from '../storage/s3-under-test';
import { pruneContract } from './prune-contract';
import {
	backupsIn,
	catalogTextOf,
	DAY_MS,
	pruneBy,
	temporaryRoot,
	temporaryStorage,
	textOf,
	withManifests,
	writeBackup,
	writeDaily,
} from './support';

describe('in a folder', () => {
	pruneContract(() => Promise.resolve(temporaryStorage()));

	it('removes unfinished writes that are older than a day', async () => {
		const root = temporaryRoot();
		const storage = new FolderStorage({ root });
		await writeBackup(storage, 0);
		const partial = path.join(root, 'postgres', '.shop_20200101_000000.sql.zst.partial');
		writeFileSync(partial, 'half');
		expect((await pruneBy(storage, { last: 1 })).swept).toEqual([]);
		const old = new Date(Date.now() - 2 * DAY_MS);
		utimesSync(partial, old, old);
		expect((await pruneBy(storage, { last: 1 })).swept).toEqual(['postgres/shop_20200101_000000.sql.zst']);
		expect(existsSync(partial)).toBe(false);
	});

	it('can be limited to some folders', async () => {
		const storage = temporaryStorage();
		const rules = { last: 1, weeklySnapshots: 1 };
		const weekly = await writeBackup(storage, 9, { folder: 'weekly/2026_W03' });
		const older = await writeBackup(storage, 20, { folder: 'weekly/2026_W01' });
		const qdrant = [
			await writeBackup(storage, 1, { folder: 'qdrant', kind: 'qdrant', name: 'docs' }),
			await writeBackup(storage, 0, { folder: 'qdrant', kind: 'qdrant', name: 'docs' }),
		];
		const similar = await writeBackup(storage, 30, { folder: 'postgres-old' });
		const keys = await writeDaily(storage, 3);
		const report = await pruneBy(storage, rules, { prefixes: ['postgres'] });
		expect(report.weeklyCopies).toEqual([]);
		expect(report.rows.map(({ key }) => key)).toEqual(keys);
		expect(await backupsIn(storage)).toEqual(withManifests([keys[0]!, weekly, older, ...qdrant, similar]));
		await pruneBy(storage, { last: 1 }, { prefixes: ['postgres/', 'qdrant/'] });
		expect(await backupsIn(storage)).toEqual(withManifests([keys[0]!, weekly, older, qdrant[1]!, similar]));
		await expect(pruneBy(storage, rules, { prefixes: ['../x'] })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
		const all = await pruneBy(storage, rules, { prefixes: ['postgres/', ''] });
		expect(all.weeklyCopies).toHaveLength(3);
		// Of one name in two folders, the newest of each: they may be of two servers.
		expect(await backupsIn(storage)).toEqual(
			withManifests([keys[0]!, qdrant[1]!, similar, ...all.weeklyCopies.map(({ to }) => to)]),
		);
	});

	it('knows partial backups, and those of other servers, from the cache too', async () => {
		const storage = temporaryStorage();
		const selection = ['--table=public.users'];
		const all: string[][] = [];
		for (const more of [
			{},
			{ partial: { content: 'all' as const, selection } },
			{ source: { system: 'postgresql', version: '18', host: 'db2', port: 5432 } },
		]) {
			all.push([await writeBackup(storage, 3, more), await writeBackup(storage, 2, more)]);
		}
		await pruneBy(storage, {});
		const report = await pruneBy(storage, { last: 1 });
		expect(report.deleted.map(({ key }) => key).sort()).toEqual(all.map(([older]) => older).sort());
		expect(report.failed).toEqual([]);
	});

	it.each([
		['its server', { source: { system: 'postgresql', version: '18', host: 'db9', port: 5432 } }],
		['its tags', { tags: ['release'] }],
		['that it is a part', { partial: { content: 'schema' as const, selection: [] } }],
	])('lets no backup go because the stored catalogue does not tell %s', async (_what, more) => {
		const storage = temporaryStorage();
		const [, plain] = await writeDaily(storage, 2);
		const key = await writeBackup(storage, 3, more);
		await pruneBy(storage, {});
		const lines = (await catalogTextOf(storage)).split('\n');
		const [usual] = lines.filter((line) => line.includes(plain!));
		const forged = lines.map((line) => {
			if (!line.includes(key)) return line;
			const told = (JSON.parse(line) as [string, number, number, string, object])[4];
			const { source, tags } = (JSON.parse(usual!) as [string, number, number, string, Record<string, unknown>])[4];
			return line.replace(JSON.stringify(told), JSON.stringify({ ...told, source, tags, partial: undefined }));
		});
		expect(forged).not.toEqual(lines);
		await storage.replace('.stack-backup/catalog.jsonl.gz', gzipSync(forged.join('\n')));
		const overrides = [{ tag: 'release', rules: { last: 9 } }];
		const policy = { rules: { last: 1 }, overrides, maxDeletedShare: 1 };
		const { deleted, failed } = await prune({ storage, policy, owner: 'test' });
		expect(deleted.map((entry) => entry.key)).toEqual([plain]);
		expect(failed).toMatchObject([{ entry: { key } }]);
		expect(await storage.stat(key)).toBeDefined();
	});

	/** Rewrites what the stored catalogue tells of one backup. */
	async function forgeLine(storage: FolderStorage, key: string, told: object): Promise<void> {
		const lines = (await catalogTextOf(storage)).split('\n');
		const forged = lines.map((line) => {
			if (!line.includes(key)) return line;
			const before = (JSON.parse(line) as [string, number, number, string, object])[4];
			return line.replace(JSON.stringify(before), JSON.stringify({ ...before, ...told }));
		});
		expect(forged).not.toEqual(lines);
		await storage.replace('.stack-backup/catalog.jsonl.gz', gzipSync(forged.join('\n')));
	}

	it('lets no last backup of a server go for one that only the stored catalogue calls newer', async () => {
		const storage = temporaryStorage();
		const of = (host: string) => ({ source: { system: 'postgresql', version: '18', host, port: 5432 } });
		const last = await writeBackup(storage, 3, of('db1'));
		const other = await writeBackup(storage, 1, of('db2'));
		await pruneBy(storage, {});
		await forgeLine(storage, other, of('db1'));
		const { deleted, failed } = await pruneBy(storage, { last: 1 });
		expect(deleted).toEqual([]);
		expect(failed).toMatchObject([{ entry: { key: last } }]);
		expect(await backupsIn(storage)).toEqual(withManifests([last, other]));
	});

	it('lets no backup go that only the stored catalogue calls one of a certain system', async () => {
		const storage = temporaryStorage();
		const of = (systemIdentifier?: string) => ({
			source: {
				system: 'postgresql',
				version: '18',
				host: 'db',
				port: 5432,
				...(systemIdentifier && { systemIdentifier }),
			},
		});
		// Two systems have had the address: which of them this one is of, its manifest does not say.
		const older = await writeBackup(storage, 3, of());
		const known = [await writeBackup(storage, 2, of('1')), await writeBackup(storage, 1, of('2'))];
		await pruneBy(storage, {});
		expect((await pruneBy(storage, { last: 1 })).deleted).toEqual([]);
		await forgeLine(storage, older, of('2'));
		const { deleted, failed } = await pruneBy(storage, { last: 1 });
		expect(deleted).toEqual([]);
		expect(failed).toMatchObject([{ entry: { key: older } }]);
		expect(await backupsIn(storage)).toEqual(withManifests([older, ...known]));
	});

	it('tells what the policy names and nothing is, for its backups would go by the general rules', async () => {
		const storage = temporaryStorage();
		await writeBackup(storage, 1, { folder: 'other', name: 'crm' });
		await writeDaily(storage, 2);
		const named = (...names: string[]) => names.map((name) => ({ name, rules: {} }));
		const policy = {
			rules: { last: 1 },
			overrides: [...named('Shop', 'shop', 'crm'), { tag: 'release', rules: {} }],
			foreign: [{ pattern: 'old_*' }],
		};
		const { unused } = await prune({ storage, policy, owner: 'test', prefixes: ['postgres/'], dryRun: true });
		expect(unused).toEqual({ names: ['Shop'], patterns: ['old_*'] });
	});

	it('refuses a policy that is none, whoever gives it', async () => {
		const storage = temporaryStorage();
		const keys = await writeDaily(storage, 3);
		for (const rules of [
			{ last: -1 },
			{ last: NaN },
			{ daily: 0.5 },
			{ hourly: 3 } as object,
			{ withinDays: Infinity },
		]) {
			await expect(pruneBy(storage, rules)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
		}
		for (const rules of [{}, { last: 0, daily: 0, withinDays: 0, weeklySnapshots: 0 }]) {
			expect((await pruneBy(storage, rules)).deleted).toEqual([]);
		}
		expect(await backupsIn(storage)).toEqual(withManifests(keys));
	});

	it('goes on where a pointer is none', async () => {
		const root = temporaryRoot();
		const storage = new FolderStorage({ root });
		const keys = await writeDaily(storage, 3);
		rmSync(path.join(root, 'postgres/shop_latest'));
		writeFileSync(path.join(root, 'postgres/shop_latest'), 'my own notes');
		const report = await pruneBy(storage, { last: 1 });
		expect(report.deleted.map(({ key }) => key)).toEqual(keys.slice(1));
		expect(report.stuck).toMatchObject([{ what: 'postgres/shop_latest', error: { code: 'STORAGE_FAILED' } }]);
		expect(readFileSync(path.join(root, 'postgres/shop_latest'), 'utf8')).toBe('my own notes');
	});

	it('leaves unfinished writes alone where leftovers are to stay, a clock is wrong, or the folder is none of the run', async () => {
		const root = temporaryRoot();
		const storage = new FolderStorage({ root });
		await writeDaily(storage, 3);
		const partial = path.join(root, 'postgres/.shop_20200101_000000.sql.zst.partial');
		writeFileSync(partial, 'half');
		utimesSync(partial, new Date(0), new Date(0));
		await pruneBy(storage, { last: 3 }, { removeOrphans: false });
		await pruneBy(storage, { last: 3 }, { prefixes: ['qdrant/'] });
		const ahead = await writeBackup(storage, -1);
		expect((await pruneBy(storage, { last: 3 })).refusal?.reason).toBe('future');
		expect(existsSync(partial)).toBe(true);
		await storage.remove(manifestKeyOf(ahead));
		expect((await pruneBy(storage, { last: 3 }, { prefixes: ['postgres/'] })).swept).toHaveLength(1);
		expect(existsSync(partial)).toBe(false);
	});

	it('keeps an archive that a backup in another folder needs', async () => {
		const storage = temporaryStorage();
		const full = await writeBackup(storage, 9);
		const { id } = JSON.parse(await textOf(storage, manifestKeyOf(full))) as { id: string };
		await writeBackup(storage, 8, { folder: 'increments', needs: [id] });
		await writeDaily(storage, 2);
		const report = await pruneBy(storage, { last: 1 }, { prefixes: ['postgres/'] });
		expect(report.rows.find(({ key }) => key === full)).toMatchObject({
			verdict: 'keep',
			reasons: [expect.stringContaining('needed by increments/')],
		});
		expect(await storage.stat(full)).toBeDefined();
	});

	it('deletes nothing of what a newer version has made, nor what that needs', async () => {
		const storage = temporaryStorage();
		const [newest, old, needed] = (await writeDaily(storage, 3)) as [string, string, string];
		const manifestOf = async (key: string) => parseManifest(await textOf(storage, manifestKeyOf(key)), key);
		const { id } = await manifestOf(needed);
		const newer = await writeBackup(storage, 9);
		const text = asNewer(await manifestOf(newer), { formatVersion: 3, needs: [id] });
		await storage.replace(manifestKeyOf(newer), Buffer.from(text));
		const report = await pruneBy(
			storage,
			{ last: 1 },
			{ removeUnproven: true, now: new Date(Date.now() + 9 * DAY_MS) },
		);
		expect(report.damaged).toEqual([]);
		expect(report.newer).toEqual([
			{ manifestKey: manifestKeyOf(newer), message: expect.stringContaining('newer version') as string },
		]);
		expect(report.rows.map(({ key, verdict, rules }) => [key, verdict, rules[0]])).toEqual([
			[newest, 'keep', 'last'],
			[old, 'delete', 'expired'],
			[needed, 'keep', 'needed'],
		]);
		for (const key of [newer, needed, newest]) expect(await storage.stat(key)).toBeDefined();
		expect(await storage.stat(old)).toBeUndefined();
	});

	it.each([
		['of a kind', {}, 'other'],
		['of no kind', { kind: 7 }, 'crm'],
	])(
		'keeps all that a newer backup %s may need, where its needs are not understood',
		async (_what, changes, folder) => {
			const storage = temporaryStorage();
			const keys = await writeDaily(storage, 3);
			const elsewhere = [await writeBackup(storage, 1, { folder }), await writeBackup(storage, 2, { folder })];
			const newer = await writeBackup(storage, 9);
			const manifest = parseManifest(await textOf(storage, manifestKeyOf(newer)), newer);
			const text = asNewer(manifest, { formatVersion: 3, needs: { base: 'x' }, ...changes });
			await storage.replace(manifestKeyOf(newer), Buffer.from(text));
			const report = await pruneBy(storage, { last: 1 });
			expect(report.deleted.map(({ key }) => key)).toEqual([elsewhere[1]]);
			for (const key of keys) expect(await storage.stat(key)).toBeDefined();
		},
	);

	it('keeps archives that have no manifest for a newer backup that may need them, and says so', async () => {
		const storage = temporaryStorage();
		const [, lost] = (await writeDaily(storage, 3)) as [string, string, string];
		const gone = [
			await writeBackup(storage, 2, { folder: 'other' }),
			await writeBackup(storage, 1, { folder: 'other' }),
		];
		await pruneBy(storage, { last: 9 });
		const newer = await writeBackup(storage, 9);
		const manifest = parseManifest(await textOf(storage, manifestKeyOf(newer)), newer);
		const text = asNewer(manifest, { formatVersion: 3, needs: { base: 'x' } });
		await storage.replace(manifestKeyOf(newer), Buffer.from(text));
		for (const key of [lost, gone[0]!]) await storage.remove(manifestKeyOf(key));
		// As a newer version may name the archives of its checkpoints.
		const unproven = ['postgres/shop_20240101_020000.tar.zst', 'other/shop_20240101_020000.tar.zst'];
		for (const key of unproven) await storage.replace(key, Buffer.from('x'));
		await pruneBy(storage, { last: 9 });
		const later = { now: new Date(Date.now() + 2 * DAY_MS), removeUnproven: true };
		const dry = await pruneBy(storage, { last: 9 }, { ...later, dryRun: true });
		const report = await pruneBy(storage, { last: 9 }, later);
		expect(report.removedOrphans.sort()).toEqual([gone[0], unproven[1]].sort());
		expect(dry.removedOrphans).toEqual([]);
		for (const { damaged, unproven: named, stuck } of [dry, report]) {
			const message = expect.stringMatching(/newer version.*may need/) as string;
			expect(damaged).toEqual([{ manifestKey: manifestKeyOf(lost), message }]);
			expect([...named].sort()).toEqual([...unproven].sort());
			expect(stuck).toMatchObject([{ error: { message: expect.stringContaining(unproven[0]!) as string } }]);
		}
		for (const key of [lost, unproven[0]!]) expect(await storage.stat(key)).toBeDefined();
	});

	it('counts the bytes of a hard link once, and none as freed that the other name still takes up', async () => {
		const storage = temporaryStorage();
		const [newest, old] = (await writeDaily(storage, 2)) as [string, string];
		const copy = await copyBackup(storage, old, 'weekly/2020_W01');
		const size = async (key: string) => (await storage.stat(key))!.size;
		const { totals } = await pruneBy(storage, { last: 1 });
		const sharedBytes = await size(copy);
		expect(totals).toMatchObject({ kept: 2, deleted: 1, freedBytes: 0, sharedBytes, incomplete: 0 });
		expect(totals.keptBytes).toBe((await size(newest)) + (await size(copy)));
		const both = [await writeBackup(storage, 3), await writeBackup(storage, 2)] as const;
		await copyBackup(storage, both[0], 'weekly/2019_W01');
		const report = await pruneBy(storage, { last: 1, weeklySnapshots: 1 });
		expect(report.deleted.map(({ key }) => key)).toEqual(expect.arrayContaining([...both]));
	});

	it('leaves a partial file that is still being written', async () => {
		const root = temporaryRoot();
		const storage = new FolderStorage({ root });
		const controller = new AbortController();
		const report = await new Promise<Awaited<ReturnType<typeof pruneBy>>>((resolve, reject) => {
			const source = stalling(3_000_000, () => void pruneBy(storage, { last: 1 }).then(resolve, reject));
			storage.write('postgres/shop_1.sql', source, { signal: controller.signal }).catch(() => {});
		});
		expect(report.swept).toEqual([]);
		expect(readdirSync(path.join(root, 'postgres'))).toEqual([
			expect.stringMatching(/^\.shop_1\.sql\.[0-9a-f]{12}~\.partial$/),
		]);
		controller.abort();
	});

	it('does nothing once it is cancelled', async () => {
		const storage = temporaryStorage();
		const keys = await writeDaily(storage, 3);
		const pruning = pruneBy(storage, { last: 1 }, { signal: AbortSignal.abort() });
		await expect(pruning).rejects.toMatchObject({ code: 'CANCELLED' });
		expect(await backupsIn(storage)).toEqual(withManifests(keys));
	});
});

describe('in a bucket', () => {
	let server: S3Server;
	const storages: S3Storage[] = [];
	beforeAll(async () => {
		server = await startS3rver();
	});
	afterAll(async () => {
		for (const storage of storages) storage.close();
		await server.stop();
	});
	pruneContract(async () => {
		const storage = new S3Storage(optionsFor(server, await server.createBucket()));
		storages.push(storage);
		return storage;
	});
});
