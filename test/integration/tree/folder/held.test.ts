import { createHash } from 'node:crypto';
import {
	mkdirSync,
	readdirSync,
	readFileSync,
	readlinkSync,
	renameSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';

import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { Disk, HeldFolders } from '../../../../engine/tree/folder';
import { ThreadFolders } from '../../../../engine/tree/folder/disk/thread-folders';
import type { HeldFolder } from '../../../../engine/tree/folder/held-folder';
import { folder } from '../../files/stage';

const { signal } = new AbortController();

/** A folder `a/b` with a file, a link to it, and a folder outside that has the same names. */
function stage() {
	const parent = folder();
	const [root, outside] = [path.join(parent, 'root'), path.join(parent, 'outside')];
	for (const [place, content] of [
		[path.join(root, 'a'), 'inside'],
		[outside, 'outside'],
	] as const) {
		mkdirSync(path.join(place, 'b'), { recursive: true });
		writeFileSync(path.join(place, 'b/file'), content);
	}
	symlinkSync('a', path.join(root, 'link'));
	const swap = () => {
		renameSync(path.join(root, 'a'), path.join(root, 'moved'));
		symlinkSync(outside, path.join(root, 'a'));
	};
	return { root, outside, swap };
}

/** Folders of a tree that this process has open. */
function openBelow(root: string): string[] {
	return readdirSync('/proc/self/fd').flatMap((handle) => {
		try {
			const place = readlinkSync(`/proc/self/fd/${handle}`);
			return place.startsWith(root) ? [place] : [];
		} catch {
			return [];
		}
	});
}

type Hold = <T>(folder: string, use: (folder: HeldFolder) => Promise<T>) => Promise<T>;

const KINDS: Record<string, (root: string, holds?: boolean) => { hold: Hold; forget: () => void }> = {
	'that are held': (root, holds) => {
		const folders = new HeldFolders(Buffer.from(root), holds);
		onTestFinished(() => folders.forget());
		return { hold: (name, use) => folders.hold(name, use), forget: () => folders.forget() };
	},
	'that the thread holds': (root, holds) => {
		const folders = new ThreadFolders(Buffer.from(root), holds);
		onTestFinished(() => folders.close());
		return { hold: async (name, use) => await use(folders.at(name)), forget: () => folders.close() };
	},
};

for (const [what, holderOf] of Object.entries(KINDS)) {
	describe(`folders ${what}`, () => {
		it('stay the same for as long as they are used, whatever takes their names', async () => {
			const { root, outside, swap } = stage();
			await holderOf(root).hold('a/b/', async (held) => {
				swap();
				expect(readFileSync(held.at('a/b/file'), 'utf8')).toBe('inside');
				expect(readdirSync(held.path)).toEqual(['file']);
				await Promise.resolve(writeFileSync(held.at('new'), ''));
			});
			expect(readdirSync(path.join(root, 'moved/b')).sort()).toEqual(['file', 'new']);
			expect(readdirSync(path.join(outside, 'b'))).toEqual(['file']);
		});

		for (const holds of [true, false]) {
			it(`are never reached through a link or a file, ${holds ? 'opened one from another' : 'looked at one after another'}`, async () => {
				const { root } = stage();
				const { hold } = holderOf(root, holds);
				const codeOf = async (name: string) =>
					await hold(name, () => Promise.resolve('held')).catch((error: NodeJS.ErrnoException) => error.code);
				const codes = ['', 'a/', 'a/b/', 'link/', 'link/b/', 'a/b/file/', 'gone/', 'gone/b/'].map(codeOf);
				expect(await Promise.all(codes)).toEqual([
					...['held', 'held', 'held'],
					...['ENOTDIR', 'ENOTDIR', 'ENOTDIR', 'ENOENT', 'ENOENT'],
				]);
				const linked = holderOf(path.join(root, 'link'), holds);
				expect(await linked.hold('b/', (held) => Promise.resolve(readFileSync(held.at('b/file'), 'utf8')))).toBe(
					'inside',
				);
			});
		}

		it('are found anew when that is asked for', async () => {
			const { root, swap } = stage();
			const { hold, forget } = holderOf(root);
			const content = () => hold('a/b/', (held) => Promise.resolve(readFileSync(held.at('file'), 'utf8')));
			expect(await content()).toBe('inside');
			swap();
			forget();
			await expect(content()).rejects.toMatchObject({ code: 'ENOTDIR' });
			rmSync(path.join(root, 'a'));
			mkdirSync(path.join(root, 'a/b'), { recursive: true });
			writeFileSync(path.join(root, 'a/b/file'), 'new');
			expect(await content()).toBe('new');
		});

		it('are not many at once, and none at the end', async () => {
			const root = folder();
			const names = Array.from({ length: 300 }, (_, index) => `${index}/b/`);
			for (const name of names) mkdirSync(path.join(root, name), { recursive: true });
			const { hold, forget } = holderOf(root);
			for (const name of names) {
				await hold(name, () => Promise.resolve());
				expect(openBelow(root).length).toBeLessThan(150);
			}
			forget();
			await expect.poll(() => openBelow(root)).toEqual([]);
		});
	});
}

describe('folders that are held', () => {
	it('do not stay open where somebody begins to use them when all is over', async () => {
		const { root } = stage();
		const folders = new HeldFolders(Buffer.from(root));
		const names = () => folders.hold('a/b/', (held) => Promise.resolve(readdirSync(held.path)));
		const late = names();
		folders.close();
		expect(await Promise.all([late, names()])).toEqual([['file'], ['file']]);
		expect(await names()).toEqual(['file']);
		await expect.poll(() => openBelow(root)).toEqual([]);
	});
});

describe('a folder that could not be opened for long', () => {
	it('does not make one that was opened meanwhile stay open for ever', async () => {
		const { root } = stage();
		const folders = new HeldFolders(Buffer.from(root));
		const names = () => folders.hold('a/b/', (held) => Promise.resolve(readdirSync(held.path)));
		// As on a slow disk: the folder was not there when it was asked for.
		let fail: ((error: Error) => void) | undefined;
		const { open } = fs;
		vi.spyOn(fs, 'open').mockImplementation(async (...given) => {
			if (fail || !String(given[0]).endsWith('/b')) return await open(...given);
			return await new Promise((_, reject) => (fail = reject));
		});
		onTestFinished(() => void vi.restoreAllMocks());
		const early = names();
		await vi.waitUntil(() => fail);
		folders.forget();
		expect(await names()).toEqual(['file']);
		fail?.(Object.assign(new Error('gone'), { code: 'ENOENT' }));
		await expect(early).rejects.toMatchObject({ code: 'ENOENT' });
		folders.close();
		await expect.poll(() => openBelow(root)).toEqual([]);
	});
});

describe('a folder that a thread has read', () => {
	it('is read anew by the next who asks, and not held open any more', async () => {
		const root = folder();
		const list = async () => {
			const disk = new Disk(Buffer.from(root));
			const names = await disk.list('a/', signal);
			disk.close();
			return names;
		};
		mkdirSync(path.join(root, 'a/old'), { recursive: true });
		expect(await list()).toEqual(['old/']);
		rmSync(root, { recursive: true });
		mkdirSync(path.join(root, 'a/new'), { recursive: true });
		expect(await list()).toEqual(['new/']);
		await expect.poll(() => openBelow(root)).toEqual([]);
	});

	it('is not read or written where a link took its place', async () => {
		const { root, outside, swap } = stage();
		const disk = new Disk(Buffer.from(root));
		onTestFinished(() => disk.close());
		swap();
		const attributes = { owner: undefined, mode: 0o777, seconds: 1 };
		const content = Buffer.from('x');
		const sha256 = createHash('sha256').update(content).digest('hex');
		const how = { attributes, replaces: true, isDurable: true };
		const written = { name: 'a/b/new', partial: 'a/b/.0.partial', content, sha256, ...how };
		const answers = await Promise.allSettled([
			disk.list('a/b/', signal),
			disk.look(['a/b/file'], signal).then(([found]) => Promise.reject(found as Error)),
			disk.read('a/b/file', 7, signal),
			disk.write(written, signal),
			disk.make('a/b/folder', signal),
			disk.finish('a/b', attributes, signal),
		]);
		for (const answer of answers) expect(answer).toMatchObject({ status: 'rejected', reason: { code: 'ENOTDIR' } });
		expect(readdirSync(path.join(outside, 'b'))).toEqual(['file']);
	});
});
