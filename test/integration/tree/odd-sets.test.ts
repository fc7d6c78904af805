import { describe, expect, it } from 'vitest';

import { checkTree, Selection } from '../../../engine/tree';
import { noise } from '../../random/bytes';
import { temporaryStorage } from '../archive/support';
import type { Contents } from './memory-set';
import { backUp, open, restored } from './stage';

const random = noise('tree/odd-sets');

async function problemsOf(
	storage: Parameters<typeof open>[0],
	manifest: Parameters<typeof open>[1],
): Promise<string[]> {
	const found: string[] = [];
	await checkTree((await open(storage, manifest)).raw(), manifest, (message) => found.push(message));
	return found;
}

describe('a set', () => {
	it('of nothing is backed up, checked and restored', async () => {
		const { storage } = temporaryStorage();
		const first = await backUp(storage, new Map());
		expect(first.counts).toMatchObject({ files: 0, increment: 0 });
		expect(await problemsOf(storage, first)).toEqual([]);
		expect(await restored(storage, first)).toEqual(new Map());
		await expect(restored(storage, first, { selection: new Selection({ prefix: 'a' }) })).rejects.toMatchObject({
			code: 'INVALID_INPUT',
		});
		const contents: Contents = new Map([['a', random(10)]]);
		expect(await restored(storage, await backUp(storage, contents))).toEqual(contents);
		expect(await restored(storage, await backUp(storage, new Map()))).toEqual(new Map());
	});

	it('may hold what stock tools have unpacked of a backup that it goes on from, index and all', async () => {
		const { storage } = temporaryStorage();
		const contents: Contents = new Map([['a', random(10)]]);
		const first = await backUp(storage, contents);
		contents.set(`.stack-backup-index/${first.id}-000001.jsonl`, Buffer.from('{"archives":[]}\n{}\n'));
		const second = await backUp(storage, contents);
		expect(second.needs).toEqual([first.id]);
		expect(await problemsOf(storage, second)).toEqual([]);
		expect(await restored(storage, second)).toEqual(contents);
	});
});
