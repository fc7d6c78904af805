import { mkdirSync, truncateSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it, onTestFinished } from 'vitest';

import {
	findProblems,
	FolderStorage,
	nextDeletions,
	prune,
	readManifest,
	manifestKeyOf,
	readState,
	recordVerification,
	retentionFigures,
	type RetentionPolicy,
	verifyBackup,
} from '../../../engine';
import { readLastRuns } from '../../../engine/retention';
import { removeFolder, temporaryFolder } from '../../services/guard';
import { DAY_MS, recordFailure, writeBackup, writeDaily } from '../retention/support';

function folder() {
	const root = temporaryFolder('report');
	onTestFinished(() => removeFolder(root));
	return { root, storage: new FolderStorage({ root }) };
}

describe('the state of a storage', () => {
	it('has each series with its newest, and what can be relied on', async () => {
		const { root, storage } = folder();
		const keys = await writeDaily(storage, 4);
		await writeDaily(storage, 2, { name: 'crm' });
		truncateSync(join(root, keys[0]!), 3);
		await recordFailure(storage, keys[1]!);
		await recordVerification(storage, await verifyBackup({ storage, key: keys[3]!, level: 'integrity' }));
		const { series, freeBytes, totalBytes, unread } = await readState(storage);
		expect(series.map(({ name, backups }) => [name, backups])).toEqual([
			['crm', 2],
			['shop', 4],
		]);
		const [, shop] = series;
		expect(shop?.newest.map(({ key }) => key)).toEqual(keys);
		expect(shop?.newest.map(({ isComplete, verification }) => [isComplete, verification?.verdict])).toEqual([
			[false, undefined],
			[true, 'failed'],
			[true, undefined],
			[true, 'passed'],
		]);
		expect(shop?.lastGood?.key).toBe(keys[2]);
		expect(shop?.lastVerified?.key).toBe(keys[3]);
		expect(shop?.lastRestored).toBeUndefined();
		expect(freeBytes).toBeGreaterThan(0);
		expect(totalBytes).toBeGreaterThanOrEqual(freeBytes!);
		expect(unread).toEqual([]);
	});

	it('finds the last good one behind many that failed', async () => {
		const { storage } = folder();
		const keys = await writeDaily(storage, 34);
		for (const key of keys.slice(0, 33)) await recordFailure(storage, key);
		const { series } = await readState(storage);
		expect(series[0]?.lastGood?.key).toBe(keys[33]);
		await recordFailure(storage, keys[33]!);
		expect((await readState(storage)).series[0]?.lastGood).toBeUndefined();
	});

	it('looks at the newest of many one by one, and counts all', async () => {
		const { storage } = folder();
		const keys = await writeDaily(storage, 62);
		const { series, storedBytes } = await readState(storage);
		expect(series[0]).toMatchObject({ backups: 62, storedBytes });
		expect(series[0]?.newest.map(({ key }) => key)).toEqual(keys.slice(0, 60));
	});

	it('counts an increment whose whole backup is gone or bad for none', async () => {
		const { root, storage } = folder();
		const [whole, bad] = [await writeBackup(storage, 3), await writeBackup(storage, 2)];
		const idOf = async (key: string) => (await readManifest(storage, manifestKeyOf(key))).manifest.id;
		const increment = await writeBackup(storage, 1, { needs: [await idOf(whole)] });
		const other = await writeBackup(storage, 0.5, { needs: [await idOf(bad)] });
		await recordFailure(storage, bad);
		expect((await readState(storage)).series[0]?.lastGood?.key).toBe(increment);
		unlinkSync(join(root, whole));
		const { series } = await readState(storage);
		expect(series[0]?.newest.map(({ key, lacksNeeded }) => [key, lacksNeeded])).toEqual([
			[other, true],
			[increment, true],
			[bad, false],
			[whole, false],
		]);
		expect(series[0]?.lastGood).toBeUndefined();
	});

	it('counts a backup from the future for none, and a verification that is to pass there', async () => {
		const { storage } = folder();
		const ahead = await writeBackup(storage, -400);
		const [newest, oldest] = await writeDaily(storage, 2);
		const report = await verifyBackup({ storage, key: oldest!, level: 'integrity' });
		await recordVerification(storage, { ...report, startedAt: new Date(Date.now() + 400 * DAY_MS).toISOString() });
		const state = await readState(storage);
		expect(state.series[0]?.newest.map(({ key, isFromFuture = false }) => [key, isFromFuture])).toEqual([
			[ahead, true],
			[newest, false],
			[oldest, false],
		]);
		expect(state.series[0]?.lastGood?.key).toBe(newest);
		expect(state.series[0]?.lastVerified).toBeUndefined();
		const later = await readState(storage, { now: new Date(Date.now() + 2 * DAY_MS) });
		const problems = findProblems(later, { unverifiedDays: 0, lowShare: 0 });
		expect(problems.map(({ severity, kind }) => `${severity} ${kind}`)).toEqual(['critical stale', 'warning damaged']);
		expect(problems[1]?.message).toMatch(/begins in the future/);
	});

	it('does not take a partial backup for a newer whole one', async () => {
		const { storage } = folder();
		const partial = { content: 'schema' as const, selection: [] };
		const whole = await writeBackup(storage, 2);
		await writeBackup(storage, 1, { partial });
		const alone = await writeBackup(storage, 1, { name: 'crm', partial });
		const { series } = await readState(storage);
		expect(series.map(({ lastGood }) => lastGood?.key)).toEqual([alone, whole]);
	});

	it('names manifests that cannot be read, and goes on', async () => {
		const { storage } = folder();
		const [newest, oldest] = await writeDaily(storage, 2);
		await storage.replace(manifestKeyOf(newest!), Buffer.from('{}'));
		const { series, unread, unreadCount } = await readState(storage);
		expect(unread).toMatchObject([{ manifestKey: manifestKeyOf(newest!), isNewer: false }]);
		expect(unreadCount).toBe(1);
		expect(series[0]?.newest.map(({ key }) => key)).toEqual([oldest]);
	});
});

