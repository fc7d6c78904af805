import { readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import {
	FolderStorage,
	JOURNAL,
	LOG_KEY,
	listManifests,
	noteEvent,
	pruneJournal,
	readJournal,
	refreshLog,
	S3Storage,
	type EventContent,
	type Storage,
} from '../../../engine';
import { newEventKey, formatEvent } from '../../../engine/journal/event';
import { removeFolder, temporaryFolder } from '../../services/guard';
import { startS3rver } from '../../services/s3/s3rver';
import { all } from '../storage/content';
import { optionsFor } from '../storage/s3-under-test';

const DAY_MS = 24 * 3_600_000;
const NOW = new Date('2026-11-30T12:00:00.000Z');
const daysAgo = (days: number) => new Date(NOW.getTime() - days * DAY_MS).toISOString();
const event = (days: number, more: Partial<EventContent> = {}): EventContent => ({
	action: 'backUp',
	outcome: 'failed',
	startedAt: daysAgo(days),
	endedAt: daysAgo(days),
	kind: 'postgres',
	name: 'shop',
	...more,
});

interface Started {
	storage: Storage;
	stop(): Promise<void> | void;
}

const PLACES: Record<string, () => Promise<Started>> = {
	'a folder': async () => {
		const root = temporaryFolder('journal');
		return { storage: new FolderStorage({ root }), stop: () => removeFolder(root) };
	},
	'a bucket': async () => {
		const server = await startS3rver();
		const storage = new S3Storage(optionsFor(server, await server.createBucket()));
		const stop = async () => {
			storage.close();
			await server.stop();
		};
		return { storage, stop };
	},
};

describe.each(Object.entries(PLACES))('the journal in %s', (_place, start) => {
	let started: Started;
	let storage: Storage;
	beforeAll(async () => {
		started = await start();
		storage = started.storage;
		for (const days of [0.01, 0.5, 3, 500]) await noteEvent(storage, event(days));
		await noteEvent(storage, event(0.2, { action: 'restore', outcome: 'refused', requestedBy: 'Ana' }));
		await noteEvent(storage, event(0.1, { outcome: 'succeeded', size: 1234 }));
	});
	afterAll(() => started.stop());

	it('is read by time, newest first, and only what is wanted', async () => {
		const since = new Date(daysAgo(1));
		const part = await readJournal(storage, {
			since,
			now: NOW,
			limit: 10,
			groupOf: ({ outcome }) => (outcome === 'succeeded' ? undefined : 'problems'),
		});
		expect(part.events.map(({ action, outcome, endedAt }) => [action, outcome, endedAt])).toEqual([
			['backUp', 'failed', daysAgo(0.01)],
			['restore', 'refused', daysAgo(0.2)],
			['backUp', 'failed', daysAgo(0.5)],
		]);
		expect(Object.fromEntries(part.counts)).toEqual({
			'backUp failed': 2,
			'restore refused': 1,
			'backUp succeeded': 1,
		});
		expect(part).toMatchObject({ left: 0, unreadable: 0 });
		const some = await readJournal(storage, { since, now: NOW, limit: 2 });
		expect(some.events).toHaveLength(2);
		expect(some.left).toBe(2);
	});

	it('counts what is forged in it as unreadable, and hears nothing from the future', async () => {
		const forged = [
			event(0.3, { name: 'x'.repeat(100_000) }),
			event(0.31, { outcome: 'succeeded' }),
			event(-30),
		] as const;
		await storage.replace(newEventKey(forged[0]), Buffer.from(JSON.stringify({ ...forged[0], formatVersion: 1 })));
		await storage.replace(newEventKey(event(0.31)), Buffer.from(formatEvent(forged[1])));
		await storage.replace(newEventKey(forged[2]), Buffer.from(formatEvent(forged[2])));
		await storage.replace(`${JOURNAL}2026/11/30/notes.txt`, Buffer.from('hello'));
		const part = await readJournal(storage, { since: new Date(daysAgo(1)), now: NOW, limit: 10 });
		expect(part.events).toHaveLength(4);
		expect(part.unreadable).toBe(1);
	});

	it('is nothing to those who look for backups', async () => {
		const { backups, damaged } = await listManifests(storage, '');
		expect({ backups, damaged }).toEqual({ backups: [], damaged: [] });
	});

	it('has a log with a line for each event, however often it is made', async () => {
		const isFolder = storage.appendLine !== undefined;
		const added = [await refreshLog(storage, { now: NOW }), await refreshLog(storage, { now: NOW })];
		// A bucket's begins with the last thirty days.
		expect(added).toEqual(isFolder ? [0, 0] : [5, 0]);
		await noteEvent(storage, event(0.005, { outcome: 'succeeded', summary: 'late' }));
		await refreshLog(storage, { now: NOW });
		const lines = (await text(await storage.read(LOG_KEY))).trimEnd().split('\n');
		expect(lines).toHaveLength(isFolder ? 7 : 6);
		expect(lines.at(-1)).toMatch(/^2026-11-30T11:52:48\.000Z INFO backUp postgres\/shop succeeded .*summary="late"/);
		expect(lines.filter((line) => line.includes(' by="Ana" '))).toHaveLength(1);
	});

	it('loses what is older than it is kept, and nothing else', async () => {
		const before = (await all(storage.list(JOURNAL))).map(({ key }) => key);
		expect(await pruneJournal(storage, { days: 400, now: NOW })).toEqual({ removed: 1, failures: [] });
		const after = (await all(storage.list(JOURNAL))).map(({ key }) => key);
		expect(before.filter((key) => !after.includes(key))).toMatchObject([expect.stringContaining('/2025/07/')]);
		expect(await pruneJournal(storage, { days: 1, now: NOW })).toMatchObject({ removed: 1 });
		expect(await pruneJournal(storage, { days: 1, now: NOW })).toMatchObject({ removed: 0 });
		expect((await all(storage.list(`${JOURNAL}2026/11/30/notes.txt`))).length).toBe(1);
	});
});

describe('backup.log in a folder', () => {
	it('keeps every line of many who write at once, and is put aside when it is long', async () => {
		const root = temporaryFolder('journal');
		const storages = [1, 2, 3].map(() => new FolderStorage({ root }));
		const rotation = { maxBytes: 4000, files: 50 };
		const linesOf = (who: number) =>
			Array.from({ length: 100 }, (_one, index) => `line ${who} ${index} ${'.'.repeat(index)}`);
		await Promise.all(
			storages.map(async (storage, who) => {
				for (const line of linesOf(who)) await storage.appendLine('backup.log', line, rotation);
			}),
		);
		const files = readdirSync(root);
		expect(files.filter((name) => !/^backup\.log(\.\d+)?$/.test(name))).toEqual([]);
		expect(files.length).toBeGreaterThan(3);
		const lines = files.flatMap((name) => readFileSync(join(root, name), 'utf8').trimEnd().split('\n'));
		const wanted = storages.flatMap((_storage, who) => linesOf(who));
		expect(lines.sort()).toEqual(wanted.sort());
		removeFolder(root);
	});

	it('has as many files as are allowed, the newest lines in the first', async () => {
		const root = temporaryFolder('journal');
		const storage = new FolderStorage({ root });
		for (let index = 0; index < 40; index++) {
			await storage.appendLine('backup.log', `line ${String(index).padStart(3, '0')}`, { maxBytes: 50, files: 3 });
		}
		expect(readdirSync(root).sort()).toEqual(['backup.log', 'backup.log.1', 'backup.log.2']);
		expect(readFileSync(join(root, 'backup.log'), 'utf8')).toMatch(/line 039\n$/);
		removeFolder(root);
	});

	it('is never written through a link that somebody has put there', async () => {
		const root = temporaryFolder('journal');
		const other = temporaryFolder('journal');
		const storage = new FolderStorage({ root });
		await noteEvent(storage, event(0));
		rmSync(join(root, LOG_KEY));
		writeFileSync(join(other, 'victim'), '');
		symlinkSync(join(other, 'victim'), join(root, LOG_KEY));
		await expect(noteEvent(storage, event(0))).rejects.toMatchObject({ code: expect.stringMatching(/^STORAGE_/) });
		expect(readFileSync(join(other, 'victim'), 'utf8')).toBe('');
		// The event itself was noted.
		expect(await all(storage.list(JOURNAL))).toHaveLength(2);
		removeFolder(root);
		removeFolder(other);
	});
});
