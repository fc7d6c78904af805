import { gunzipSync, zstdDecompressSync } from 'node:zlib';

import { describe, expect, it } from 'vitest';

import { compressFrame, decompressFrame, resolveCodec } from '../../../engine/archive/codec';
import { noise } from '../../random/bytes';

const random = noise('archive/codec');

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

	it.each([0, 1, 1000, 3_000_000])('makes exactly one frame of %i bytes, compressible or not', async (length) => {
		for (const raw of [Buffer.alloc(length, 'abc'), random(length)]) {
			const zstd = await compressFrame({ name: 'zstd', level: 3 }, [raw]);
			const gzip = await compressFrame({ name: 'gzip', level: 6 }, [raw.subarray(0, 9), raw.subarray(9)]);
			expect(zstdDecompressSync(zstd).equals(raw)).toBe(true);
			expect(gunzipSync(gzip).equals(raw)).toBe(true);
			expect(Buffer.from(await decompressFrame('zstd', zstd, length)).equals(raw)).toBe(true);
			expect(Buffer.from(await decompressFrame('gzip', gzip, length)).equals(raw)).toBe(true);
			// RFC 8878, 3.1.1.1.1: bit 2 of the frame header descriptor announces the content checksum.
			expect(zstd[4]! & 4).toBe(4);
		}
	});

	it('does not decompress more than it was told to expect', async () => {
		const frame = await compressFrame({ name: 'zstd', level: 3 }, [Buffer.alloc(1_000_000)]);
		await expect(decompressFrame('zstd', frame, 999_999)).rejects.toMatchObject({ code: 'ERR_BUFFER_TOO_LARGE' });
	});
});
