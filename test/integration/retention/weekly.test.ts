import { describe, expect, it } from 'vitest';

import { formatManifest, manifestKeyOf, openArchive, parseManifest } from '../../../engine/archive';
import { copyBackup, dueWeeklyCopies, readCatalog, Zone } from '../../../engine/retention';
import { intercepted, keysIn, temporaryStorage, textOf, withManifests, writeBackup } from './support';

const FOLDER = 'weekly/2026_W29';

describe('copyBackup', () => {
	it('makes a backup like any other, which its week then has', async () => {
		const storage = temporaryStorage();
		const key = await writeBackup(storage, 3);
		const [due] = dueWeeklyCopies((await readCatalog(storage)).entries, new Zone('UTC'));
		expect(due?.entry.key).toBe(key);
		const copy = await copyBackup(storage, key, due!.folder);
		expect(copy).toBe(key.replace('postgres', due!.folder));
		expect(await textOf(storage, copy)).toBe(await textOf(storage, key));
		const reader = await openArchive(storage, manifestKeyOf(copy));
		expect(reader.manifest.name).toBe('shop');
		expect(dueWeeklyCopies((await readCatalog(storage)).entries, new Zone('UTC'))).toEqual([]);
		await expect(copyBackup(storage, key, due!.folder)).rejects.toMatchObject({ code: 'STORAGE_EXISTS' });
	});

	it.each([
		['that has another size', 'x', {}],
		['that has other bytes, where they go through this process', '4 days', { copy: () => Promise.resolve(undefined) }],
	])('leaves nothing of a damaged archive %s', async (_, instead, methods) => {
		const storage = intercepted(temporaryStorage(), methods);
		const key = await writeBackup(storage, 3);
		await storage.replace(key, Buffer.from((await textOf(storage, key)).replace('3 days', instead)));
		await expect(copyBackup(storage, key, FOLDER)).rejects.toMatchObject({ code: 'ARCHIVE_CORRUPT' });
		const keys = (await keysIn(storage)).filter((found) => !found.endsWith('_latest'));
		expect(keys).toEqual(withManifests([key]));
	});

	it('lives on without its original, and the original without it', async () => {
		const storage = temporaryStorage();
		const [one, other] = [await writeBackup(storage, 3), await writeBackup(storage, 4)];
		const copies = [await copyBackup(storage, one, FOLDER), await copyBackup(storage, other, FOLDER)] as const;
		for (const gone of [one, copies[1]]) {
			await storage.remove(manifestKeyOf(gone));
			await storage.remove(gone);
		}
		for (const left of [copies[0], other]) {
			const reader = await openArchive(storage, manifestKeyOf(left));
			await reader.verifyStored();
		}
	});

	it('begins anew where an earlier copy broke off before its manifest', async () => {
		const storage = temporaryStorage();
		const key = await writeBackup(storage, 3);
		const failing = intercepted(storage, { replace: () => Promise.reject(new Error('killed')) });
		await expect(copyBackup(failing, key, FOLDER)).rejects.toThrow('killed');
		const copy = await copyBackup(storage, key, FOLDER);
		expect(await textOf(storage, copy)).toBe(await textOf(storage, key));
		expect(await storage.stat(manifestKeyOf(copy))).toBeDefined();
	});

	it('makes up for a copy that has lost its data', async () => {
		const storage = temporaryStorage();
		const key = await writeBackup(storage, 3);
		const copy = await copyBackup(storage, key, FOLDER);
		await storage.remove(copy);
		expect(await copyBackup(storage, key, FOLDER)).toBe(copy);
		expect(await textOf(storage, copy)).toBe(await textOf(storage, key));
	});

	it('takes nobody else’s place: not a file’s of other bytes, nor a manifest’s that cannot be read or is another’s', async () => {
		const storage = temporaryStorage();
		const key = await writeBackup(storage, 3);
		const copy = key.replace('postgres', FOLDER);
		const other = formatManifest({
			...parseManifest(await textOf(storage, manifestKeyOf(key)), key),
			id: '11111111-1111-4111-8111-111111111111',
		});
		for (const [there, content] of [
			[copy, 'my own dump'],
			[manifestKeyOf(copy), '{"formatVersion": 99}'],
			[manifestKeyOf(copy), other],
		] as const) {
			await storage.replace(there, Buffer.from(content));
			await expect(copyBackup(storage, key, FOLDER)).rejects.toMatchObject({ code: 'STORAGE_EXISTS' });
			expect(await textOf(storage, there)).toBe(content);
			await storage.remove(there);
		}
		expect(await copyBackup(storage, key, FOLDER)).toBe(copy);
	});

	it('is cancelled without a trace', async () => {
		const storage = temporaryStorage();
		const key = await writeBackup(storage, 3);
		await expect(copyBackup(storage, key, FOLDER, AbortSignal.abort())).rejects.toMatchObject({ code: 'CANCELLED' });
		expect((await keysIn(storage)).filter((found) => found.startsWith('weekly/'))).toEqual([]);
	});
});
