/** What a restore has written under a name is on the disk: after a power cut, size and time must not speak for content that is lost. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';

import { expect, it, onTestFinished, vi } from 'vitest';

import { openArchive } from '../../../engine/archive';
import { restoreFiles } from '../../../engine/files';
import { Disk } from '../../../engine/tree/folder';
import { tarOf } from '../../unit/tar/build-tar';
import { temporaryStorage } from '../archive/support';
import { restoreFrom } from './foreign/stage';
import { backUp, folder } from './stage';

const LARGE = Buffer.alloc(1024 * 1024 + 1, 'x');

/** Notes which small files are to wait for the disk, and what had a name when a large one went there. */
async function watch(root: string) {
	const small = new Map<string, boolean>();
	const named: string[][] = [];
	const write = Disk.prototype.write;
	vi.spyOn(Disk.prototype, 'write').mockImplementation(async function (this: Disk, file, signal) {
		small.set(file.name, file.isDurable);
		return await write.call(this, file, signal);
	});
	const handle = await open(__filename);
	const handles = Object.getPrototypeOf(handle) as typeof handle;
	await handle.close();
	const datasync = handles.datasync;
	vi.spyOn(handles, 'datasync').mockImplementation(async function (this: typeof handle) {
		await datasync.call(this);
		named.push(readdirSync(root).filter((name) => !name.endsWith('.partial')));
	});
	onTestFinished(() => void vi.restoreAllMocks());
	return { small, named };
}

it('a backup is restored file by file onto the disk, each before it gets its name', async () => {
	const [source, target] = [folder(), folder()];
	mkdirSync(path.join(source, 'in'));
	writeFileSync(path.join(source, 'in/small'), 'small');
	writeFileSync(path.join(source, 'large'), LARGE);
	const { storage } = temporaryStorage();
	const manifest = await backUp(storage, source);
	const reader = await openArchive(storage, { manifest, folder: 'files' });
	const { small, named } = await watch(target);
	await restoreFiles({ reader, storage, keys: undefined, root: target, existing: 'fail' });
	expect([...small]).toEqual([['in/small', true]]);
	expect(named.length).toBeGreaterThan(0);
	expect(named.at(-1)).not.toContain('large');
	expect(readdirSync(target).sort()).toEqual(['in', 'large']);
});

it('and so is a tar of others', async () => {
	const target = folder();
	const { small, named } = await watch(target);
	await restoreFrom(tarOf({ name: 'small', content: 'small' }, { name: 'large', content: LARGE }), target);
	expect([...small]).toEqual([['small', true]]);
	expect(named.at(-1)).not.toContain('large');
	expect(readdirSync(target).sort()).toEqual(['large', 'small']);
});
