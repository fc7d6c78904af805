import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { describe, expect, it } from 'vitest';

import { openArchive } from '../../../engine/archive';
import { assertRestorable } from '../../../engine/tree/folder';
import { checkTree, type EntryFacts, type OpenEntry, type TreeSource } from '../../../engine/tree';
import { temporaryStorage } from '../archive/support';
import { backUp, folder, restore } from './stage';
import { stageWithWayOut } from './way-out';

/** Entries as nobody's folder has them: all files hold the same. */
class ForgedSource implements TreeSource {
	constructor(private readonly forged: Partial<EntryFacts>[]) {}

	async *entries(): AsyncGenerator<EntryFacts> {
		for (const facts of this.forged) {
			const size = (facts.type ?? 'file') === 'file' ? 4 : 0;
			yield await Promise.resolve({ name: '', type: 'file', size, modified: 0n, mode: 0o755, ...facts });
		}
	}

	async open(facts: EntryFacts): Promise<OpenEntry> {
		const bytes = async function* () {
			yield await Promise.resolve(Buffer.from('evil'));
		};
		const close = () => Promise.resolve();
		return await Promise.resolve({ facts, bytes: bytes(), isUnchanged: () => Promise.resolve(true), close });
	}
}

describe('a forged backup of a folder', () => {
	for (const name of ['../outside/x', '/tmp/x', 'a/../../outside/x', 'a//b', './a', 'a/.', '..', '.', 'way/']) {
		it(`with an entry ${JSON.stringify(name)} is refused before anything is written`, async () => {
			const { storage } = temporaryStorage();
			const manifest = await backUp(
				storage,
				new ForgedSource([{ name: '!' }, { name }].sort((a, b) => (a.name < b.name ? -1 : 1))),
			);
			const { target, assertUntouched } = stageWithWayOut();
			for (const existing of ['fail', 'skip', 'overwrite'] as const) {
				await expect(restore(storage, manifest, target, { existing })).rejects.toMatchObject({
					code: 'ARCHIVE_CORRUPT',
				});
				expect(readdirSync(target)).toEqual(['way']);
				assertUntouched();
			}
			const found: string[] = [];
			const reader = await openArchive(storage, { manifest, folder: 'files' });
			await checkTree(reader.raw(), manifest, (message) => found.push(message), assertRestorable);
			expect(found).toEqual([expect.stringContaining(JSON.stringify(name).slice(1, -1))]);
		});
	}

	for (const target of ['', 'a\0b']) {
		it(`with a link to ${JSON.stringify(target)} is refused before anything is written`, async () => {
			const { storage } = temporaryStorage();
			const manifest = await backUp(storage, new ForgedSource([{ name: '!' }, { name: 'l', type: 'symlink', target }]));
			const place = stageWithWayOut();
			await expect(restore(storage, manifest, place.target)).rejects.toMatchObject({ code: 'ARCHIVE_CORRUPT' });
			expect(readdirSync(place.target)).toEqual(['way']);
		});
	}

	for (const [what, forged] of Object.entries<Partial<EntryFacts>[]>({
		'a file below a link of the target': [{ name: 'way/x' }],
		'a directory below a link of the target': [{ name: 'way/x/', type: 'directory' }],
		'a link below a link of the target': [{ name: 'way/x', type: 'symlink', target: 'y' }],
		'a hard link to a file behind a link': [
			{ name: 'a', linked: true },
			{ name: 'way/kept', linked: true },
			{ name: 'z', type: 'link', target: 'way/kept' },
		],
		'a link of its own with entries below': [{ name: 'l', type: 'symlink', target: '../outside' }, { name: 'l/x' }],
		'an empty folder that becomes a link, and a link below': [
			{ name: 'l', type: 'symlink', target: '../outside' },
			{ name: 'l/', type: 'directory' },
			{ name: 'l/x', type: 'symlink', target: 'y' },
		],
		'a folder that becomes a link, and a hard link behind it': [
			{ name: 'l', type: 'symlink', target: '../outside' },
			{ name: 'l/', type: 'directory' },
			{ name: 'l/kept', linked: true },
			{ name: 'm', type: 'link', target: 'l/kept' },
		],
	})) {
		it(`with ${what} touches nothing outside`, async () => {
			const { storage } = temporaryStorage();
			const manifest = await backUp(storage, new ForgedSource(forged));
			for (const existing of ['fail', 'skip', 'overwrite'] as const) {
				const { target, assertUntouched } = stageWithWayOut();
				await restore(storage, manifest, target, { existing }).catch(() => {});
				assertUntouched();
			}
		});
	}

	it('is not written through a link or into a pipe that stands in the place of a file', async () => {
		const { storage } = temporaryStorage();
		const manifest = await backUp(storage, new ForgedSource([{ name: 'way' }]));
		const { target, assertUntouched } = stageWithWayOut();
		await expect(restore(storage, manifest, target)).rejects.toMatchObject({ code: 'TARGET_EXISTS' });
		expect(await restore(storage, manifest, target, { existing: 'overwrite' })).toMatchObject({ overwritten: 1 });
		expect(readFileSync(path.join(target, 'way'), 'utf8')).toBe('evil');
		assertUntouched();
	});

	it.each([{ mode: 0o10000 }, { uid: 2 ** 32 }, { gid: 2 ** 40 }])(
		'with %j, which no file has, is refused',
		async (facts) => {
			const { storage } = temporaryStorage();
			const manifest = await backUp(storage, new ForgedSource([{ name: 'a' }, { name: 'b', ...facts }]));
			const target = folder();
			await expect(restore(storage, manifest, target)).rejects.toMatchObject({ code: 'ARCHIVE_CORRUPT' });
			expect(readdirSync(target)).toEqual([]);
		},
	);

	it('with a folder in a folder a thousand times over is restored in a moment', async () => {
		const { storage } = temporaryStorage();
		const name = `${'a/'.repeat(1000)}x`;
		const manifest = await backUp(storage, new ForgedSource([{ name }]));
		expect(await restore(storage, manifest, folder())).toMatchObject({ written: 1 });
	});
});
