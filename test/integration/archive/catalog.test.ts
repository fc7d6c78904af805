import { appendFileSync, copyFileSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { describe, expect, it } from 'vitest';

import { createArchive, findBackup, listManifests, type PartialBackup } from '../../../engine/archive';
import type { FolderStorage } from '../../../engine/storage/folder';
import { asNewer } from '../../services/newer-manifest';
import { archiveOptions, DETAILS, temporaryStorage } from './support';

async function backUp(
	storage: FolderStorage,
	name: string,
	day: number,
	kind: 'postgres' | 'qdrant' = 'postgres',
	partial?: PartialBackup,
) {
	const startedAt = new Date(Date.UTC(2026, 0, day, 2));
	const writer = await createArchive(archiveOptions(storage, { name, startedAt, kind, folder: kind }));
	await writer.frame({ type: 'data' }, Buffer.from(name));
	return { manifest: await writer.commit({ ...DETAILS, ...(partial ? { partial } : {}) }), key: writer.key };
}

describe('the list of backups', () => {
	it('is newest first and filtered by folder, kind and exact name', async () => {
		const { storage } = temporaryStorage();
		for (const [name, day] of [
			['shop', 2],
			['shop', 10],
			['shop_eu', 5],
			['a/b', 7],
		] as const)
			await backUp(storage, name, day);
		await backUp(storage, 'shop', 8, 'qdrant');
		const names = async (...args: [string, Parameters<typeof listManifests>[2]?]) =>
			(await listManifests(storage, ...args)).backups.map(({ key }) => key);
		expect(await names('')).toEqual([
			'postgres/shop_20260110_020000.sql.zst',
			'qdrant/shop_20260108_020000.sql.zst',
			'postgres/a%2Fb_20260107_020000.sql.zst',
			'postgres/shop_eu_20260105_020000.sql.zst',
			'postgres/shop_20260102_020000.sql.zst',
		]);
		expect(await names('qdrant/')).toHaveLength(1);
		expect(await names('', { kind: 'qdrant' })).toEqual(['qdrant/shop_20260108_020000.sql.zst']);
		expect(await names('postgres/', { name: 'shop' })).toHaveLength(2);
		expect(await names('', { name: 'a/b' })).toEqual(['postgres/a%2Fb_20260107_020000.sql.zst']);
		expect(await names('nowhere/')).toEqual([]);
	});

	it('shows damaged manifests beside the good ones, and neither archives nor pointers without a manifest', async () => {
		const { root, storage } = temporaryStorage();
		const good = await backUp(storage, 'shop', 1);
		const bad = await backUp(storage, 'shop', 2);
		const bare = await backUp(storage, 'shop', 3);
		writeFileSync(path.join(root, `${bad.key}.manifest.json`), '{"formatVersion": 1, "id": ');
		await storage.remove(`${bare.key}.manifest.json`);
		copyFileSync(path.join(root, `${good.key}.manifest.json`), path.join(root, 'postgres/other.sql.manifest.json'));
		const { backups, damaged } = await listManifests(storage, 'postgres/');
		const { parts: _parts, ...summary } = good.manifest;
		expect(backups).toEqual([
			{
				manifest: summary,
				manifestKey: `${good.key}.manifest.json`,
				folder: 'postgres',
				key: good.key,
				foundSize: good.manifest.size.stored,
				hasRecord: false,
			},
		]);
		expect(damaged.map(({ manifestKey, error }) => [manifestKey, error.code])).toEqual([
			[`${bad.key}.manifest.json`, 'MANIFEST_INVALID'],
			['postgres/other.sql.manifest.json', 'MANIFEST_INVALID'],
		]);
	});

	it('has what a newer version has made among what cannot be read, and leaves out what is of another kind', async () => {
		const { root, storage } = temporaryStorage();
		const old = await backUp(storage, 'shop', 1);
		const later = await backUp(storage, 'shop', 2);
		const unknown = await backUp(storage, 'shop', 3);
		for (const [{ key, manifest }, changes] of [
			[later, { formatVersion: 3 }],
			[unknown, { kind: 'mysql', needs: [old.manifest.id] }],
		] as const)
			writeFileSync(path.join(root, `${key}.manifest.json`), asNewer(manifest, changes));
		const codes = async (filter?: Parameters<typeof listManifests>[2]) =>
			(await listManifests(storage, '', filter)).damaged.map(({ manifestKey, error }) => [manifestKey, error.code]);
		const newer = ({ key }: { key: string }) => [`${key}.manifest.json`, 'MANIFEST_NEWER'];
		expect(await codes()).toEqual([newer(unknown), newer(later)]);
		expect(await codes({ kind: ['postgres'] })).toEqual([newer(later)]);
		expect((await listManifests(storage, '')).backups.map(({ key }) => key)).toEqual([old.key]);
		for (const reference of [
			{ id: later.manifest.id },
			{ file: later.key },
			{ latest: 'shop', kind: 'postgres' },
		] as const)
			await expect(findBackup(storage, reference)).rejects.toMatchObject({
				code: 'MANIFEST_NEWER',
				hint: expect.stringContaining('Update the n8n-nodes-stack-backup package.') as string,
			});
		await storage.remove(`${later.key}.manifest.json`);
		expect(await findBackup(storage, { latest: 'shop', kind: 'postgres' })).toMatchObject({ key: old.key });
		await expect(findBackup(storage, { latest: 'shop' })).rejects.toMatchObject({ code: 'MANIFEST_NEWER' });
	});

	it('may be of the newest ones alone, and of several kinds', async () => {
		const { root, storage } = temporaryStorage();
		for (const day of [3, 9, 1, 7, 5]) await backUp(storage, 'shop', day, day === 7 ? 'qdrant' : 'postgres');
		writeFileSync(path.join(root, 'postgres/x.sql.manifest.json'), '{');
		const days = async (filter: Parameters<typeof listManifests>[2]) => {
			const { backups, damaged } = await listManifests(storage, '', filter);
			expect(damaged).toHaveLength(1);
			return backups.map(({ manifest }) => new Date(manifest.startedAt).getUTCDate());
		};
		expect(await days({ limit: 3 })).toEqual([9, 7, 5]);
		expect(await days({ limit: 3, kind: ['postgres'] })).toEqual([9, 5, 3]);
		expect(await days({ limit: 9, kind: ['postgres', 'qdrant'] })).toEqual([9, 7, 5, 3, 1]);
		expect(await days({ limit: 1, kind: [] })).toEqual([]);
	});

	it('tells that an archive is gone', async () => {
		const { storage } = temporaryStorage();
		const { key } = await backUp(storage, 'shop', 1);
		await storage.remove(key);
		expect((await listManifests(storage, '')).backups[0]!.foundSize).toBeUndefined();
	});

	it('can be cancelled', async () => {
		const { storage } = temporaryStorage();
		await backUp(storage, 'shop', 1);
		await expect(listManifests(storage, '', {}, AbortSignal.abort())).rejects.toMatchObject({ code: 'CANCELLED' });
	});
});

describe('one backup', () => {
	it('is found by id, by file and as the latest', async () => {
		const { storage } = temporaryStorage();
		// The newest is written first, as a copy or a late clock may have it, so that the pointer is wrong.
		const newest = await backUp(storage, 'shop', 9);
		const older = await backUp(storage, 'shop', 3);
		expect((await findBackup(storage, { id: older.manifest.id })).key).toBe(older.key);
		expect((await findBackup(storage, { file: older.key })).manifest).toEqual(older.manifest);
		expect((await findBackup(storage, { file: `${older.key}.manifest.json` })).key).toBe(older.key);
		expect((await findBackup(storage, { latest: 'shop' }, 'postgres/')).key).toBe(newest.key);
		expect((await findBackup(storage, { latest: 'shop', kind: 'postgres' })).key).toBe(newest.key);
	});

	it('is not partial as the latest where there is a whole one, and the entry says what was passed over', async () => {
		const { storage, files } = temporaryStorage();
		const small = await backUp(storage, 'shop', 1, 'postgres', { content: 'schema', selection: [] });
		expect(files().some((file) => file.endsWith('_latest'))).toBe(false);
		const alone = await findBackup(storage, { latest: 'shop' });
		expect(alone).toMatchObject({
			key: small.key,
			remark: `No backup of shop is whole; the latest, ${small.key}, holds only a part (schema only).`,
		});
		const whole = await backUp(storage, 'shop', 2);
		expect(await findBackup(storage, { latest: 'shop' })).not.toHaveProperty('remark');
		const selection = ['--table=users'];
		const newer = await backUp(storage, 'shop', 3, 'postgres', { content: 'data', selection });
		const found = await findBackup(storage, { latest: 'shop', kind: 'postgres' }, 'postgres/');
		expect(found.key).toBe(whole.key);
		expect(found.remark).toContain(`${newer.key} is newer, but holds only a part (data only, --table=users).`);
		expect(found.remark).toContain(`${whole.key}, begun at 2026-01-02T02:00:00.000Z`);
		expect(await storage.readLatest('postgres/shop_latest')).toBe(whole.key);
		expect(await findBackup(storage, { id: newer.manifest.id })).not.toHaveProperty('remark');
		expect((await listManifests(storage, '')).backups[0]!.manifest.partial).toEqual({ content: 'data', selection });
	});

	it('is the backup itself, and its weekly copy only where the backup is gone', async () => {
		const { root, storage } = temporaryStorage();
		const { manifest, key } = await backUp(storage, 'shop', 2);
		const copy = `weekly/2026_W01/${path.basename(key)}`;
		mkdirSync(path.join(root, path.dirname(copy)), { recursive: true });
		for (const suffix of ['', '.manifest.json'])
			copyFileSync(path.join(root, `${key}${suffix}`), path.join(root, `${copy}${suffix}`));
		const keys = async () => (await listManifests(storage, '')).backups.map((entry) => entry.key);
		expect(await keys()).toEqual([key, copy]);
		expect(await findBackup(storage, { id: manifest.id })).toMatchObject({ key });
		expect(await findBackup(storage, { latest: 'shop' })).toMatchObject({ key });
		for (const suffix of ['', '.manifest.json']) await storage.remove(`${key}${suffix}`);
		expect(await findBackup(storage, { id: manifest.id })).toMatchObject({ key: copy });
	});

	it('is not the latest for want of an archive that it needs, and an older one only where it is chosen', async () => {
		const { storage } = temporaryStorage();
		const full = await backUp(storage, 'shop', 1);
		const writer = await createArchive(archiveOptions(storage, { name: 'shop' }));
		await writer.frame({ type: 'data' }, Buffer.from('more'));
		const increment = await writer.commit({ ...DETAILS, needs: [full.manifest.id] });
		expect(increment.needs).toEqual([full.manifest.id]);
		expect(await findBackup(storage, { latest: 'shop' })).toMatchObject({ key: writer.key });
		await storage.remove(full.key);
		await expect(findBackup(storage, { latest: 'shop' })).rejects.toMatchObject({
			code: 'ARCHIVE_INCOMPLETE',
			message: expect.stringContaining(full.key) as string,
		});
	});

	it('needs archives that may lie in any folder and have any name', async () => {
		const { storage } = temporaryStorage();
		const full = await backUp(storage, 'base', 1, 'qdrant');
		const writer = await createArchive(archiveOptions(storage, { name: 'shop' }));
		await writer.frame({ type: 'data' }, Buffer.from('more'));
		await writer.commit({ ...DETAILS, needs: [full.manifest.id] });
		const reference = { latest: 'shop', kind: 'postgres' } as const;
		expect(await findBackup(storage, reference, 'postgres/')).toMatchObject({ key: writer.key });
		await storage.remove(full.key);
		await expect(findBackup(storage, reference, 'postgres/')).rejects.toMatchObject({ code: 'ARCHIVE_INCOMPLETE' });
	});

	it('is found by its id though somebody has put a manifest of a newer version there that states the same', async () => {
		const { root, storage } = temporaryStorage();
		const { key, manifest } = await backUp(storage, 'shop', 1);
		mkdirSync(path.join(root, 'a'));
		const newer = asNewer({ ...manifest, file: 'x.sql' }, { kind: 'mysql' });
		writeFileSync(path.join(root, 'a/x.sql.manifest.json'), newer);
		expect(await findBackup(storage, { id: manifest.id })).toMatchObject({ key });
	});

	it('is the latest of an earlier moment: it had ended by then, and what was damaged later does not hide it', async () => {
		const { root, storage } = temporaryStorage();
		const [first, second, third] = [
			await backUp(storage, 'shop', 1),
			await backUp(storage, 'shop', 2),
			await backUp(storage, 'shop', 3),
		];
		const at = async (endedBy: Date) =>
			(await findBackup(storage, { latest: 'shop', kind: 'postgres', endedBy })).manifest.id;
		// They took an hour each.
		for (const [index, { key, manifest }] of [first, second, third].entries()) {
			const finishedAt = new Date(Date.UTC(2026, 0, index + 1, 3)).toISOString();
			writeFileSync(path.join(root, `${key}.manifest.json`), asNewer(manifest, { finishedAt }));
		}
		const noon = (day: number) => new Date(Date.UTC(2026, 0, day, 12));
		expect(await at(noon(1))).toBe(first.manifest.id);
		expect(await at(noon(2))).toBe(second.manifest.id);
		expect(await at(new Date(Date.UTC(2026, 0, 2, 3)))).toBe(second.manifest.id);
		expect(await at(new Date(Date.UTC(2026, 0, 2, 2, 59)))).toBe(first.manifest.id);
		expect(await at(noon(9))).toBe(third.manifest.id);
		await expect(at(new Date(Date.UTC(2025, 11, 31)))).rejects.toMatchObject({
			code: 'STORAGE_MISSING',
			message: expect.stringContaining('had ended by 2025-12-31T00:00:00.000Z') as string,
			hint: expect.stringContaining('The oldest one of it ended at 2026-01-01T03:00:00.000Z.') as string,
		});
		writeFileSync(path.join(root, `${third.key}.manifest.json`), '{"formatVersion": 1, "id": ');
		await expect(findBackup(storage, { latest: 'shop' })).rejects.toMatchObject({ code: 'MANIFEST_INVALID' });
		expect(await at(noon(2))).toBe(second.manifest.id);
		const stored = noon(2);
		utimesSync(path.join(root, `${third.key}.manifest.json`), stored, stored);
		await expect(at(noon(2))).rejects.toMatchObject({ code: 'MANIFEST_INVALID' });
	});

	it('is found by its id only under its own name, where a name is given', async () => {
		const { storage } = temporaryStorage();
		const { manifest, key } = await backUp(storage, 'shop', 1);
		await backUp(storage, 'other', 2);
		expect(await findBackup(storage, { id: manifest.id, name: 'shop' })).toMatchObject({ key });
		await expect(findBackup(storage, { id: manifest.id, name: 'other' })).rejects.toMatchObject({
			code: 'STORAGE_MISSING',
			message: expect.stringContaining(`of other with the id ${manifest.id}`) as string,
		});
	});

	it('that is not there is STORAGE_MISSING', async () => {
		const { storage } = temporaryStorage();
		const { key, manifest } = await backUp(storage, 'shop', 1);
		await storage.remove(`${key}.manifest.json`);
		for (const reference of [{ id: manifest.id }, { file: key }, { latest: 'shop' }]) {
			await expect(findBackup(storage, reference)).rejects.toMatchObject({ code: 'STORAGE_MISSING' });
		}
	});

	it('is not silently an older one when the newest manifest is damaged', async () => {
		const { root, storage } = temporaryStorage();
		const old = await backUp(storage, 'shop', 1);
		const damaged = await backUp(storage, 'shop', 2);
		const manifest = path.join(root, `${damaged.key}.manifest.json`);
		appendFileSync(manifest, 'x');
		const later = new Date(Date.now() + 1000);
		utimesSync(manifest, later, later);
		await expect(findBackup(storage, { latest: 'shop' })).rejects.toMatchObject({
			code: 'MANIFEST_INVALID',
			hint: expect.stringContaining(old.manifest.id) as string,
		});
	});
});
