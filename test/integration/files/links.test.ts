import { linkSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { describe, expect, it } from 'vitest';

import { openArchive } from '../../../engine/archive';
import { FilesSource } from '../../../engine/files/source';
import { checkTree, Selection, type EntryFacts } from '../../../engine/tree';
import { temporaryStorage } from '../archive/support';
import { backUp, folder, restore } from './stage';

/** `a` is the file, `b/one` and `b/two` are links to it. */
function linked(content: string): string {
	const root = folder();
	writeFileSync(path.join(root, 'a'), content);
	mkdirSync(path.join(root, 'b'));
	for (const name of ['b/one', 'b/two']) linkSync(path.join(root, 'a'), path.join(root, name));
	return root;
}

/** Does something with a file right before it is read. */
class MeddlingSource extends FilesSource {
	constructor(
		readonly root: string,
		private readonly meddle: (file: string) => void,
	) {
		super({ root, selection: new Selection() });
	}

	override async readWhole(facts: EntryFacts, signal: AbortSignal) {
		if (facts.name === 'a') this.meddle(path.join(this.root, 'a'));
		return await super.readWhole(facts, signal);
	}
}

const read = (root: string, name: string) => readFileSync(path.join(root, name), 'utf8');
const inode = (root: string, name: string) => lstatSync(path.join(root, name)).ino;

describe('hard links', () => {
	it('come back with their content where the file that they lead to was not selected', async () => {
		const { storage } = temporaryStorage();
		const manifest = await backUp(storage, linked('shared'));
		const target = folder();
		const choices = { prefix: 'b/' };
		await restore(storage, manifest, target, { choices });
		expect(read(target, 'b/one')).toBe('shared');
		expect(inode(target, 'b/two')).toBe(inode(target, 'b/one'));
		expect(await restore(storage, manifest, target, { choices })).toMatchObject({ bytes: 0 });
		const alone = folder();
		await restore(storage, manifest, alone, { choices: { include: ['two'] } });
		expect(read(alone, 'b/two')).toBe('shared');
	});

	it('keep their content where the file that they lead to went away while the backup ran', async () => {
		const { storage } = temporaryStorage();
		const source = new MeddlingSource(linked('shared'), (file) => rmSync(file));
		const manifest = await backUp(storage, source);
		expect(manifest.warnings).toEqual([expect.stringContaining('1 entries were left out: a')]);
		const target = folder();
		await restore(storage, manifest, target);
		expect([read(target, 'b/one'), read(target, 'b/two')]).toEqual(['shared', 'shared']);
	});

	it('keep their content where another file took the name that they lead to', async () => {
		const { storage } = temporaryStorage();
		const source = new MeddlingSource(linked('shared'), (file) => {
			writeFileSync(`${file}.new`, 'another');
			renameSync(`${file}.new`, file);
		});
		const target = folder();
		await restore(storage, await backUp(storage, source), target);
		expect([read(target, 'a'), read(target, 'b/one')]).toEqual(['another', 'shared']);
	});

	it('are skipped with the file that they lead to, where that is another in the target', async () => {
		const { storage } = temporaryStorage();
		const manifest = await backUp(storage, linked('shared'));
		const target = folder();
		writeFileSync(path.join(target, 'a'), 'mine');
		expect(await restore(storage, manifest, target, { existing: 'skip' })).toMatchObject({
			skipped: 3,
			skippedNames: ['a', 'b/one', 'b/two'],
		});
		expect(read(target, 'a')).toBe('mine');
	});

	it('lead to a file of the backup, or nothing is restored', async () => {
		const { storage } = temporaryStorage();
		const root = linked('shared');
		class ForgingSource extends FilesSource {
			override async *entries(signal: AbortSignal) {
				for await (const facts of super.entries(signal))
					yield facts.type === 'link' ? { ...facts, target: 'mine' } : facts;
			}
			override isLinkValid() {
				return true;
			}
		}
		const manifest = await backUp(storage, new ForgingSource({ root, selection: new Selection() }));
		const target = folder();
		writeFileSync(path.join(target, 'mine'), 'secret');
		await expect(restore(storage, manifest, target)).rejects.toMatchObject({
			code: 'ARCHIVE_CORRUPT',
			message: expect.stringContaining('b/one, which leads to mine') as string,
		});
		const found: string[] = [];
		const reader = await openArchive(storage, { manifest, folder: 'files' });
		await checkTree(reader.raw(), manifest, (message) => found.push(message));
		expect(found).toEqual(['Hard links lead to mine, which is no file of the backup.']);
	});
});
