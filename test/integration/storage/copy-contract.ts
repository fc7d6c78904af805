import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Storage } from '../../../engine/storage';
import { all, content, digest } from './content';
import type { StorageUnderTest } from './contract';

const MIB = 1024 * 1024;

/** What every storage promises of copies that it makes by itself, tried on a real one. */
export function copyContract(name: string, start: () => Promise<StorageUnderTest>): void {
	describe(`the contract of copies, kept by ${name}`, () => {
		let storage: Storage;
		let under: StorageUnderTest;
		beforeAll(async () => {
			under = await start();
			storage = under.storage;
		});
		afterAll(() => under.stop());

		it.each([
			['nothing', 0],
			['a little', 1000],
			['what was written in several parts', 11 * MIB],
		])('copies %s, which outlives its original', async (what, size) => {
			const from = `postgres/${what}.sql`;
			const to = `weekly/2026_W29/${what}.sql`;
			await storage.write(from, content(size));
			expect(await storage.copy?.(from, to)).toMatchObject({ key: to, size });
			expect(await storage.stat(to)).toMatchObject({ key: to, size });
			await storage.remove(from);
			expect(await digest(await storage.read(to))).toEqual(await digest(content(size)));
		});

		it('leaves the original when the copy is removed or replaced', async () => {
			await storage.write('a/original.bin', content(1000));
			await storage.copy?.('a/original.bin', 'b/removed.bin');
			await storage.copy?.('a/original.bin', 'b/replaced.bin');
			await storage.remove('b/removed.bin');
			await storage.replace('b/replaced.bin', Buffer.from('other'));
			expect(await digest(await storage.read('a/original.bin'))).toEqual(await digest(content(1000)));
		});

		it('never overwrites, and says what is missing', async () => {
			await storage.write('once/a.bin', content(1000));
			await storage.write('once/b.bin', content(10));
			await expect(storage.copy?.('once/a.bin', 'once/b.bin')).rejects.toMatchObject({ code: 'STORAGE_EXISTS' });
			expect(await storage.stat('once/b.bin')).toMatchObject({ size: 10 });
			const missing = { code: 'STORAGE_MISSING', message: expect.stringContaining('once/none.bin') as string };
			await expect(storage.copy?.('once/none.bin', 'once/c.bin')).rejects.toMatchObject(missing);
			await expect(storage.copy?.('none/none.bin', 'none/c.bin')).rejects.toMatchObject({ code: 'STORAGE_MISSING' });
			await expect(storage.copy?.('once/a.bin', '../a.bin')).rejects.toMatchObject({ code: 'INVALID_INPUT' });
			await expect(storage.copy?.('once/a_latest', 'once/d.bin')).rejects.toMatchObject({ code: 'INVALID_INPUT' });
		});

		it('copies names with spaces, signs and letters from elsewhere, or says that it cannot', async () => {
			const odd = ['odd/a b.txt', 'odd/50%25+x.txt', "odd/it's (1)!*&=;.txt", 'odd/größe-Daten.txt'];
			for (const key of odd) {
				await storage.write(key, content(10));
				const copied = await storage.copy?.(key, `copies/${key}`);
				expect(await storage.stat(`copies/${key}`)).toEqual(copied && expect.objectContaining({ size: 10 }));
			}
		});

		it('leaves nothing of a copy that is cancelled', async () => {
			await storage.write('early/x.bin', content(10));
			const signal = AbortSignal.abort();
			await expect(storage.copy?.('early/x.bin', 'late/x.bin', { signal })).rejects.toMatchObject({
				code: 'CANCELLED',
			});
			expect(await all(storage.list('late/'))).toEqual([]);
		});

		it('knows of no lock where nothing is locked', async () => {
			await storage.write('free/x.bin', content(10));
			expect(await storage.deletionLock?.('free/x.bin')).toBeUndefined();
			expect(await storage.deletionLock?.('free/none.bin')).toBeUndefined();
		});
	});
}
