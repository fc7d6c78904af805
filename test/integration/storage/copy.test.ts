import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { FolderStorage } from '../../../engine/storage';
import { removeFolder, temporaryFolder } from '../../services/guard';
import { startS3rver } from '../../services/s3/s3rver';
import { all, content } from './content';
import { copyContract } from './copy-contract';
import { s3UnderTest } from './s3-under-test';

copyContract('a folder', () => {
	const root = temporaryFolder('copies');
	return Promise.resolve({
		storage: new FolderStorage({ root }),
		leftovers: () => Promise.resolve(undefined),
		stop: () => Promise.resolve(removeFolder(root)),
	});
});

copyContract('s3rver', () => s3UnderTest(startS3rver, { listsUploads: false }));

describe('a copy in a folder', () => {
	let root: string;
	let storage: FolderStorage;
	beforeEach(() => {
		root = temporaryFolder('copies');
		storage = new FolderStorage({ root });
	});
	afterEach(() => {
		vi.restoreAllMocks();
		removeFolder(root);
	});

	it('is a hard link, which takes no room, and is listed as one with its original', async () => {
		await storage.write('a/x.bin', content(1000));
		await storage.write('a/alone.bin', content(1000));
		await storage.copy('a/x.bin', 'b/x.bin');
		expect(statSync(path.join(root, 'b/x.bin')).ino).toBe(statSync(path.join(root, 'a/x.bin')).ino);
		const shared = new Map((await all(storage.list(''))).map(({ key, sharedAs }) => [key, sharedAs]));
		expect(shared.get('a/x.bin')).toBeDefined();
		expect(shared.get('a/x.bin')).toBe(shared.get('b/x.bin'));
		expect(shared.get('a/alone.bin')).toBeUndefined();
	});

	// A second disk and a file system without links cannot be had everywhere.
	it.each(['EXDEV', 'EPERM', 'ENOTSUP', 'EMLINK'])('is left to the caller where link(2) answers %s', async (code) => {
		await storage.write('a/x.bin', content(1000));
		vi.spyOn(fs, 'link').mockRejectedValue(Object.assign(new Error(code), { code }));
		expect(await storage.copy('a/x.bin', 'b/x.bin')).toBeUndefined();
		expect(await all(storage.list('b/'))).toEqual([]);
	});

	it('is made of plain files only, and inside the folder only', async () => {
		mkdirSync(path.join(root, 'a'));
		writeFileSync(path.join(root, 'secret'), 'secret');
		symlinkSync('../secret', path.join(root, 'a/link.bin'));
		await expect(storage.copy('a/link.bin', 'b/x.bin')).rejects.toMatchObject({ code: 'STORAGE_MISSING' });
		symlinkSync('/', path.join(root, 'out'));
		await storage.write('a/x.bin', content(10));
		await expect(storage.copy('a/x.bin', 'out/x.bin')).rejects.toMatchObject({ code: 'STORAGE_DENIED' });
		expect(readFileSync(path.join(root, 'secret'), 'utf8')).toBe('secret');
	});
});
