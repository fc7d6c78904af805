import { syncBuiltinESMExports } from 'node:module';
import { pipeline } from 'node:stream/promises';
import { setImmediate } from 'node:timers/promises';
import zlib from 'node:zlib';

import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { ByteCursor } from '../../../../engine/archive/cursor';
import { FrameDecoder } from '../../../../engine/archive/read/frame-decoder';
import { FrameEncoder } from '../../../../engine/archive/write/frame-encoder';
import { giveBack } from '../../../../engine/storage/lent';
import { noise } from '../../../random/bytes';

const random = noise('archive/frame-decoder');

const CODECS = [
	{ name: 'zstd', level: 3 },
	{ name: 'gzip', level: 6 },
] as const;

type Codec = (typeof CODECS)[number];

afterEach(() => {
	vi.restoreAllMocks();
	syncBuiltinESMExports();
});

async function framesOf(codec: Codec, contents: Uint8Array[]): Promise<Buffer[]> {
	const encoder = new FrameEncoder(codec);
	const frames: Buffer[] = [];
	for (const content of contents) frames.push(Buffer.from(await encoder.encode([content])));
	encoder.close();
	return frames;
}

/** What the decompressor was left with must not show in the next frame. */
async function expectGoesOn(decoder: FrameDecoder, codec: Codec): Promise<void> {
	const content = Buffer.concat([random(1000), Buffer.alloc(400_000, 'next ')]);
	const [frame] = await framesOf(codec, [content]);
	expect(Buffer.from(await decoder.decode(frame!, content.length)).equals(content)).toBe(true);
}