describe('what retention deletes next', () => {
	it('is told by the policy that the last prune noted, and nothing is changed', async () => {
		const { storage } = folder();
		const keys = await writeDaily(storage, 10);
		const now = new Date();
		expect(await nextDeletions(storage, await readState(storage, { forForecast: true }), { now })).toBeUndefined();
		const policy = { rules: { withinDays: 7, weeklySnapshots: 4 }, maxDeletedShare: 1 };
		await prune({ storage, policy, owner: 'test', now });
		const next = await nextDeletions(storage, await readState(storage, { forForecast: true }), { now });
		expect(next?.deletions.map(({ key }) => key)).toEqual([keys[6]]);
		expect(next).toMatchObject({ refusals: [], lastRun: now.toISOString() });
		expect((await readState(storage)).series[0]?.backups).toBe(7);
		expect(await retentionFigures(storage)).toEqual({ days: 7, weekly: 4 });
	});

	it('goes by the policy of each node that prunes, whichever has run last', async () => {
		const { root, storage } = folder();
		const keys = await writeDaily(storage, 4);
		const dumps = [3, 2].map((days) => {
			const date = new Date(Date.now() - days * DAY_MS);
			const key = `dumps/app_${date.toISOString().slice(0, 10)}.sql`;
			mkdirSync(join(root, 'dumps'), { recursive: true });
			writeFileSync(join(root, key), '-- a dump');
			utimesSync(join(root, key), date, date);
			return key;
		});
		let execution = 0;
		const run = async (node: string, policy: RetentionPolicy) => {
			const ranBy = { node, execution: String(execution++) };
			await prune({ storage, policy, owner: 'test', ranBy });
		};
		const told = async () => {
			const state = await readState(storage, { forForecast: true });
			const next = await nextDeletions(storage, state, { now: new Date() });
			return next?.deletions.map(({ key }) => key).sort();
		};
		const ofScripts = (withinDays: number) => [{ pattern: 'dumps/*.sql', rules: { withinDays } }];
		await run('nightly', { rules: { withinDays: 4 } });
		await run('scripts', { rules: { last: 'all' }, foreign: ofScripts(4) });
		await run('weekly', { rules: { last: 'all', weeklySnapshots: 12 } });
		expect(await told()).toEqual([dumps[0], keys[3]]);
		const nodes = async () => (await readLastRuns(storage)).map(({ by }) => by?.node);
		expect(await nodes()).toEqual(['weekly', 'scripts', 'nightly']);
		// Each takes the place of its own note, whatever its policy was.
		await run('scripts', { rules: { last: 'all' }, foreign: ofScripts(30) });
		expect(await told()).toEqual([keys[3]]);
		await run('nightly', { rules: { last: 9 } });
		expect(await told()).toEqual([]);
		// Another workflow that decides on all of it has come in the place of both.
		await run('other', { rules: { withinDays: 4, weeklySnapshots: 3 } });
		expect(await nodes()).toEqual(['other', 'scripts']);
		expect(await told()).toEqual([keys[3]]);
	});

	it('is not known where the note was forged', async () => {
		const { storage } = folder();
		await writeDaily(storage, 3);
		const note = { at: new Date().toISOString(), policy: { rules: { last: -1 } }, timeZone: 'UTC', prefixes: [] };
		const honest = { ...note, policy: { rules: { last: 1 } }, refusal: null, deleted: 1, kept: 1 };
		for (const text of [
			'',
			'{',
			JSON.stringify(note),
			JSON.stringify({ ...note, refusal: null, deleted: 1, kept: 1 }),
			JSON.stringify({ ...honest, timeZone: 'Nowhere/Else' }),
			JSON.stringify({ ...honest, policy: { ...honest.policy, foreign: [{ pattern: '*a'.repeat(9) }] } }),
			JSON.stringify({ ...honest, prefixes: ['../'] }),
			JSON.stringify({ runs: [{ ...honest, prefixes: ['../'] }, null] }),
		]) {
			await storage.replace('.stack-backup/last-prune.json', Buffer.from(text));
			expect(
				await nextDeletions(storage, await readState(storage, { forForecast: true }), {
					now: new Date(Date.now() + DAY_MS),
				}),
			).toBeUndefined();
		}
	});

	it('asks the storage for no locks, and for no verification that was read already', async () => {
		const { root, storage } = folder();
		await prune({ storage, policy: { rules: { last: 2 }, maxDeletedShare: 1 }, owner: 'test' });
		const keys = await writeDaily(storage, 4);
		await recordFailure(storage, keys[1]!);
		const state = await readState(storage, { forForecast: true });
		const read: string[] = [];
		class Watched extends FolderStorage {
			deletionLock() {
				return Promise.reject(new Error('It was asked for a lock.'));
			}
			override read(...given: Parameters<FolderStorage['read']>) {
				read.push(given[0]);
				return super.read(...given);
			}
		}
		const next = await nextDeletions(new Watched({ root }), state, { now: new Date() });
		expect(next).toMatchObject({ mayBeLocked: true, count: 1, deletions: [{ key: keys[3] }] });
		expect(read).toEqual([]);
	});

	it('tells a refusal', async () => {
		const { storage } = folder();
		await writeDaily(storage, 4);
		await prune({ storage, policy: { rules: { last: 1 } }, owner: 'test' });
		const state = await readState(storage, { forForecast: true });
		const refusal = /^3 of 4 backups would be deleted/;
		expect((await nextDeletions(storage, state, { now: new Date() }))?.refusals).toEqual([
			expect.stringMatching(refusal),
		]);
		expect(state.lastPrunes).toMatchObject([{ refusal: expect.stringMatching(refusal) as string, failed: 0 }]);
	});
});
