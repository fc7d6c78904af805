import { once } from 'node:events';

import { extract, type Header } from 'tar-stream';
import { expect, it } from 'vitest';

import { ByteCursor } from '../../../engine/archive/cursor';
import { tarEnd, tarHeader, tarPadding, walkTar } from '../../../engine/tar';
import { inPieces } from './build-tar';

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

/** The name that another program reads, of a whole archive. */
async function namesIn(archive: Buffer): Promise<string[]> {
	const names: string[] = [];
	const reader = extract();
	reader.on('entry', ({ name }, content, next) => {
		names.push(name);
		content.resume();
		next();
	});
	reader.end(archive);
	await once(reader, 'finish');
	return names;
}

it.each(['a'.repeat(100), 'b'.repeat(101), `${'deep/'.repeat(300)}leaf`, 'Grüße/日本.txt', '\n', 'p'.repeat(90)])(
	'writes every name so that others read it, and so that we do: %#',
	async (name) => {
		const content = Buffer.from('content');
		const header = tarHeader(name, content.length, modifiedAt);
		const archive = Buffer.concat([header, content, tarPadding(content.length), tarEnd()]);
		expect(await namesIn(archive)).toEqual([name]);
		const walked: string[] = [];
		const cursor = new ByteCursor(inPieces(archive, 100));
		await walkTar(cursor, (member) => void walked.push(member.name), { dialect: 'any' });
		expect(walked).toEqual([name]);
	},
);

it('fills files up to whole blocks and ends with two empty ones', () => {
	expect([0, 1, 511, 512, 513].map((size) => tarPadding(size).length)).toEqual([0, 511, 1, 0, 511]);
	expect(tarEnd().equals(Buffer.alloc(1024))).toBe(true);
});
