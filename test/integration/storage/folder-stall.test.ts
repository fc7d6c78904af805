import { readdirSync } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';

import { afterEach, describe, expect, it, vi } from 'vitest';

import { FolderStorage } from '../../../engine/storage';
import { StallWatch } from '../../../engine/storage/stall';
import { temporaryRoot } from '../retention/support';
import { all, content } from './content';
import { quickClock } from './quick-clock';

/** Calls of one kind to the file system that do not come back until they are let go. */
function hanging(method: 'write' | 'read' | 'sync') {
	const open = fs.open.bind(fs);
	let letGo = () => {};
	const released = new Promise<void>((resolve) => (letGo = resolve));
	let begin = () => {};
	const begun = new Promise<void>((resolve) => (begin = resolve));
	vi.spyOn(fs, 'open').mockImplementation(async (...args) => {
		const handle = await open(...args);
		const original = (handle[method] as (...some: unknown[]) => Promise<unknown>).bind(handle);
		const slow = async (...some: unknown[]) => {
			begin();
			await released;
			return await original(...some);
		};
		return Object.assign(handle, { [method]: slow });
	});
	return { begun, letGo };
}

afterEach(() => {
	vi.restoreAllMocks();
});

const stalled = { code: 'STORAGE_UNREACHABLE', message: expect.stringContaining('has not answered for') as string };

describe('a folder on a share that does not answer', () => {
	it.each(['write', 'sync'] as const)(
		'ends a backup whose %s hangs, and leaves nothing when it is back',
		async (method) => {
			const root = temporaryRoot();
			const { letGo } = hanging(method);
			const storage = new FolderStorage({ root, stallMs: 1 });
			await expect(storage.write('x.bin', content(3_000_000))).rejects.toMatchObject(stalled);
			letGo();
			await vi.waitUntil(() => readdirSync(root).length === 0, { timeout: 20_000 });
		},
	);

	it('lets a backup be cancelled, and leaves nothing when it is back', async () => {
		const root = temporaryRoot();
		const { begun, letGo } = hanging('write');
		const controller = new AbortController();
		const storage = new FolderStorage({ root });
		const writing = storage.write('x.bin', content(3_000_000), { signal: controller.signal });
		const watching = expect(writing).rejects.toMatchObject({ code: 'CANCELLED' });
		await begun;
		controller.abort();
		await watching;
		letGo();
		await vi.waitUntil(() => readdirSync(root).length === 0, { timeout: 20_000 });
	});

	it('ends a read, and lets one be cancelled', async () => {
		const root = temporaryRoot();
		await fs.writeFile(path.join(root, 'x.bin'), 'x');
		const { letGo } = hanging('read');
		const ending = all(await new FolderStorage({ root, stallMs: 1 }).read('x.bin'));
		await expect(ending).rejects.toMatchObject(stalled);
		const controller = new AbortController();
		const reading = all(await new FolderStorage({ root }).read('x.bin', { signal: controller.signal }));
		const watching = expect(reading).rejects.toMatchObject({ code: 'CANCELLED' });
		controller.abort();
		await watching;
		letGo();
	});

	it('lets a run be cancelled that only looks', async () => {
		vi.spyOn(fs, 'realpath').mockImplementation(() => new Promise(() => {}));
		const controller = new AbortController();
		const storage = new FolderStorage({ root: temporaryRoot(), runSignal: controller.signal });
		const watching = expect(storage.remove('x.bin')).rejects.toMatchObject({ code: 'CANCELLED' });
		controller.abort();
		await watching;
	});

	it('ends what only looks', async () => {
		vi.spyOn(fs, 'realpath').mockImplementation(() => new Promise(() => {}));
		const storage = new FolderStorage({ root: temporaryRoot(), stallMs: 1 });
		await expect(storage.stat('x.bin')).rejects.toMatchObject(stalled);
		await expect(all(storage.list(''))).rejects.toMatchObject(stalled);
		await expect(storage.replace('x.json', Buffer.from('{}'))).rejects.toMatchObject(stalled);
	});
});

describe('the watch over calls that may not come back', () => {
	it('tells while one hangs, and when it is back', async () => {
		const clock = quickClock();
		const told: [string, boolean][] = [];
		const watch = new StallWatch('folder backups', (...notice) => told.push(notice), 600_000, clock);
		let comeBack = () => {};
		const call = () => new Promise<void>((resolve) => (comeBack = resolve));
		const work = watch.supervise(() => watch.during(call));
		clock.pass(31_000);
		await vi.waitUntil(() => told.length > 0, { timeout: 20_000 });
		comeBack();
		await work;
		expect(told).toEqual([
			['The folder backups has not answered for 31 s; after 600 s the run gives it up.', false],
			['The folder backups answers again after 31 s.', true],
		]);
	});

	it('does not count the time in which no call is under way', async () => {
		const clock = quickClock();
		const watch = new StallWatch('folder backups', () => {}, 1000, clock);
		const work = watch.supervise(async () => {
			clock.pass(5000);
			await new Promise((resolve) => setTimeout(resolve, 1500));
			return await watch.during(() => Promise.resolve('done'));
		});
		expect(await work).toBe('done');
	});
});
