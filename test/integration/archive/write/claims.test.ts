/** Two that begin one name at once, and what is left of writers that were killed. */
import { existsSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterEach, describe, expect, it, vi } from 'vitest';

import { CLAIM_SUFFIX, createArchive, manifestKeyOf } from '../../../../engine/archive';
import { BackupError } from '../../../../engine/errors';
import { prune } from '../../../../engine/retention';
import type { Storage } from '../../../../engine/storage';
import { archiveOptions, DETAILS, temporaryStorage, withFaults } from '../support';

const HOUR_MS = 3_600_000;
const startedAt = new Date('2026-01-31T02:00:00Z');

afterEach(() => {
	vi.restoreAllMocks();
	vi.useRealTimers();
});

/** What a writer leaves that is killed between its archive and its manifest; its name tells so many hours ago. */
async function killed(
	{ root, storage }: ReturnType<typeof temporaryStorage>,
	hoursAgo: number,
	more: { name?: string; folder?: string; kind?: 'postgres' | 'files' } = {},
): Promise<string> {
	const writer = await createArchive({
		...archiveOptions(storage, more),
		startedAt: new Date(startedAt.getTime() - hoursAgo * HOUR_MS),
	});
	await writer.frame({ type: 'data' }, Buffer.from('rows'));
	const claim = join(root, `${writer.key}${CLAIM_SUFFIX}`);
	const left = readFileSync(claim);
	await writer.commit(DETAILS);
	await storage.remove(manifestKeyOf(writer.key));
	writeFileSync(claim, left);
	return writer.key;
}

/** Lets it be so many hours ago that a writer was killed. */
function age({ root }: ReturnType<typeof temporaryStorage>, key: string, hours: number): void {
	const then = new Date(Date.now() - hours * HOUR_MS);
	for (const file of [`${key}${CLAIM_SUFFIX}`, key]) utimesSync(join(root, file), then, then);
}

describe('a name that is claimed', () => {
	it('is refused to a second one before it has read anything, in another process too, and free again afterwards', async () => {
		const { root, storage, files } = temporaryStorage();
		const first = await createArchive({ ...archiveOptions(storage), startedAt });
		const claim = `${first.key}${CLAIM_SUFFIX}`;
		expect(files()).toContain(claim);
		// As another process has it: it knows nothing of this one's writers.
		const elsewhere: Storage = withFaults(storage, { description: 'the same folder, seen from elsewhere' });
		const second = await createArchive({ ...archiveOptions(storage), storage: elsewhere, startedAt });
		expect([first.file, second.file]).toEqual(['shop_20260131_020000.sql.zst', 'shop_20260131_020000_2.sql.zst']);
		await Promise.all([first, second].map(async (writer) => await writer.commit(DETAILS)));
		expect(existsSync(join(root, claim))).toBe(false);
		expect(files().filter((file) => file.endsWith(CLAIM_SUFFIX))).toEqual([]);
		const third = await createArchive({ ...archiveOptions(storage), startedAt });
		expect(third.file).toBe('shop_20260131_020000_3.sql.zst');
		await third.abort();
		expect(files().filter((file) => file.includes('_3'))).toEqual([]);
	});

	it('is not taken where the storage lets a second claim replace the first', async () => {
		const { storage } = temporaryStorage();
		const write: Storage['write'] = async (key, source, options) => {
			const stored = await storage.write(key, source, options);
			if (key.endsWith(CLAIM_SUFFIX) && !key.includes('_2.')) {
				const other = { token: 'another', kind: 'postgres', name: 'shop', file: 'x' };
				await storage.replace(key, Buffer.from(JSON.stringify(other)));
			}
			return { ...stored, isOnlyOurs: false };
		};
		const writer = await createArchive({
			...archiveOptions(storage),
			storage: withFaults(storage, { write }, { claimsToo: true }),
			startedAt,
		});
		expect(writer.file).toBe('shop_20260131_020000_2.sql.zst');
		await writer.abort();
	});

	it('is written without a claim where the storage lets nobody make one', async () => {
		const { storage, files } = temporaryStorage();
		const write: Storage['write'] = async (key, source, options) => {
			if (key.endsWith(CLAIM_SUFFIX)) throw new BackupError('STORAGE_DENIED', 'no');
			return await storage.write(key, source, options);
		};
		const writer = await createArchive({
			...archiveOptions(storage),
			storage: withFaults(storage, { write }, { claimsToo: true }),
		});
		await writer.commit(DETAILS);
		expect(files()).toHaveLength(3);
	});

	it('leaves nothing behind where it cannot be read back', async () => {
		const { storage, files } = temporaryStorage();
		const read: Storage['read'] = () => Promise.reject(new BackupError('STORAGE_DENIED', 'no'));
		const writer = await createArchive({ ...archiveOptions(storage), storage: withFaults(storage, { read }) });
		await writer.commit(DETAILS);
		expect(files().filter((file) => file.endsWith(CLAIM_SUFFIX))).toEqual([]);
	});

	it('is renewed for as long as its writer lives', async () => {
		vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
		const { storage } = temporaryStorage();
		let renewals = 0;
		const replace: Storage['replace'] = async (key, content, options) => {
			if (key.endsWith(CLAIM_SUFFIX)) renewals++;
			await storage.replace(key, content, options);
		};
		const writer = await createArchive({ ...archiveOptions(storage), storage: withFaults(storage, { replace }) });
		vi.advanceTimersByTime(HOUR_MS);
		expect(renewals).toBe(12);
		await writer.abort();
		vi.advanceTimersByTime(HOUR_MS);
		expect(renewals).toBe(12);
		expect(await storage.stat(`${writer.key}${CLAIM_SUFFIX}`)).toBeUndefined();
	});
});

