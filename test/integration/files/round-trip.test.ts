import {
	chmodSync,
	linkSync,
	lstatSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	readlinkSync,
	symlinkSync,
	truncateSync,
	utimesSync,
	writeFileSync,
} from 'node:fs';
import path from 'node:path';

import { describe, expect, it, onTestFinished } from 'vitest';

import { openArchive, type Manifest } from '../../../engine/archive';
import { FilesSource } from '../../../engine/files/source';
import { FilesTarget } from '../../../engine/tree/folder';
import { backUpTree, NO_BASE, openNeeded, restoreTree, Selection, type Existing } from '../../../engine/tree';
import type { FolderStorage } from '../../../engine/storage/folder';
import { noise } from '../../random/bytes';
import { removeFolder, temporaryFolder } from '../../services/guard';
import { temporaryStorage } from '../archive/support';

const random = noise('files');

function folder(): string {
	const root = temporaryFolder('files');
	onTestFinished(() => removeFolder(root));
	return root;
}

async function backUp(storage: FolderStorage, root: string): Promise<Manifest> {
	const source = new FilesSource({ root, selection: new Selection(), notIn: [] });
	const described = () => ({ source: { system: 'files', version: '1', server: root }, warnings: source.warnings });
	return await backUpTree({
		storage,
		codec: { name: 'zstd' },
		archive: { kind: 'files', name: 'set' },
		source,
		base: NO_BASE,
		describe: described,
	});
}

async function restore(storage: FolderStorage, manifest: Manifest, root: string, existing: Existing = 'fail') {
	const reader = await openArchive(storage, { manifest, folder: 'files' });
	const archives = await openNeeded(reader, { storage, keys: undefined });
	return await restoreTree({ reader, archives, target: new FilesTarget({ root, existing }), existing });
}

/** All that a user can see of a folder. */
function look(root: string, below = ''): Record<string, unknown> {
	const seen: Record<string, unknown> = {};
	for (const name of readdirSync(path.join(root, below), { encoding: 'latin1' })) {
		const relative = path.join(below, name);
		const file = Buffer.concat([Buffer.from(`${root}/`), Buffer.from(relative, 'latin1')]);
		const { mode, mtimeMs, size } = lstatSync(file);
		const stat = lstatSync(file);
		const facts = { mode: mode & 0o777, mtime: stat.isSymbolicLink() ? undefined : Math.round(mtimeMs) };
		if (stat.isDirectory()) Object.assign(seen, { [`${relative}/`]: facts }, look(root, relative));
		else if (stat.isSymbolicLink()) seen[relative] = { link: readlinkSync(file) };
		else seen[relative] = { ...facts, size, content: readFileSync(file).toString('base64') };
	}
	return seen;
}

function sample(): string {
	const root = folder();
	mkdirSync(path.join(root, 'docs/deep'), { recursive: true });
	mkdirSync(path.join(root, 'empty'));
	writeFileSync(path.join(root, 'docs-1.txt'), 'between "docs" and "docs/"');
	writeFileSync(path.join(root, 'docs/large.bin'), random(3_000_000));
	writeFileSync(path.join(root, 'docs/deep/empty'), '');
	writeFileSync(path.join(root, 'docs/secret'), 'x', { mode: 0o600 });
	writeFileSync(path.join(root, 'run.sh'), '#!/bin/sh\n');
	chmodSync(path.join(root, 'run.sh'), 0o755);
	linkSync(path.join(root, 'run.sh'), path.join(root, 'run-too.sh'));
	symlinkSync('docs/large.bin', path.join(root, 'link'));
	symlinkSync('/nowhere', path.join(root, 'dangling'));
	writeFileSync(path.join(root, 'sparse'), 'begin');
	truncateSync(path.join(root, 'sparse'), 20_000_000);
	writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.of(0x66, 0xff, 0xfe)]), 'a name that is no text');
	utimesSync(path.join(root, 'docs/deep'), 1000.5, 1000.5);
	utimesSync(path.join(root, 'docs/secret'), 1_234_567_890.25, 1_234_567_890.25);
	return root;
}

describe('a folder', () => {
	it('comes back as it was', async () => {
		const { storage } = temporaryStorage();
		const root = sample();
		const manifest = await backUp(storage, root);
		const target = folder();
		const result = await restore(storage, manifest, target);
		expect(look(target)).toEqual(look(root));
		expect(result).toMatchObject({ same: 0, skipped: 0 });
		expect(lstatSync(path.join(target, 'run.sh')).ino).toBe(lstatSync(path.join(target, 'run-too.sh')).ino);
		expect(lstatSync(path.join(target, 'sparse')).blocks).toBeLessThan(1000);
	});

	it('is found to be there already when it is restored once more', async () => {
		const { storage } = temporaryStorage();
		const root = sample();
		const manifest = await backUp(storage, root);
		const target = folder();
		await restore(storage, manifest, target);
		expect(await restore(storage, manifest, target)).toMatchObject({ bytes: 0 });
		expect(look(target)).toEqual(look(root));
	});

	it('is found to be there already where the file system keeps every second second of a time alone, as FAT does', async () => {
		const { storage } = temporaryStorage();
		const root = folder();
		for (const name of ['same', 'other']) {
			writeFileSync(path.join(root, name), '1234');
			utimesSync(path.join(root, name), 1001.5, 1001.5);
		}
		const manifest = await backUp(storage, root);
		const target = folder();
		await restore(storage, manifest, target);
		writeFileSync(path.join(target, 'other'), '5678');
		for (const name of ['same', 'other']) utimesSync(path.join(target, name), 1000, 1000);
		expect(await restore(storage, manifest, target, 'skip')).toMatchObject({ same: 1, skippedNames: ['other'] });
		utimesSync(path.join(target, 'same'), 999, 999);
		expect(await restore(storage, manifest, target, 'skip')).toMatchObject({ same: 0, skipped: 2 });
	});

	it('is not restored over what differs, unless that was asked for', async () => {
		const { storage } = temporaryStorage();
		const root = sample();
		const manifest = await backUp(storage, root);
		const target = folder();
		writeFileSync(path.join(target, 'docs-1.txt'), 'mine');
		await expect(restore(storage, manifest, target)).rejects.toMatchObject({ code: 'TARGET_EXISTS' });
		expect(readdirSync(target)).toEqual(['docs-1.txt']);
		expect(await restore(storage, manifest, target, 'skip')).toMatchObject({
			skipped: 1,
			skippedNames: ['docs-1.txt'],
		});
		expect(readFileSync(path.join(target, 'docs-1.txt'), 'utf8')).toBe('mine');
		expect(await restore(storage, manifest, target, 'overwrite')).toMatchObject({ overwritten: 1 });
		expect(look(target)).toEqual(look(root));
	});

	it('is not restored through links that stand in the target', async () => {
		const { storage } = temporaryStorage();
		const manifest = await backUp(storage, sample());
		const target = folder();
		const outside = folder();
		symlinkSync(outside, path.join(target, 'docs'));
		await expect(restore(storage, manifest, target, 'overwrite')).rejects.toMatchObject({ code: 'TARGET_EXISTS' });
		expect(readdirSync(outside)).toEqual([]);
	});
});
