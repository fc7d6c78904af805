import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';

import { describe, expect, it } from 'vitest';

import { decompressFrame, resolveCodec } from '../../../engine/archive/codec';
import { FrameEncoder } from '../../../engine/archive/write/frame-encoder';
import { noise } from '../../random/bytes';

describe('a codec', () => {
	it('has a default level and refuses one out of range', () => {
		expect(resolveCodec({ name: 'zstd' })).toEqual({ name: 'zstd', level: 3 });
		expect(resolveCodec({ name: 'gzip' })).toEqual({ name: 'gzip', level: 6 });
		expect(resolveCodec({ name: 'none', level: 4 })).toEqual({ name: 'none' });
		for (const codec of [
			{ name: 'zstd', level: 20 },
			{ name: 'gzip', level: 10 },
			{ name: 'zstd', level: 0 },
		] as const) {
			expect(() => resolveCodec(codec)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
		}
		expect(() => resolveCodec({ name: 'zip' as never })).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
	});

	it('does not decompress more than it was told to expect', async () => {
		const encoder = new FrameEncoder({ name: 'zstd', level: 3 });
		const frame = await encoder.encode([Buffer.alloc(1_000_000)]);
		encoder.close();
		await expect(decompressFrame('zstd', frame, 999_999)).rejects.toMatchObject({ code: 'ERR_BUFFER_TOO_LARGE' });
	});
});

it('rows of numbers take no more room at the default level than by the parameters of zstd', async () => {
	const words = noise('archive/codec')(400_000);
	const row = (at: number) =>
		`${at}\t{${Array.from({ length: 8 }, (_, n) => words.readInt32LE(at * 32 + n * 4) / 2 ** 31).join()}}\n`;
	const rows = Buffer.from(Array.from({ length: 12_000 }, (_, at) => row(at)).join(''));
	const encoder = new FrameEncoder({ name: 'zstd', level: 3 });
	const frame = await encoder.encode([rows]);
	encoder.close();
	const usual = zstdCompressSync(rows, { params: { [constants.ZSTD_c_compressionLevel]: 3 } });
	expect(frame.length).toBeLessThan(usual.length);
	expect(zstdDecompressSync(frame).equals(rows)).toBe(true);
});