describe('what a killed writer has left', () => {
	it('is cleared away by the next backup of the same thing, and nothing else is', async () => {
		const world = temporaryStorage();
		const { root, storage, files } = world;
		const debris = await killed(world, 3);
		const kept = [
			// Its writer may still live.
			await killed(world, 0.9),
			await killed(world, 3, { name: 'shop_eu' }),
			await killed(world, 3, { folder: 'postgres/eu' }),
			await killed(world, 4, { kind: 'files' }),
		];
		// A script's dump, of the very name; a backup whose claim could not be removed; a claim of nothing we know.
		writeFileSync(join(root, 'postgres/shop_20250101_000000.sql.zst'), 'dump');
		const whole = await createArchive({ ...archiveOptions(storage), startedAt });
		await whole.commit(DETAILS);
		const stale = join(root, `${whole.key}${CLAIM_SUFFIX}`);
		writeFileSync(stale, JSON.stringify({ token: 'x', kind: 'postgres', name: 'shop', file: whole.file }));
		const odd = join(root, `postgres/shop_20250101_000000.sql.zst${CLAIM_SUFFIX}`);
		writeFileSync(odd, JSON.stringify({ token: 'x', kind: 'postgres', name: 'shop', file: 'another.sql' }));
		const then = new Date(Date.now() - 3 * HOUR_MS);
		for (const file of [stale, odd]) utimesSync(file, then, then);

		for (const key of [debris, ...kept]) age(world, key, key === kept[0] ? 0.9 : 3);

		const next = await createArchive(archiveOptions(storage));
		await next.commit(DETAILS);
		const left = files();
		for (const key of [debris, `${debris}${CLAIM_SUFFIX}`, `${whole.key}${CLAIM_SUFFIX}`])
			expect(left).not.toContain(key);
		for (const key of [...kept, ...kept.map((one) => `${one}${CLAIM_SUFFIX}`)]) expect(left).toContain(key);
		expect(left).toEqual(expect.arrayContaining(['postgres/shop_20250101_000000.sql.zst', whole.key, next.key]));
		expect(left).toContain(manifestKeyOf(whole.key));
	});

	it('is ours to prune after a day, without being asked to remove what is unproven', async () => {
		const world = temporaryStorage();
		const { storage, files } = world;
		for (const name of ['a', 'b', 'c', 'd']) {
			const writer = await createArchive(archiveOptions(storage, { name }));
			await writer.commit(DETAILS);
		}
		const [young, old] = [await killed(world, 20), await killed(world, 30)];
		age(world, young, 20);
		age(world, old, 30);
		const run = async () => await prune({ storage, policy: { rules: {} }, owner: 'test' });
		const report = await run();
		expect([report.removedOrphans, report.unproven]).toEqual([[old], []]);
		// Its claim, now of nothing, goes with the next run.
		await run();
		expect(files().filter((file) => file.endsWith(CLAIM_SUFFIX))).toEqual([`${young}${CLAIM_SUFFIX}`]);
	});
});

describe('a writer that was suspended for long', () => {
	/** Its archive goes while it is suspended, and it goes on as if nothing had been. */
	async function suspended(wake: () => void) {
		const { storage, files } = temporaryStorage();
		const replace: Storage['replace'] = async (key, content, options) => {
			if (key.endsWith('.manifest.json')) await storage.remove(key.replace('.manifest.json', ''));
			await storage.replace(key, content, options);
		};
		const writer = await createArchive({ ...archiveOptions(storage), storage: withFaults(storage, { replace }) });
		wake();
		await expect(writer.commit(DETAILS)).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
		expect(files()).toEqual([]);
	}

	it('makes no backup of an archive that was cleared away meanwhile', async () => {
		const now = performance.now();
		await suspended(() => void vi.spyOn(performance, 'now').mockReturnValue(now + 2 * HOUR_MS));
	});

	it('nor where its own clock stood still meanwhile', async () => {
		const now = Date.now();
		await suspended(() => void vi.spyOn(Date, 'now').mockReturnValue(now + 2 * HOUR_MS));
	});

	it('nor where its claim was renewed the moment it went on', async () => {
		vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
		const now = performance.now();
		await suspended(() => {
			vi.spyOn(performance, 'now').mockReturnValue(now + 2 * HOUR_MS);
			vi.advanceTimersByTime(5 * 60_000);
		});
	});
});
