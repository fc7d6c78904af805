import { expect, it } from 'vitest';

import { FrameCompressor } from '../../../../engine/archive/write/frame-compressor';
import { SpareFrames } from '../../../../engine/archive/write/spare-frames';
import { giveBack } from '../../../../engine/storage/lent';
import { noise } from '../../../random/bytes';

const MEBIBYTE = 1024 ** 2;
const random = noise('archive/spare-frames');

it('holds 64 MiB at most, whatever the number and the length of what is given back', () => {
	for (const length of [MEBIBYTE, 8 * MEBIBYTE, 16 * MEBIBYTE, 32 * MEBIBYTE]) {
		const spare = new SpareFrames();
		const taken = Array.from({ length: Math.ceil((200 * MEBIBYTE) / length) }, () => spare.take(length));
		for (const buffer of taken) spare.give(buffer);
		expect(spare.bytes).toBe(64 * MEBIBYTE);
		expect(spare.take(length)).toBe(taken[0]);
	}
});

it('gives up the short ones as frames grow', () => {
	const spare = new SpareFrames();
	for (const buffer of Array.from({ length: 8 }, () => spare.take(8 * MEBIBYTE))) spare.give(buffer);
	const long = Array.from({ length: 4 }, () => spare.take(16 * MEBIBYTE));
	for (const buffer of long) spare.give(buffer);
	for (let count = 0; count < 20; count++) spare.give(spare.take(16 * MEBIBYTE));
	expect(long.includes(spare.take(16 * MEBIBYTE))).toBe(true);
});

it('keeps nothing once it is closed', () => {
	const spare = new SpareFrames();
	const [late, early] = [spare.take(10), spare.take(10)];
	spare.give(early);
	spare.close();
	spare.give(late);
	expect(spare.bytes).toBe(0);
});

it('is one for all encoders of a writer', async () => {
	const compressor = new FrameCompressor({ name: 'zstd', level: 1 });
	const raw = [random(600_000)];
	const frames = (await Promise.all([compressor.compress(raw), compressor.compress(raw)])).flat();
	const memory = new Set(frames.map(({ buffer }) => buffer));
	frames.forEach(giveBack);
	// Alone, one encoder does all the work, and has the memory of both.
	const [first] = await compressor.compress(raw);
	const [second] = await compressor.compress(raw);
	expect([memory.has(first!.buffer), memory.has(second!.buffer)]).toEqual([true, true]);
	compressor.close();
});

it('frees what waits when it is closed, and nothing that is still in use', () => {
	const spare = new SpareFrames();
	const [used, waiting] = [spare.take(10), spare.take(10)];
	spare.give(waiting);
	spare.close();
	expect([used.buffer.byteLength > 0, waiting.buffer.byteLength]).toEqual([true, 0]);
});
