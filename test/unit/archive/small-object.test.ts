import { Readable } from 'node:stream';

import { describe, expect, it } from 'vitest';

import { acquireLock, findBackup, LIMITS, listManifests, readSmallObject, TooLarge } from '../../../engine/archive';
import { ByteBudget } from '../../../engine/archive/small-object';
import { readCatalog } from '../../../engine/retention/survey/catalog';
import { noteDeletions, notedDeletions } from '../../../engine/retention/deletion/sweep';
import type { Storage } from '../../../engine/storage';
import { readVerification } from '../../../engine';

const CHUNK = Buffer.alloc(1024 * 1024, ' ');

/** A storage that holds objects without end, and counts what is read of them. */
function endless(...keys: string[]) {
	const found = { read: 0 };
	const modifiedAt = new Date('2026-01-31T02:00:00Z');
	const objects = keys.map((key) => ({ key, size: 2 ** 31, modifiedAt }));
	const content = function* () {
		for (;;) {
			found.read += CHUNK.length;
			yield CHUNK;
		}
	};
	const storage = {
		description: 'a storage without end',
		read: async () => await Promise.resolve(Readable.from(content())),
		stat: async (key: string) => await Promise.resolve(objects.find((object) => object.key === key)),
		list: async function* (prefix: string) {
			yield* await Promise.resolve(objects.filter(({ key }) => key.startsWith(prefix)));
		},
		replace: async () => await Promise.resolve(),
	};
	return { storage: storage as unknown as Storage, found };
}

/** What is read ahead of the one that stops. */
const AHEAD = 64 * CHUNK.length;

describe('what is read whole', () => {
	it('is not read beyond its limit', async () => {
		const { storage, found } = endless('x');
		await expect(readSmallObject(storage, 'x', 3 * CHUNK.length)).rejects.toThrow(TooLarge);
		expect(found.read).toBeLessThan(3 * CHUNK.length + AHEAD);
	});

	it('are manifests, of which many that are too large are read one after another, and are damaged ones', async () => {
		const keys = Array.from({ length: 3 }, (_, index) => `postgres/shop_2026013${index % 2}_020000.sql_${index}`);
		const { storage, found } = endless(...keys.map((key) => `${key}.manifest.json`));
		const { damaged } = await listManifests(storage, '');
		expect(damaged.map(({ error }) => error.message)).toEqual(keys.map(() => expect.stringContaining('too large')));
		expect(found.read).toBeLessThan(keys.length * (LIMITS.manifest + AHEAD));
		const { damaged: told } = await readCatalog(storage);
		expect(told).toHaveLength(3);
		await expect(findBackup(storage, { file: keys[0]! })).rejects.toMatchObject({ code: 'MANIFEST_INVALID' });
	});

	it('are locks, notes, records and the cache', async () => {
		const { storage, found } = endless('.stack-backup/lock-000000000001.json', '.stack-backup/deleting.json');
		await expect(acquireLock(storage, { owner: 'test' })).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
		expect(found.read).toBeLessThan(LIMITS.lock + AHEAD);
		await expect(notedDeletions(storage)).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
		await noteDeletions(storage, ['x'], new Date());
		expect((await readVerification(storage, { key: 'x', id: 'x' })).history).toEqual([]);
		expect((await readCatalog(storage)).entries).toEqual([]);
		expect(found.read).toBeLessThan(LIMITS.notes + LIMITS.verification + LIMITS.cache + 4 * AHEAD);
	});
});

describe('room for what is read side by side', () => {
	it('is never given twice, and what needs all of it gets it', async () => {
		const room = new ByteBudget(100);
		let [used, most, largest] = [0, 0, 0];
		await Promise.all(
			[30, 80, 100, 1, 250, 60, 60, 40].map(async (wanted) => {
				await room.hold(wanted, async () => {
					used += Math.min(wanted, 100);
					most = Math.max(most, used);
					largest = Math.max(largest, wanted);
					await new Promise((resolve) => setImmediate(resolve));
					used -= Math.min(wanted, 100);
				});
			}),
		);
		expect([used, most, largest]).toEqual([0, 100, 250]);
	});

	it('is free again after what failed', async () => {
		const room = new ByteBudget(10);
		const failing = room.hold(10, async () => await Promise.reject(new Error('no')));
		const next = room.hold(10, async () => await Promise.resolve('next'));
		await expect(failing).rejects.toThrow('no');
		expect(await next).toBe('next');
	});
});