describe.each(CODECS)('a decoder of $name', (codec) => {
	it('never writes to what was not given back, and uses again what was', async () => {
		const decoder = new FrameDecoder(codec.name);
		const contents = Array.from({ length: 14 }, (_, index) => random(600_000 - index * 10_000));
		const frames = await framesOf(codec, contents);
		const held: Array<{ content: Buffer; raw: Uint8Array }> = [];
		const buffers = new Set<ArrayBufferLike>();
		let before: Uint8Array | undefined;
		for (const [index, frame] of frames.entries()) {
			const content = contents[index]!;
			const raw = await decoder.decode(frame, content.length);
			expect(Buffer.from(raw).equals(content)).toBe(true);
			buffers.add(raw.buffer);
			if (before) giveBack(before.fill(0xee));
			before = undefined;
			// Every third one stays with its reader.
			if (index % 3 === 0) held.push({ content, raw });
			else before = raw;
		}
		for (const { content, raw } of held) expect(Buffer.from(raw).equals(content)).toBe(true);
		expect(buffers.size).toBeLessThan(9);
		decoder.close();
	});

	it('reads frames of all lengths, whatever came before', async () => {
		const content = fc.tuple(fc.nat({ max: 600_000 }), fc.boolean(), fc.boolean());
		await fc.assert(
			fc.asyncProperty(fc.array(content, { maxLength: 8 }), async (sizes) => {
				const contents = sizes.map(([size, isNoise]) => (isNoise ? random(size) : Buffer.alloc(size, 'row ')));
				const decoder = new FrameDecoder(codec.name);
				for (const [index, frame] of (await framesOf(codec, contents)).entries()) {
					const raw = await decoder.decode(frame, contents[index]!.length);
					expect(Buffer.from(raw).equals(contents[index]!)).toBe(true);
					if (sizes[index]![2]) giveBack(raw.fill(0xee));
				}
				decoder.close();
			}),
			{ numRuns: 20 },
		);
	});

	it('reads frames that do not say how long they are', async () => {
		const content = Buffer.concat([random(300_000), Buffer.alloc(3_000_000, 'row '), random(1000)]);
		const compressor = codec.name === 'zstd' ? zlib.createZstdCompress() : zlib.createGzip();
		const source = async function* () {
			for (let at = 0; at < content.length; at += 100_000) {
				yield content.subarray(at, at + 100_000);
				// Where the end of the stream is known with its last bytes, Node appends an empty frame.
				await setImmediate();
			}
		};
		const pieces: Buffer[] = [];
		await pipeline(source, compressor, async (compressed: AsyncIterable<Buffer>) => {
			for await (const piece of compressed) pieces.push(piece);
		});
		const decoder = new FrameDecoder(codec.name);
		for (let time = 0; time < 3; time++) {
			const raw = await decoder.decode(Buffer.concat(pieces), content.length);
			expect(Buffer.from(raw).equals(content)).toBe(true);
			giveBack(raw.fill(0xee));
		}
		decoder.close();
	});

	it('refuses bytes after the end of a frame', async () => {
		const content = random(300_000);
		const [frame] = await framesOf(codec, [content]);
		const decoder = new FrameDecoder(codec.name);
		for (const more of [Buffer.from('x'), Buffer.alloc(9), Buffer.alloc(100_000, 'junk')]) {
			const longer = Buffer.concat([frame!, more]);
			await expect(decoder.decode(longer, content.length)).rejects.toMatchObject({
				code: expect.stringMatching(/^Z_(DATA|BUF)_ERROR$/),
			});
			await expectGoesOn(decoder, codec);
		}
		decoder.close();
	});

	it('does not take two frames for one', async () => {
		const contents = [random(300_000), random(50)];
		const decoder = new FrameDecoder(codec.name);
		const both = Buffer.concat(await framesOf(codec, contents));
		const decoding = decoder.decode(both, 300_000);
		await expect(decoding).rejects.toMatchObject({
			code: expect.stringMatching(/^(Z_DATA_ERROR|ERR_BUFFER_TOO_LARGE)$/),
		});
		await expectGoesOn(decoder, codec);
		decoder.close();
	});

	it('refuses a frame that was damaged, and makes less of one that was cut', async () => {
		const content = Buffer.concat([random(200_000), Buffer.alloc(200_000, 'row ')]);
		const [frame] = await framesOf(codec, [content]);
		const decoder = new FrameDecoder(codec.name);
		const damaged = Buffer.from(frame!);
		// In the checksum, which is all that tells.
		damaged[damaged.length - (codec.name === 'zstd' ? 2 : 6)]! ^= 1;
		await expect(decoder.decode(damaged, content.length)).rejects.toMatchObject({ code: expect.stringMatching(/^Z/) });
		await expectGoesOn(decoder, codec);
		const length = await decoder.decode(frame!.subarray(0, 100_000), content.length).then(
			(raw) => raw.length,
			() => 0,
		);
		expect(length).toBeLessThan(content.length);
		await expectGoesOn(decoder, codec);
		decoder.close();
	});

	it('ends a frame that holds more than it should, at once', async () => {
		const [bomb] = await framesOf(codec, [Buffer.alloc(50_000_000)]);
		const decoder = new FrameDecoder(codec.name);
		await expect(decoder.decode(bomb!, 1000)).rejects.toMatchObject({ code: 'ERR_BUFFER_TOO_LARGE' });
		await expect(decoder.decode(bomb!, 49_999_999)).rejects.toMatchObject({ code: 'ERR_BUFFER_TOO_LARGE' });
		await expectGoesOn(decoder, codec);
		decoder.close();
	});

	it('reads whole frames where a stream of Node cannot be led back to the beginning of its buffer', async () => {
		const name = codec.name === 'zstd' ? 'createZstdDecompress' : 'createGunzip';
		const original = zlib[name] as (options: object) => zlib.ZstdDecompress & zlib.Gunzip;
		vi.spyOn(zlib, name).mockImplementation((options: object = {}) => {
			let offset = 0;
			return Object.defineProperty(original(options), '_outOffset', {
				get: () => offset,
				set: (value: number) => (offset = value || offset),
			});
		});
		syncBuiltinESMExports();
		// Together less than the buffer, so that Node itself does not go back to its beginning.
		const contents = [100_000, 70_000, 3, 50_000].map((size) => random(size));
		const decoder = new FrameDecoder(codec.name);
		for (const [index, frame] of (await framesOf(codec, contents)).entries()) {
			const raw = await decoder.decode(frame, contents[index]!.length);
			expect(Buffer.from(raw).equals(contents[index]!)).toBe(true);
			giveBack(raw);
		}
		decoder.close();
	});

	it('leaves what is with readers as it is when it is closed', async () => {
		const content = random(700_000);
		const [frame] = await framesOf(codec, [content]);
		const decoder = new FrameDecoder(codec.name);
		const raw = await decoder.decode(frame!, content.length);
		decoder.close();
		expect(Buffer.from(raw).equals(content)).toBe(true);
		giveBack(raw);
	});
});

it('reads stored frames into one buffer', async () => {
	const source = async function* () {
		for (const chunk of ['abc', 'defgh', 'ij']) yield await Promise.resolve(Buffer.from(chunk));
	};
	const cursor = new ByteCursor(source());
	const decoder = new FrameDecoder('zstd');
	expect(String(await decoder.read(cursor, 4))).toBe('abcd');
	const frame = await decoder.read(cursor, 5);
	expect(String(frame)).toBe('efghi');
	expect(String(await decoder.read(cursor, 1))).toBe('j');
	await expect(decoder.read(cursor, 1)).rejects.toThrow('too early');
});
