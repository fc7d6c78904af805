import { describe, expect, it } from 'vitest';

import { largeObjectPieces } from '../../../engine/postgres/largeObjectFrame';

const piece = (hex: string) => `SELECT pg_catalog.lo_put(16, 0, pg_catalog.decode('${hex}', 'hex'));`;

async function pieces(chunks: Iterable<string> | AsyncIterable<Buffer>): Promise<string[]> {
	const found: string[] = [];
	async function* bytes() {
		for await (const chunk of chunks) yield Buffer.from(chunk);
	}
	for await (const text of largeObjectPieces(bytes())) found.push(text);
	return found;
}

describe('a frame of large objects', () => {
	it('holds one piece a line, wherever its bytes are cut', async () => {
		const frame = `${piece('00ff')}\n${piece('')}\n\n${piece('ab'.repeat(131_072))}\n\n`;
		const expected = [piece('00ff'), piece(''), piece('ab'.repeat(131_072))];
		expect(await pieces([frame])).toEqual(expected);
		expect(await pieces([frame.slice(0, 10), frame.slice(10, 67), frame.slice(67)])).toEqual(expected);
		expect(await pieces([frame.trimEnd()])).toEqual(expected);
	});

	it.each([
		'DROP DATABASE victim;',
		`${piece('00')} DROP DATABASE victim;`,
		piece('00').slice(0, -1),
		piece(`00'), lo_unlink(1); --`),
		`SELECT pg_catalog.lo_put(16, 0, pg_catalog.decode(pg_read_file('x'), 'hex'));`,
		`select pg_catalog.lo_put(16, 0, pg_catalog.decode('00', 'hex'));`,
		`\\! touch x`,
		'x'.repeat(3_000_000),
	])('holds nothing else: %s', async (line) => {
		await expect(pieces([`${piece('00')}\n${line}\n`])).rejects.toMatchObject({ code: 'ARCHIVE_CORRUPT' });
		await expect(pieces([`${piece('00')}\n${line}`])).rejects.toMatchObject({ code: 'ARCHIVE_CORRUPT' });
	});

	it('holds no line without an end', async () => {
		async function* endless() {
			for (;;) yield await Promise.resolve(Buffer.alloc(64 * 1024, 'S'));
		}
		await expect(pieces(endless())).rejects.toMatchObject({ code: 'ARCHIVE_CORRUPT' });
	});
});
