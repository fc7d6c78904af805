import { once } from 'node:events';

import { extract, type Header } from 'tar-stream';
import { expect, it } from 'vitest';

import { tarEnd, tarHeader, tarPadding } from '../../../engine/tar/write';

const modifiedAt = new Date('2026-01-31T02:00:00Z');

/** A header as another program reads it. */
async function decoded(block: Buffer): Promise<Header> {
	const reader = extract();
	const entry = once(reader, 'entry');
	reader.write(block);
	const [headers] = (await entry) as [Header];
	reader.destroy();
	return headers;
}

it.each([0, 1, 511, 512, 8 ** 11 - 1, 8 ** 11, 5 * 2 ** 40])(
	'writes headers that others read, for a file of %i bytes',
	async (size) => {
		expect(await decoded(tarHeader('shard-0.snapshot', size, modifiedAt))).toMatchObject({
			name: 'shard-0.snapshot',
			size,
			mtime: modifiedAt,
			type: 'file',
			mode: 0o600,
		});
	},
);

it('fills files up to whole blocks and ends with two empty ones', () => {
	expect([0, 1, 511, 512, 513].map((size) => tarPadding(size).length)).toEqual([0, 511, 1, 0, 511]);
	expect(tarEnd().equals(Buffer.alloc(1024))).toBe(true);
});
