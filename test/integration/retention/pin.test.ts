import { gzipSync } from 'node:zlib';

import { describe, expect, it } from 'vitest';

import { formatManifest, manifestKeyOf, parseManifest, withLock, type BackupReference } from '../../../engine/archive';
import { copyBackup, prune, setPinned } from '../../../engine/retention';
import type { Storage } from '../../../engine/storage';
import {
	backupsIn,
	intercepted,
	keysIn,
	pruneBy,
	temporaryStorage,
	catalogTextOf,
	textOf,
	withManifests,
	writeBackup,
} from './support';

const set = (storage: Storage, reference: BackupReference, pinned: boolean) =>
	setPinned({ storage, reference, pinned, owner: 'test' });

async function manifestOf(storage: Storage, key: string) {
	return parseManifest(await textOf(storage, manifestKeyOf(key)), key);
}

describe('a pin', () => {
	it('keeps a backup from a prune, and without it the policy has it again', async () => {
		const storage = temporaryStorage();
		const old = await writeBackup(storage, 400);
		const newest = await writeBackup(storage, 0);
		await pruneBy(storage, { last: 1 }, { dryRun: true });
		const { id } = await manifestOf(storage, old);
		expect(await set(storage, { id }, true)).toMatchObject([{ key: old, changed: true, complete: true }]);
		const { rows } = await pruneBy(storage, { last: 1 });
		expect(rows.find(({ key }) => key === old)).toMatchObject({ verdict: 'keep', pinned: true, reasons: ['pinned'] });
		expect(await set(storage, { file: old }, false)).toMatchObject([{ key: old, changed: true }]);
		await pruneBy(storage, { last: 1 });
		expect(await backupsIn(storage)).toEqual(withManifests([newest]));
	});

	it('changes nothing else of the manifest, and taken away leaves it as it was', async () => {
		const storage = temporaryStorage();
		const key = await writeBackup(storage, 1, { tags: ['a'], needs: ['0b6a3a52-6e0a-4a8f-9d0e-5f1d8c3b7a11'] });
		const before = await textOf(storage, manifestKeyOf(key));
		await set(storage, { file: key }, true);
		const pinned = await textOf(storage, manifestKeyOf(key));
		const { pinned: flag, ...rest } = parseManifest(pinned, key);
		expect(flag).toBe(true);
		expect(rest).toEqual(parseManifest(before, key));
		expect(await set(storage, { file: key }, true)).toMatchObject([{ changed: false }]);
		expect(await textOf(storage, manifestKeyOf(key))).toBe(pinned);
		await set(storage, { file: key }, false);
		expect(await textOf(storage, manifestKeyOf(key))).toBe(before);
	});

	it('keeps what a later version wrote into the manifest', async () => {
		const storage = temporaryStorage();
		const key = await writeBackup(storage, 1);
		const later = { ...(await manifestOf(storage, key)), note: { of: 'a later version' } };
		await storage.replace(manifestKeyOf(key), Buffer.from(formatManifest(later)));
		await set(storage, { file: key }, true);
		expect(JSON.parse(await textOf(storage, manifestKeyOf(key)))).toMatchObject({
			pinned: true,
			note: { of: 'a later version' },
		});
	});

	it('is for the weekly copies too, but by file for that file alone', async () => {
		const storage = temporaryStorage();
		const key = await writeBackup(storage, 1);
		const copy = await copyBackup(storage, key, 'weekly/2026_W05');
		const pins = async () => [(await manifestOf(storage, key)).pinned, (await manifestOf(storage, copy)).pinned];
		expect((await set(storage, { latest: 'shop' }, true)).map(({ key: one }) => one).sort()).toEqual(
			[key, copy].sort(),
		);
		expect(await pins()).toEqual([true, true]);
		await set(storage, { file: copy }, false);
		expect(await pins()).toEqual([true, undefined]);
		await set(storage, { id: (await manifestOf(storage, key)).id }, false);
		expect(await pins()).toEqual([undefined, undefined]);
	});

	it('is for no other backup that a forged catalogue calls a copy', async () => {
		const storage = temporaryStorage();
		const [pinned, other] = [await writeBackup(storage, 1), await writeBackup(storage, 2)];
		await set(storage, { file: pinned }, true);
		await pruneBy(storage, { last: 9 });
		const stored = '.stack-backup/catalog.jsonl.gz';
		const { id } = await manifestOf(storage, other);
		const text = await catalogTextOf(storage);
		await storage.replace(stored, gzipSync(text.replace((await manifestOf(storage, pinned)).id, id)));
		expect(await set(storage, { id }, false)).toMatchObject([{ key: other, changed: false }]);
		expect((await manifestOf(storage, pinned)).pinned).toBe(true);
	});

	it('asks which, where backups of several kinds have the name', async () => {
		const storage = temporaryStorage();
		await writeBackup(storage, 1);
		await writeBackup(storage, 0, { folder: 'qdrant', kind: 'qdrant' });
		const before = await keysIn(storage);
		await expect(set(storage, { latest: 'shop' }, true)).rejects.toMatchObject({
			code: 'INVALID_INPUT',
			message: expect.stringContaining('postgres, qdrant') as string,
		});
		expect(await set(storage, { latest: 'shop', kind: 'postgres' }, true)).toHaveLength(1);
		expect(await keysIn(storage)).toEqual(before);
	});

	it('names a backup that is not there', async () => {
		const storage = temporaryStorage();
		await writeBackup(storage, 1);
		for (const reference of [{ id: 'none' }, { latest: 'none' }, { file: 'postgres/none' }]) {
			await expect(set(storage, reference, true)).rejects.toMatchObject({ code: 'STORAGE_MISSING' });
		}
	});

	it('waits for nobody: while a prune runs it is refused, and leaves the manifest alone', async () => {
		const storage = temporaryStorage();
		const key = await writeBackup(storage, 1);
		await withLock(storage, { owner: 'a prune' }, async () => {
			await expect(set(storage, { file: key }, true)).rejects.toMatchObject({
				code: 'STORAGE_LOCKED',
				message: expect.stringContaining('a prune') as string,
			});
		});
		expect((await manifestOf(storage, key)).pinned).toBeUndefined();
		await set(storage, { file: key }, true);
		await prune({ storage, policy: { rules: { last: 1 } }, owner: 'the next' });
	});

	it('that cannot be written leaves the manifest whole, and the lock free', async () => {
		const storage = temporaryStorage();
		const key = await writeBackup(storage, 1);
		const failing = intercepted(storage, {
			replace: async (to, content, options) => {
				if (to === manifestKeyOf(key)) throw new Error('broken');
				await storage.replace(to, content, options);
			},
		});
		await expect(set(failing, { file: key }, true)).rejects.toThrow('broken');
		expect((await manifestOf(storage, key)).pinned).toBeUndefined();
		expect(await set(storage, { file: key }, true)).toMatchObject([{ changed: true }]);
	});
});
