import { describe, expect, it } from 'vitest';

import { inBlocks, inSlices } from '../../../engine/archive/blocks';
import { ByteChannel } from '../../../engine/archive/write/channel';
import { ByteCursor, EndedEarly } from '../../../engine/archive/cursor';
import { lend } from '../../../engine/storage/lent';

async function* source(...chunks: string[]): AsyncGenerator<Uint8Array> {
	for (const chunk of chunks) yield Buffer.from(chunk);
}

describe('a byte channel', () => {
	it('hands over what was pushed, in order, then ends', async () => {
		const channel = new ByteChannel(100);
		await channel.push(Buffer.from('a'));
		await channel.push(Buffer.from('b'));
		channel.end();
		const seen = [];
		for await (const chunk of channel) seen.push(String(chunk));
		expect(seen).toEqual(['a', 'b']);
	});

	it('makes a writer wait until the reader has made room', async () => {
		const channel = new ByteChannel(3);
		let pushed = 0;
		const writing = (async () => {
			for (; pushed < 10; pushed++) await channel.push(Buffer.from('xx'));
			channel.end();
		})();
		await new Promise(setImmediate);
		expect(pushed).toBe(1);
		let bytes = 0;
		for await (const chunk of channel) {
			bytes += chunk.length;
			expect(pushed * 2 - bytes).toBeLessThanOrEqual(4);
		}
		await writing;
		expect(bytes).toBe(20);
	});

	it('fails its writers and its reader with what it was destroyed with', async () => {
		const channel = new ByteChannel(1);
		const blocked = channel.push(Buffer.from('too much'));
		channel.destroy(new Error('disk full'));
		await expect(blocked).rejects.toThrow('disk full');
		await expect(channel[Symbol.asyncIterator]().next()).rejects.toThrow('disk full');
		await expect(channel.push(Buffer.from('x'))).rejects.toThrow('disk full');
	});
});

describe('a byte cursor', () => {
	it('cuts by lengths, whatever the chunks are', async () => {
		const cursor = new ByteCursor(source('abc', '', 'defg', 'hij'), 100);
		expect(String(await cursor.take(2))).toBe('ab');
		expect(String(await cursor.take(3))).toBe('cde');
		await cursor.skipTo(107);
		expect(cursor.position).toBe(107);
		expect(await cursor.atEnd()).toBe(false);
		expect(cursor.position).toBe(107);
		expect(String(await cursor.take(3))).toBe('hij');
		expect(await cursor.atEnd()).toBe(true);
		expect(await cursor.take(0)).toHaveLength(0);
	});

	it('says when the source ends too early', async () => {
		await expect(new ByteCursor(source('abc')).take(4)).rejects.toBeInstanceOf(EndedEarly);
		await expect(new ByteCursor(source('abc')).skipTo(4)).rejects.toBeInstanceOf(EndedEarly);
	});
});

describe('a byte cursor over chunks that are lent', () => {
	/** Chunks that become dashes when they are given back. */
	const lending = async function* (...chunks: string[]): AsyncGenerator<Uint8Array> {
		for (const chunk of chunks) {
			const bytes = Buffer.from(chunk);
			yield lend(bytes, () => bytes.fill('-'));
		}
	};
	const into = async (cursor: ByteCursor, length: number) => String(await cursor.takeInto(Buffer.alloc(length)));

	it('gives back what it has copied, when it asks for more', async () => {
		const returned: string[] = [];
		const source = async function* () {
			for (const chunk of ['abc', 'def', 'ghi']) yield lend(Buffer.from(chunk), () => returned.push(chunk));
		};
		const cursor = new ByteCursor(source());
		expect(await into(cursor, 2)).toBe('ab');
		expect(await into(cursor, 4)).toBe('cdef');
		expect(returned).toEqual(['abc']);
		expect(await into(cursor, 1)).toBe('g');
		expect(returned).toEqual(['abc', 'def']);
		expect(await into(cursor, 2)).toBe('hi');
		expect(await cursor.atEnd()).toBe(true);
		expect(returned).toEqual(['abc', 'def', 'ghi']);
	});

	it('keeps every chunk of which a slice was handed out', async () => {
		const cursor = new ByteCursor(lending('abc', 'def', 'ghi', 'jkl', 'mno'));
		const taken = await cursor.take(1);
		expect(await into(cursor, 2)).toBe('bc');
		const peeked = await cursor.peek();
		expect(await into(cursor, 3)).toBe('def');
		const passed: Uint8Array[] = [];
		for await (const piece of cursor.pass(4)) passed.push(piece);
		const remainder: Uint8Array[] = [];
		for await (const piece of cursor.remainder()) remainder.push(piece);
		expect([taken, peeked, ...passed, ...remainder].map(String)).toEqual(['a', 'def', 'ghi', 'j', 'kl', 'mno']);
	});

	it('gives back slices, too, where its reader says so', async () => {
		const cursor = new ByteCursor(lending('abc', 'def'));
		cursor.releasesSlices = true;
		const pieces: Uint8Array[] = [];
		for await (const piece of cursor.remainder()) {
			expect(String(piece)).not.toContain('-');
			pieces.push(piece);
		}
		expect(pieces.map(String)).toEqual(['---', '---']);
	});

	it('says when the source ends too early', async () => {
		await expect(into(new ByteCursor(lending('abc')), 4)).rejects.toBeInstanceOf(EndedEarly);
	});
});

describe('blocks', () => {
	it('join small chunks and let large ones through', async () => {
		const seen = [];
		for await (const block of inBlocks(source('a', 'b', 'cdefgh', 'ijklm', 'n'), 5)) seen.push(String(block));
		expect(seen).toEqual(['abcdefgh', 'ijklm', 'n']);
	});

	it('are cut into slices where they are too large', async () => {
		const seen = [];
		for await (const slice of inSlices(source('abcdefg', '', 'hij'), 3)) seen.push(String(slice));
		expect(seen).toEqual(['abc', 'def', 'g', 'hij']);
	});
});
