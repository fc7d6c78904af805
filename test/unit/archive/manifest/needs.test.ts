import { describe, expect, it } from 'vitest';

import type { Manifest } from '../../../../engine/archive';
import { assertNeededThere, assertSelfContained, neededBy } from '../../../../engine/archive/manifest/needs';

const size = { raw: 9, compressed: 9, stored: 9 };
const missing = (id: string) => ({ ...stored(id), foundSize: undefined });
const stored = (id: string, foundSize = 9, folder = 'files') => ({
	manifest: { id, size },
	key: `${folder}/${id}.tar`,
	foundSize,
});

describe('the archives that a backup needs', () => {
	it('are found by their ids, a weekly copy in place of its original', () => {
		const all = [stored('a', 8), missing('b'), stored('a', 9, 'weekly/2026_W01'), stored('c'), stored('d')];
		const found = neededBy({ needs: ['c', 'a', 'b', 'x'] }, all);
		expect(found.map(({ id, entry, isThere }) => [id, entry?.key, isThere])).toEqual([
			['c', 'files/c.tar', true],
			['a', 'weekly/2026_W01/a.tar', true],
			['b', 'files/b.tar', false],
			['x', undefined, false],
		]);
		expect(neededBy({}, all)).toEqual([]);
	});

	it('have all to be there, or the backup is refused by the names of those that are not', () => {
		const manifest = { needs: ['a', 'b', 'x'] } as unknown as Manifest;
		const all = [stored('a'), stored('b', 8)];
		expect(() => assertNeededThere({ key: 'files/z.tar', manifest }, all)).toThrow(
			expect.objectContaining({
				code: 'ARCHIVE_INCOMPLETE',
				message: expect.stringMatching(/files\/z\.tar .*: files\/b\.tar, the one with the id x\.$/) as string,
			}),
		);
		expect(() => assertNeededThere({ key: 'files/z.tar', manifest }, [...all, stored('b'), stored('x')])).not.toThrow();
	});

	it('are no business of a restore that reads one archive alone', () => {
		expect(() => assertSelfContained({ file: 'z.tar', needs: ['a', 'b'] })).toThrow(
			expect.objectContaining({
				code: 'MANIFEST_NEWER',
				message: expect.stringContaining('2 other archives') as string,
			}),
		);
		expect(() => assertSelfContained({ file: 'z.tar' })).not.toThrow();
	});
});
