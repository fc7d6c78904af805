import { buffer, text } from 'node:stream/consumers';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type ListOptions, probeStorage, type Storage } from '../../../engine/storage';
import { lend } from '../../../engine/storage/lent';
import { all, content, digest, failing, stalling } from './content';

const MIB = 1024 * 1024;

export interface StorageUnderTest {
	storage: Storage;
	/** What unfinished writes left, by any name; empty where there is nothing. Undefined where the server cannot tell. */
	leftovers: () => Promise<string[] | undefined>;
	stop: () => Promise<void>;
}

/** What every storage promises, tried on a real one. */
export function storageContract(name: string, start: () => Promise<StorageUnderTest>): void {
	describe(`the storage contract, kept by ${name}`, () => {
		let storage: Storage;
		let under: StorageUnderTest;
		beforeAll(async () => {
			under = await start();
			storage = under.storage;
		});
		afterAll(() => under.stop());

		const keys = async (prefix: string) => (await all(storage.list(prefix))).map(({ key }) => key).sort();
		const nothingLeft = async () => expect(await under.leftovers()).toSatisfy((left) => !left || left.length === 0);

		it('gives back what was written, whole and by range', async () => {
			const written = await storage.write('ranges/small.bin', content(250_000));
			expect(written).toMatchObject({ key: 'ranges/small.bin', size: 250_000 });
			const whole = await buffer(await storage.read('ranges/small.bin'));
			expect(whole.equals(Buffer.concat(await all(content(250_000))))).toBe(true);
			const part = async (start?: number, end?: number) =>
				await buffer(await storage.read('ranges/small.bin', { start, end }));
			expect((await part(100_000, 100_010)).equals(whole.subarray(100_000, 100_010))).toBe(true);
			expect((await part(249_990)).equals(whole.subarray(249_990))).toBe(true);
			expect((await part(0, 2)).equals(whole.subarray(0, 2))).toBe(true);
			expect((await part(249_990, 999_999)).equals(whole.subarray(249_990))).toBe(true);
			expect(await part(10, 10)).toHaveLength(0);
			expect(await part(300_000, 300_010)).toHaveLength(0);
		});

		it('stores an empty stream as an empty object', async () => {
			await storage.write('empty/nothing.bin', content(0));
			expect(await storage.stat('empty/nothing.bin')).toMatchObject({ size: 0 });
			expect(await buffer(await storage.read('empty/nothing.bin'))).toHaveLength(0);
		});

		it.each([777_777, 2 * MIB])(
			'stores 41 MiB that arrive in chunks of %i bytes, lent and used again',
			async (chunk) => {
				const size = 41 * MIB + 17;
				let returned = 0;
				const lent = async function* () {
					for await (const bytes of content(size, chunk)) {
						// Who has a chunk back writes to it.
						yield lend(bytes, () => (returned += bytes.fill(0xee).length));
					}
				};
				await storage.write(`large/${chunk}.bin`, lent());
				expect(returned).toBe(size);
				expect(await digest(await storage.read(`large/${chunk}.bin`))).toEqual(await digest(content(size, chunk)));
			},
		);

		it.each([5 * MIB, 10 * MIB, 10 * MIB + 1])('stores exactly %i bytes, around the borders of parts', async (size) => {
			await storage.write(`borders/${size}.bin`, content(size));
			expect(await storage.stat(`borders/${size}.bin`)).toMatchObject({ size });
			expect(await digest(await storage.read(`borders/${size}.bin`))).toEqual(await digest(content(size)));
		});

		it('keeps names with spaces, percent signs, plus signs, quotes and letters from elsewhere', async () => {
			const odd = ['odd/a b.txt', 'odd/50%25+x.txt', "odd/it's (1)!*&=;.txt", 'odd/größe-データ.txt', 'odd/12345'];
			for (const key of odd) await storage.write(key, content(10));
			expect(await keys('odd/')).toEqual([...odd].sort());
			for (const key of odd) expect(await storage.stat(key)).toMatchObject({ key, size: 10 });
		});

		it('lists by the beginning of a key, in every folder below', async () => {
			for (const key of [
				'list/shop_1.sql',
				'list/shop_2.sql',
				'list/other.sql',
				'list/sub/shop_3.sql',
				'listing/shop.sql',
			]) {
				await storage.write(key, content(3));
			}
			expect(await keys('list/')).toEqual([
				'list/other.sql',
				'list/shop_1.sql',
				'list/shop_2.sql',
				'list/sub/shop_3.sql',
			]);
			expect(await keys('list/shop')).toEqual(['list/shop_1.sql', 'list/shop_2.sql']);
			expect(await keys('list/s')).toEqual(['list/shop_1.sql', 'list/shop_2.sql', 'list/sub/shop_3.sql']);
			expect(await keys('list')).toHaveLength(5);
			expect(await keys('no/such/folder/')).toEqual([]);
			const [listed] = await all(storage.list('list/other'));
			expect(listed).toMatchObject({ key: 'list/other.sql', size: 3 });
			expect(Math.abs(Date.now() - listed!.modifiedAt.getTime())).toBeLessThan(3_600_000);
		});

		it('lists a range of keys, and leaves a folder out', async () => {
			for (const key of ['range/a', 'range/b/2', 'range/b/1', 'range/b0', 'range/c', '.range/x']) {
				await storage.write(key, content(3));
			}
			const listed = async (prefix: string, options: ListOptions) =>
				(await all(storage.list(prefix, options))).map(({ key }) => key).sort();
			expect(await listed('range/', { after: 'range/b/1' })).toEqual(['range/b/2', 'range/b0', 'range/c']);
			expect(await listed('range/', { after: 'range/a', before: 'range/b0' })).toEqual(['range/b/1', 'range/b/2']);
			expect(await listed('range/b/', { after: 'range/b/', before: 'range/b/2' })).toEqual(['range/b/1']);
			expect(await listed('range/', { without: 'range/b/' })).toEqual(['range/a', 'range/b0', 'range/c']);
			expect(await listed('', { without: '.range/', before: 'range/b/' })).not.toContain('.range/x');
		});

		it('never overwrites: the second write of a key fails and leaves the first as it was', async () => {
			await storage.write('once/a.bin', content(1000));
			for (const size of [2000, 12 * MIB]) {
				await expect(storage.write('once/a.bin', content(size))).rejects.toMatchObject({ code: 'STORAGE_EXISTS' });
			}
			expect(await storage.stat('once/a.bin')).toMatchObject({ size: 1000 });
			await nothingLeft();
		});

		it('replaces small objects, and makes them where there are none', async () => {
			await storage.replace('small/x.json', Buffer.from('{"a":1}'));
			await storage.replace('small/x.json', Buffer.from('{"a":22}'));
			expect(await text(await storage.read('small/x.json'))).toBe('{"a":22}');
			expect(await keys('small/')).toEqual(['small/x.json']);
		});

		it('says that an object is missing before the first byte', async () => {
			await expect(storage.read('missing/x.bin')).rejects.toMatchObject({ code: 'STORAGE_MISSING' });
			await expect(storage.read('missing/x.bin', { start: 5 })).rejects.toMatchObject({ code: 'STORAGE_MISSING' });
			expect(await storage.stat('missing/x.bin')).toBeUndefined();
		});

		it('removes many objects at once, and is content where some are not there', async () => {
			const some = Array.from({ length: 30 }, (_, index) => `many/${index % 3}/ä & <${index}>.bin`);
			for (const key of some) await storage.replace(key, Buffer.from(key));
			await storage.replace('many/0/stays.bin', Buffer.from('x'));
			await storage.setLatest('many/0/shop_latest', 'many/0/stays.bin');
			expect(await storage.removeMany([...some, some[0]!, 'many/never/was.bin', 'many/0/shop_latest'])).toEqual([]);
			expect(await keys('many/')).toEqual(['many/0/stays.bin']);
			expect(await storage.readLatest('many/0/shop_latest')).toBeUndefined();
			expect(await storage.removeMany([])).toEqual([]);
		});

		it('reports those of many keys that are not allowed, and removes the others', async () => {
			await storage.replace('refused/x.bin', Buffer.from('x'));
			const refused = ['../x', 'x'.repeat(1025), ''];
			const failures = await storage.removeMany(['refused/x.bin', ...refused]);
			expect(failures.map(({ key, error }) => [key, error.code])).toEqual(refused.map((key) => [key, 'INVALID_INPUT']));
			expect(await keys('refused/')).toEqual([]);
		});

		it('takes a name that is longer than any file may have for one that is not there', async () => {
			await storage.replace('refused/x.bin', Buffer.from('x'));
			expect(await storage.removeMany(['refused/x.bin', `refused/${'x'.repeat(300)}`])).toEqual([]);
			expect(await keys('refused/')).toEqual([]);
		});

		it('removes nothing of many once it is cancelled', async () => {
			await storage.replace('refused/x.bin', Buffer.from('x'));
			await expect(storage.removeMany(['refused/x.bin'], AbortSignal.abort())).rejects.toMatchObject({
				code: 'CANCELLED',
			});
		});

		it('removes an object, and is content where there is none', async () => {
			await storage.write('gone/x.bin', content(10));
			await storage.remove('gone/x.bin');
			await storage.remove('gone/x.bin');
			await storage.remove('gone/never/was.bin');
			expect(await storage.stat('gone/x.bin')).toBeUndefined();
			expect(await keys('gone/')).toEqual([]);
		});

		it('points at the latest object, and shows no pointer in listings', async () => {
			expect(await storage.readLatest('p/shop_latest')).toBeUndefined();
			await storage.write('p/shop_1.sql', content(10));
			await storage.setLatest('p/shop_latest', 'p/shop_1.sql');
			await storage.write('p/shop_2.sql', content(10));
			await storage.setLatest('p/shop_latest', 'p/shop_2.sql');
			expect(await storage.readLatest('p/shop_latest')).toBe('p/shop_2.sql');
			expect(await keys('p/')).toEqual(['p/shop_1.sql', 'p/shop_2.sql']);
			await storage.remove('p/shop_latest');
			expect(await storage.readLatest('p/shop_latest')).toBeUndefined();
			await expect(storage.setLatest('p/shop_latest', 'q/shop_1.sql')).rejects.toMatchObject({ code: 'INVALID_INPUT' });
		});

		it.each([
			'',
			'/a',
			'a/',
			'a//b',
			'../a',
			'a/../../b',
			'a/..',
			'./a',
			'a\\b',
			'a\0b',
			'a.partial',
			'a_latest',
			'\ud800',
		])('refuses the key %j', async (key) => {
			const refused = { code: 'INVALID_INPUT' };
			await expect(storage.write(key, content(1))).rejects.toMatchObject(refused);
			await expect(storage.replace(key, Buffer.from('x'))).rejects.toMatchObject(refused);
			await expect(storage.read(key)).rejects.toMatchObject(refused);
			await expect(storage.stat(key)).rejects.toMatchObject(refused);
		});

		it('leaves nothing of a source that breaks, and hands its error on', async () => {
			for (const size of [1000, 23 * MIB]) {
				await expect(storage.write('broken/x.bin', failing(size))).rejects.toThrow('the source broke');
			}
			expect(await storage.stat('broken/x.bin')).toBeUndefined();
			expect(await keys('broken/')).toEqual([]);
			await nothingLeft();
		});

		it.each([1000, 23 * MIB])(
			'leaves nothing of a write cancelled after %i bytes while its source stalls',
			async (size) => {
				const controller = new AbortController();
				const source = stalling(size, () => controller.abort());
				const writing = storage.write('cancelled/x.bin', source, { signal: controller.signal });
				await expect(writing).rejects.toMatchObject({ code: 'CANCELLED' });
				expect(await storage.stat('cancelled/x.bin')).toBeUndefined();
				await nothingLeft();
			},
		);

		it('closes the source of a write that fails before it began', async () => {
			const source = Readable.from(content(1000));
			await expect(storage.write('../outside', source)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
			expect(source.destroyed).toBe(true);
		});

		it('refuses to begin anything when it is cancelled already', async () => {
			const options = { signal: AbortSignal.abort() };
			await expect(storage.write('early/x.bin', content(10), options)).rejects.toMatchObject({ code: 'CANCELLED' });
			await expect(storage.replace('early/x.bin', Buffer.from('x'), options)).rejects.toMatchObject({
				code: 'CANCELLED',
			});
			await expect(storage.read('early/x.bin', options)).rejects.toMatchObject({ code: 'CANCELLED' });
			expect(await keys('early/')).toEqual([]);
		});

		it('breaks a read off when it is cancelled', async () => {
			await storage.write('slow/x.bin', content(12 * MIB));
			const controller = new AbortController();
			const stream = await storage.read('slow/x.bin', { signal: controller.signal });
			const reading = (async () => {
				for await (const _chunk of stream) controller.abort();
			})();
			await expect(reading).rejects.toMatchObject({ code: 'CANCELLED' });
		});

		it('cancels a read that nobody has begun with, and nothing else', async () => {
			await storage.write('early/read.bin', content(100_000));
			for (const when of ['while it is opened', 'when it is open']) {
				const controller = new AbortController();
				const opening = storage.read('early/read.bin', { signal: controller.signal });
				if (when === 'while it is opened') controller.abort();
				const stream = await opening.catch((error: unknown) => {
					expect(error).toMatchObject({ code: 'CANCELLED' });
					return undefined;
				});
				controller.abort();
				// An error that nobody listens for would end the process.
				await sleep(50);
				if (stream) await expect(buffer(stream)).rejects.toMatchObject({ code: 'CANCELLED' });
			}
		});

		it('passes its probe and keeps nothing of it', async () => {
			await probeStorage(storage);
			expect((await keys('')).filter((key) => key.includes('probe'))).toEqual([]);
		});
	});
}
