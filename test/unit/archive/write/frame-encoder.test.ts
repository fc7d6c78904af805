import { syncBuiltinESMExports } from 'node:module';
import zlib from 'node:zlib';

import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { decompressFrame } from '../../../../engine/archive/codec';
import { FrameEncoder } from '../../../../engine/archive/write/frame-encoder';
import { giveBack } from '../../../../engine/storage/lent';
import { noise } from '../../../random/bytes';

const random = noise('archive/frame-encoder');

const CODECS = [
	{ name: 'zstd', level: 3 },
	{ name: 'gzip', level: 6 },
] as const;

afterEach(() => {
	vi.restoreAllMocks();
	syncBuiltinESMExports();
});

/** Frames of one encoder, each decompressed by a decoder of its own, which refuses what goes on after the frame's end. */
async function roundTrip(codec: (typeof CODECS)[number], contents: Uint8Array[]): Promise<Uint8Array[]> {
	const encoder = new FrameEncoder(codec);
	const results: Uint8Array[] = [];
	const frames: Uint8Array[] = [];
	for (const content of contents) frames.push(await encoder.encode([content]));
	encoder.close();
	for (const [index, frame] of frames.entries()) {
		results.push(await decompressFrame(codec.name, frame, (contents[index] as Uint8Array).length));
	}
	return results;
}

describe.each(CODECS)('an encoder of $name', (codec) => {
	it.each([0, 1, 1000, 3_000_000])('makes exactly one frame of %i bytes, compressible or not', async (length) => {
		const encoder = new FrameEncoder(codec);
		for (const raw of [Buffer.alloc(length, 'abc'), random(length)]) {
			const frame = await encoder.encode([raw.subarray(0, 9), raw.subarray(9)]);
			const whole = codec.name === 'zstd' ? zlib.zstdDecompressSync(frame) : zlib.gunzipSync(frame);
			expect(whole.equals(raw)).toBe(true);
			expect(Buffer.from(await decompressFrame(codec.name, frame, length)).equals(raw)).toBe(true);
			// RFC 8878, 3.1.1.1.1: bit 2 of the frame header descriptor announces the content checksum.
			if (codec.name === 'zstd') expect(frame[4]! & 4).toBe(4);
		}
		encoder.close();
	});

	it('lets later frames have the memory of those that were given back, and of no others', async () => {
		const encoder = new FrameEncoder(codec);
		const contents = Array.from({ length: 12 }, (_, index) => random(600_000 + index * 1000));
		const frames: Uint8Array[] = [];
		for (const [index, content] of contents.entries()) {
			frames.push(await encoder.encode([content]));
			// Every third one stays with its reader.
			const before = frames[index - 1];
			if (before && index % 3 !== 0) giveBack(before);
		}
		expect(new Set(frames.map(({ buffer }) => buffer)).size).toBeLessThan(8);
		for (const [index, frame] of frames.entries()) {
			if ((index + 1) % 3 !== 0 && index < frames.length - 1) continue;
			const content = contents[index] as Uint8Array;
			expect(Buffer.from(await decompressFrame(codec.name, frame, content.length)).equals(content)).toBe(true);
		}
		encoder.close();
	});

	it('makes one frame of each content, whatever came before it', async () => {
		const content = fc.tuple(fc.nat({ max: 600_000 }), fc.boolean());
		await fc.assert(
			fc.asyncProperty(fc.array(content, { maxLength: 6 }), async (sizes) => {
				const contents = sizes.map(([size, isNoise]) => (isNoise ? random(size) : Buffer.alloc(size, 'row ')));
				const results = await roundTrip(codec, contents);
				expect(results.map((result) => Buffer.from(result))).toEqual(contents);
			}),
			{ numRuns: 10 },
		);
	});

	it('writes the same bytes with one context for all frames as with a new one for each', async () => {
		const kept = new FrameEncoder(codec);
		for (const size of [300_000, 10, 2_000_000, 300_000]) {
			const content = Buffer.alloc(size, random(50_000));
			const fresh = new FrameEncoder(codec);
			expect(Buffer.from(await kept.encode([content])).equals(await fresh.encode([content]))).toBe(true);
			fresh.close();
		}
		kept.close();
	});

	it('uses one stream for frames of like sizes', async () => {
		const create = vi.spyOn(zlib, codec.name === 'zstd' ? 'createZstdCompress' : 'createGzip');
		syncBuiltinESMExports();
		await roundTrip(codec, [random(900_000), random(700_000), random(3), random(1_000_000)]);
		expect(create).toHaveBeenCalledTimes(1);
	});

	it('makes whole frames where a stream of Node cannot be led back to the beginning of its buffer', async () => {
		const name = codec.name === 'zstd' ? 'createZstdCompress' : 'createGzip';
		const original = zlib[name] as (options: object) => zlib.ZstdCompress & zlib.Gzip;
		let streams = 0;
		vi.spyOn(zlib, name).mockImplementation((options: object = {}) => {
			const stream = original(options);
			let offset = 0;
			streams++;
			return Object.defineProperty(stream, '_outOffset', {
				get: () => offset,
				set: (value: number) => (offset = value || offset),
			});
		});
		syncBuiltinESMExports();
		// Together less than the buffer, so that Node itself does not go back to its beginning.
		const contents = [100_000, 70_000, 3, 50_000].map((size) => random(size));
		const results = await roundTrip(codec, contents);
		expect(results.map((result) => Buffer.from(result).equals(contents.shift()!))).toEqual([true, true, true, true]);
		expect(streams).toBe(4);
	});

	it('fails what is being compressed when it is closed', async () => {
		const encoder = new FrameEncoder(codec);
		const encoding = encoder.encode([random(5_000_000)]);
		encoder.close();
		await expect(encoding).rejects.toThrow('closed');
	});
});
