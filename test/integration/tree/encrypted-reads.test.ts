import type { Readable } from 'node:stream';

import { expect, it } from 'vitest';

import { readIndex, Selection } from '../../../engine/tree';
import { FolderStorage, type ReadOptions } from '../../../engine/storage';
import { noise } from '../../random/bytes';
import { temporaryStorage } from '../archive/support';
import type { Contents } from './memory-set';
import { backUp, open, restored } from './stage';

const random = noise('tree/encrypted-reads');

/** Counts the bytes that are asked for. */
class CountingStorage extends FolderStorage {
	bytes = 0;

	override async read(key: string, options: ReadOptions = {}): Promise<Readable> {
		const { start = 0, end = Infinity } = options;
		this.bytes += end - start;
		return await super.read(key, options);
	}
}

it('reads the index of an encrypted set, or one of its entries, and not all of it', async () => {
	const { root, storage } = temporaryStorage();
	const names = Array.from({ length: 6 }, (_, index) => `large/${index}`);
	const contents: Contents = new Map(names.map((name) => [name, random(9_000_000)]));
	const options = { passphrase: 'long enough a passphrase' };
	const manifest = await backUp(storage, contents, options);
	const counting = new CountingStorage({ root });

	const found: string[] = [];
	for await (const { name } of readIndex(await open(counting, manifest, options))) found.push(name);
	expect(found).toEqual(names);
	expect(counting.bytes).toBeLessThan(10_000);

	counting.bytes = 0;
	const selection = new Selection({ include: ['large/3'] });
	const one = await restored(counting, manifest, { ...options, selection });
	expect([...one.keys()]).toEqual(['large/3']);
	expect(one.get('large/3')).toEqual(contents.get('large/3'));
	// The frames that hold it hold some of its neighbours, too.
	expect(counting.bytes).toBeLessThan(0.6 * manifest.size.stored);
});
