import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { FolderStorage } from '../../../engine/storage';
import { content } from '../../integration/storage/content';
import { removeFolder, temporaryFolder } from '../../services/guard';

const MIB = 1024 * 1024;

describe('FolderStorage on a disk of 16 MiB', () => {
	let base: string;
	let root: string;
	beforeEach(() => {
		base = temporaryFolder('full-disk');
		root = path.join(base, 'disk');
		mkdirSync(root);
		execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', root]);
	});
	afterEach(() => {
		execFileSync('umount', [root]);
		removeFolder(base);
	});

	it('says that the disk is full and how much is free, and gives the room back', async () => {
		const storage = new FolderStorage({ root });
		await storage.write('first.bin', content(4 * MIB));
		const writing = storage.write('second.bin', content(40 * MIB));
		await expect(writing).rejects.toMatchObject({ code: 'STORAGE_FULL', details: { freeBytes: expect.any(Number) } });
		expect(readdirSync(root)).toEqual(['first.bin']);
		expect(await storage.freeBytes()).toBe(12 * MIB);
	});

	it('does not begin what cannot fit', async () => {
		const storage = new FolderStorage({ root });
		const writing = storage.write('x.bin', content(40 * MIB), { expectedSize: 40 * MIB });
		await expect(writing).rejects.toMatchObject({
			code: 'STORAGE_FULL',
			details: { freeBytes: 16 * MIB, neededBytes: 40 * MIB },
		});
		expect(readdirSync(root)).toEqual([]);
	});

	it('says that a disk is mounted read-only', async () => {
		execFileSync('mount', ['-o', 'remount,ro', root]);
		const storage = new FolderStorage({ root });
		const denied = { code: 'STORAGE_DENIED', message: expect.stringContaining('read-only') };
		await expect(storage.write('x.bin', content(10))).rejects.toMatchObject(denied);
	});
});
