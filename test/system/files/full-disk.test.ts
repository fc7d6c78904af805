import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { expect, it, onTestFinished } from 'vitest';

import { openArchive, restoreFiles, backUpFiles, type ArchiveReader } from '../../../engine';
import { FolderStorage } from '../../../engine/storage/folder';
import { temporaryStorage } from '../../integration/archive/support';
import { folder } from '../../integration/files/stage';
import { noise } from '../../random/bytes';

const random = noise('files/full-disk');

/** A disk of so many megabytes. */
function diskOf(megabytes: number) {
	const disk = path.join(folder(), 'disk');
	mkdirSync(disk);
	execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', disk]);
	onTestFinished(() => void execFileSync('umount', ['--lazy', disk]));
	return { disk, resize: (to: number) => execFileSync('mount', ['-o', `remount,size=${to}m`, disk]) };
}

function sample(): string {
	const root = folder();
	for (let index = 0; index < 20; index++) writeFileSync(path.join(root, `file-${index}`), random(1_500_000));
	return root;
}

const backUp = async (storage: FolderStorage, root: string) =>
	await backUpFiles({ storage, root, name: 'set', codec: { name: 'zstd' } });

it('of the target: a restore says so before it begins, or where it breaks off, and goes on when there is room', async () => {
	const root = sample();
	const { storage } = temporaryStorage();
	const manifest = await backUp(storage, root);
	const { disk, resize } = diskOf(16);
	const restore = async (onProgress?: () => void) => {
		const reader: ArchiveReader = await openArchive(storage, { manifest, folder: 'files' });
		const options = { reader, storage, keys: undefined, root: disk, existing: 'fail' as const };
		return await restoreFiles({ ...options, ...(onProgress && { onProgress }) });
	};
	await expect(restore()).rejects.toMatchObject({
		code: 'TARGET_FAILED',
		message: expect.stringContaining('has room for') as string,
	});
	expect(readdirSync(disk)).toEqual([]);
	resize(128);
	// Somebody else takes the room away meanwhile.
	let done = 0;
	const failure = restore(() => void (++done === 5 && resize(12)));
	await expect(failure).rejects.toMatchObject({
		code: 'TARGET_FAILED',
		message: expect.stringContaining('disk is full') as string,
	});
	const left = readdirSync(disk);
	expect(left.length).toBeGreaterThan(0);
	for (const name of left)
		expect(readFileSync(path.join(disk, name)).equals(readFileSync(path.join(root, name))), name).toBe(true);
	// Enough for what is lacking, not for all once more.
	resize(64 + 34);
	expect(await restore()).toMatchObject({ same: left.length, written: 20 - left.length });
});

it('of the storage: a backup says so, and leaves nothing', async () => {
	const { disk } = diskOf(12);
	await expect(backUp(new FolderStorage({ root: disk }), sample())).rejects.toMatchObject({
		message: expect.stringMatching(/space|full|room/i) as string,
	});
	const files = readdirSync(disk, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
	expect(files).toEqual([]);
});
