import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
	chmodSync,
	existsSync,
	mkdirSync,
	readdirSync,
	readlinkSync,
	rmSync,
	statSync,
	symlinkSync,
	utimesSync,
	writeFileSync,
} from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';

import { FolderStorage } from '../../../engine/storage';
import { removeFolder, temporaryFolder } from '../../services/guard';
import { all, content, stalling } from './content';
import { storageContract } from './contract';

const MIB = 1024 * 1024;

/** Everything below a folder that is not a plain object: partial files and the like. */
function partials(root: string): string[] {
	if (!existsSync(root)) return [];
	return readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.partial'));
}

/** The files that this process has open. */
function openFiles(): string[] {
	return readdirSync('/proc/self/fd').flatMap((fd) => {
		try {
			return [readlinkSync(`/proc/self/fd/${fd}`)];
		} catch {
			// The one that the folder itself was read by.
			return [];
		}
	});
}

storageContract('a folder', () => {
	const base = temporaryFolder('storage');
	const root = path.join(base, 'made', 'by the first write');
	return Promise.resolve({
		storage: new FolderStorage({ root }),
		leftovers: () => Promise.resolve(partials(root)),
		stop: () => Promise.resolve(removeFolder(base)),
	});
});

describe('FolderStorage', () => {
	const folders: string[] = [];
	const newRoot = () => {
		const folder = temporaryFolder('storage');
		folders.push(folder);
		return folder;
	};
	afterEach(() => {
		vi.restoreAllMocks();
		for (const folder of folders.splice(0)) removeFolder(folder);
	});

	it('lists all that is there though one of it goes away meanwhile, also where the file system does not say what it is', async () => {
		const root = newRoot();
		const storage = new FolderStorage({ root });
		for (const key of ['postgres/a.sql', 'postgres/b.sql', 'qdrant/c.snapshot']) {
			await storage.write(key, content(1));
		}
		const { readdir } = fs;
		const spy = vi.spyOn(fs, 'readdir').mockImplementation((async (folder: string) => {
			return ['gone.sql', ...(await readdir(folder))];
		}) as typeof fs.readdir);
		const keys = (await all(storage.list(''))).map(({ key }) => key).sort();
		expect(spy).toHaveBeenCalledTimes(3);
		expect(keys).toEqual(['postgres/a.sql', 'postgres/b.sql', 'qdrant/c.snapshot']);
	});

	it('makes folders and files that only their owner can read', async () => {
		const root = path.join(newRoot(), 'backups');
		const storage = new FolderStorage({ root });
		await storage.write('postgres/shop.sql', content(10));
		await storage.replace('postgres/shop.json', Buffer.from('{}'));
		const mode = (name: string) => statSync(path.join(root, name)).mode & 0o777;
		expect([mode(''), mode('postgres')]).toEqual([0o700, 0o700]);
		expect([mode('postgres/shop.sql'), mode('postgres/shop.json')]).toEqual([0o600, 0o600]);
	});

	it('points with a relative symbolic link, which other programs can follow', async () => {
		const root = newRoot();
		const storage = new FolderStorage({ root });
		await storage.write('postgres/shop_1.sql', content(10));
		await storage.setLatest('postgres/shop_latest', 'postgres/shop_1.sql');
		expect(readlinkSync(path.join(root, 'postgres/shop_latest'))).toBe('shop_1.sql');
	});

	describe.each(['hard links', 'no hard links'])('on a file system with %s', (what) => {
		beforeEach(() => {
			if (what === 'hard links') return;
			const refused = Object.assign(new Error('no hard links here'), { code: 'EPERM' });
			const link = vi.spyOn(fs, 'link').mockRejectedValue(refused);
			onTestFinished(() => link.mockRestore());
		});

		it('lets that of two writers of a key win that is done first, and turns the other away', async () => {
			const root = newRoot();
			const storage = new FolderStorage({ root });
			const source = (async function* () {
				yield* content(2 * MIB);
				await storage.write('same.sql', content(10));
			})();
			await expect(storage.write('same.sql', source)).rejects.toMatchObject({ code: 'STORAGE_EXISTS' });
			expect(await storage.stat('same.sql')).toMatchObject({ size: 10 });
			const writers = [MIB, MIB + 1, MIB + 2].map((size) => storage.write('x.sql', content(size)));
			const outcomes = await Promise.allSettled(writers);
			const won = outcomes.filter((outcome) => outcome.status === 'fulfilled');
			expect(won).toHaveLength(1);
			expect(await storage.stat('x.sql')).toMatchObject({ size: won[0]!.value.size });
			expect(partials(root)).toEqual([]);
		});
	});

	it('does not overwrite a file that another program puts there during the write', async () => {
		const root = newRoot();
		const storage = new FolderStorage({ root });
		const source = (async function* () {
			yield* content(1000);
			await fs.writeFile(path.join(root, 'x.sql'), 'mine');
		})();
		await expect(storage.write('x.sql', source)).rejects.toMatchObject({ code: 'STORAGE_EXISTS' });
		expect(await fs.readFile(path.join(root, 'x.sql'), 'utf8')).toBe('mine');
		expect(partials(root)).toEqual([]);
	});

	it('shows nothing of a write whose process was killed, and sweeps what it left', async () => {
		const root = newRoot();
		const storage = new FolderStorage({ root });
		const child = spawn(
			process.execPath,
			[...process.execArgv, path.join(__dirname, 'endless-write.ts'), root, 'postgres/shop.sql'],
			{ stdio: ['ignore', 'pipe', 'inherit'] },
		);
		await once(child.stdout, 'data');
		child.kill('SIGKILL');
		await once(child, 'close');
		expect(await all(storage.list(''))).toEqual([]);
		expect(await storage.stat('postgres/shop.sql')).toBeUndefined();
		const left = [expect.stringMatching(/^postgres\/\.shop\.sql\.[0-9a-f]{12}~\.partial$/)];
		expect(partials(root)).toEqual(left);
		// Nobody can tell it from one that is being written, and it keeps nobody from writing.
		await storage.write('postgres/shop.sql', content(10));
		expect(partials(root)).toEqual(left);
		expect(await storage.sweep(new Date(Date.now() - 3_600_000))).toEqual([]);
		expect(await storage.sweep(new Date(Date.now() + 1000))).toEqual(['postgres/shop.sql']);
		expect(partials(root)).toEqual([]);
		expect(await storage.stat('postgres/shop.sql')).toMatchObject({ size: 10 });
	});

	it('sweeps what an interrupted replacement left, and nothing that is not its own', async () => {
		const root = newRoot();
		writeFileSync(path.join(root, '.x.json.0123456789ab~.partial'), 'half');
		writeFileSync(path.join(root, 'download.partial'), "someone else's");
		for (const name of readdirSync(root)) utimesSync(path.join(root, name), 1, 1);
		const storage = new FolderStorage({ root });
		expect(await storage.sweep(new Date())).toEqual(['x.json']);
		expect(readdirSync(root)).toEqual(['download.partial']);
	});

	it('refuses folders below its root that are links out of it, and touches nothing there', async () => {
		const root = newRoot();
		const outside = newRoot();
		writeFileSync(path.join(outside, 'secret.txt'), 'secret');
		symlinkSync(outside, path.join(root, 'link'));
		const storage = new FolderStorage({ root });
		const denied = { code: 'STORAGE_DENIED' };
		await expect(storage.write('link/x.sql', content(10))).rejects.toMatchObject(denied);
		await expect(storage.write('link/deep/er/x.sql', content(10))).rejects.toMatchObject(denied);
		await expect(storage.replace('link/x.json', Buffer.from('x'))).rejects.toMatchObject(denied);
		await expect(storage.read('link/secret.txt')).rejects.toMatchObject(denied);
		await expect(storage.stat('link/secret.txt')).rejects.toMatchObject(denied);
		await expect(storage.remove('link/secret.txt')).rejects.toMatchObject(denied);
		await expect(all(storage.list('link/'))).rejects.toMatchObject(denied);
		expect(await all(storage.list(''))).toEqual([]);
		expect(readdirSync(outside)).toEqual(['secret.txt']);
	});

	it('does not follow a link that stands in the place of an object', async () => {
		const root = newRoot();
		const outside = newRoot();
		writeFileSync(path.join(outside, 'secret.txt'), 'secret');
		symlinkSync(path.join(outside, 'secret.txt'), path.join(root, 'x.sql'));
		const storage = new FolderStorage({ root });
		await expect(storage.read('x.sql')).rejects.toMatchObject({ code: 'STORAGE_MISSING' });
		expect(await storage.stat('x.sql')).toBeUndefined();
		await expect(storage.write('x.sql', content(10))).rejects.toMatchObject({ code: 'STORAGE_EXISTS' });
		await storage.replace('x.sql', Buffer.from('new'));
		expect(await text(await storage.read('x.sql'))).toBe('new');
		expect(await fs.readFile(path.join(outside, 'secret.txt'), 'utf8')).toBe('secret');
	});

	it('accepts a root that is itself a link, and folders that are links to inside of it', async () => {
		const real = newRoot();
		const root = path.join(newRoot(), 'link');
		symlinkSync(real, root);
		mkdirSync(path.join(real, 'a'));
		symlinkSync('a', path.join(real, 'b'));
		const storage = new FolderStorage({ root });
		await storage.write('b/x.sql', content(10));
		expect((await all(storage.list(''))).map(({ key }) => key)).toEqual(['a/x.sql']);
	});

	it('refuses a pointer that was bent to lead elsewhere', async () => {
		const root = newRoot();
		symlinkSync('../../etc/passwd', path.join(root, 'shop_latest'));
		const storage = new FolderStorage({ root });
		await expect(storage.readLatest('shop_latest')).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
	});

	it('reads small objects whole, in one run after another, by the same rules as any', async () => {
		const root = newRoot();
		const outside = newRoot();
		writeFileSync(path.join(outside, 'secret.txt'), 'secret');
		symlinkSync(outside, path.join(root, 'link'));
		mkdirSync(path.join(root, 'a/folder.json'), { recursive: true });
		symlinkSync(path.join(outside, 'secret.txt'), path.join(root, 'a/secret.json'));
		await promisify(execFile)('mkfifo', [path.join(root, 'a/pipe.json')]);
		writeFileSync(path.join(root, 'a/empty.json'), '');
		writeFileSync(path.join(root, 'a/large.json'), Buffer.alloc(1024 * 1024 + 1));
		writeFileSync(path.join(root, 'top.json'), 'top');
		const storage = new FolderStorage({ root });
		const read = storage.smallReader();
		expect((await read('top.json'))?.toString()).toBe('top');
		expect((await read('a/empty.json'))?.toString()).toBe('');
		expect(await read('a/large.json')).toBeUndefined();
		for (const key of ['a/none.json', 'a/folder.json', 'a/secret.json', 'a/pipe.json', 'none/x.json']) {
			await expect(read(key)).rejects.toMatchObject({ code: 'STORAGE_MISSING' });
		}
		await expect(read('link/secret.txt')).rejects.toMatchObject({ code: 'STORAGE_DENIED' });
		await expect(read('a/../top.json')).rejects.toMatchObject({ code: 'INVALID_INPUT' });
		await expect(read('top.json', AbortSignal.abort())).rejects.toMatchObject({ code: 'CANCELLED' });
		// What was not there may come.
		mkdirSync(path.join(root, 'none'));
		writeFileSync(path.join(root, 'none/x.json'), 'x');
		expect((await read('none/x.json'))?.toString()).toBe('x');
		// A folder that became a link is found out by the next run.
		rmSync(path.join(root, 'none'), { recursive: true });
		symlinkSync(outside, path.join(root, 'none'));
		await expect(storage.smallReader()('none/secret.txt')).rejects.toMatchObject({ code: 'STORAGE_DENIED' });
		expect(openFiles().filter((file) => file.startsWith(root))).toEqual([]);
	});

	it('checks the room before it begins, and keeps the reserve free', async () => {
		const root = newRoot();
		const huge = 2 ** 60;
		await expect(new FolderStorage({ root }).write('x.sql', content(10), { expectedSize: huge })).rejects.toMatchObject(
			{ code: 'STORAGE_FULL', details: { neededBytes: huge, freeBytes: expect.any(Number) } },
		);
		const reserving = new FolderStorage({ root, reserveBytes: huge });
		await expect(reserving.write('x.sql', content(10))).rejects.toMatchObject({ code: 'STORAGE_FULL' });
		expect(readdirSync(root)).toEqual([]);
		expect(await new FolderStorage({ root: path.join(root, 'not/yet/there') }).freeBytes()).toBeGreaterThan(0);
	});

	it('says what to do where the system denies access', async () => {
		const root = newRoot();
		mkdirSync(path.join(root, 'closed'));
		chmodSync(path.join(root, 'closed'), 0o555);
		const script = path.join(__dirname, 'write-once.ts');
		const args = [...process.execArgv, script, path.join(root, 'closed'), 'x.sql'];
		const { stdout } = await promisify(execFile)(process.execPath, args);
		expect(JSON.parse(stdout)).toMatchObject({ code: 'STORAGE_DENIED', hint: expect.stringContaining('n8n') });
	});

	it('names the trouble where a file stands in the place of a folder', async () => {
		const root = newRoot();
		writeFileSync(path.join(root, 'postgres'), '');
		const storage = new FolderStorage({ root });
		await expect(storage.write('postgres/x.sql', content(1))).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
		await expect(storage.write(`${'x'.repeat(250)}.sql`, content(1))).rejects.toMatchObject({ code: 'INVALID_INPUT' });
		expect(() => new FolderStorage({ root: 'relative/path' })).toThrow('not an absolute path');
	});

	it('does without hard links and symbolic links where a file system has none', async () => {
		const unsupported = Object.assign(new Error('not supported'), { code: 'ENOTSUP' });
		vi.spyOn(fs, 'link').mockRejectedValue(unsupported);
		vi.spyOn(fs, 'symlink').mockRejectedValue(unsupported);
		const root = newRoot();
		const storage = new FolderStorage({ root });
		await storage.write('x_1.sql', content(1000));
		await expect(storage.write('x_1.sql', content(2000))).rejects.toMatchObject({ code: 'STORAGE_EXISTS' });
		await storage.setLatest('x_latest', 'x_1.sql');
		expect(await storage.readLatest('x_latest')).toBe('x_1.sql');
		expect((await all(storage.list(''))).map(({ key, size }) => [key, size])).toEqual([['x_1.sql', 1000]]);
		expect(partials(root)).toEqual([]);
	});

	it('tells a disk that fails at once, although its source says nothing for long', async () => {
		const root = newRoot();
		const storage = new FolderStorage({ root });
		mkdirSync(root, { recursive: true });
		const some = await fs.open(path.join(root, 'some'), 'w');
		const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
		vi.spyOn(Object.getPrototypeOf(some) as typeof some, 'write').mockImplementation(async () => {
			await sleep(20);
			throw full;
		});
		await some.close();
		// As a server that makes the next snapshot.
		const source = stalling(2 * MIB, () => {});
		await expect(storage.write('x.sql', source)).rejects.toMatchObject({ code: 'STORAGE_FULL' });
		expect(readdirSync(root)).toEqual(['some']);
	});

	it('closes every file, also of what was cancelled or never read to its end', async () => {
		const root = newRoot();
		const storage = new FolderStorage({ root });
		await storage.write('x.sql', content(5 * MIB));
		const stream = await storage.read('x.sql');
		for await (const _chunk of stream) break;
		for await (const _object of storage.list('')) break;
		const controller = new AbortController();
		const source = stalling(3 * MIB, () => controller.abort());
		await expect(storage.write('y.sql', source, { signal: controller.signal })).rejects.toThrow();
		expect(openFiles().filter((file) => file.startsWith(root))).toEqual([]);
	});
});
