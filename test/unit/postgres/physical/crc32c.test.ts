import { describe, expect, it } from 'vitest';

import { STAGE_BYTES, staged } from '../../../../engine/postgres/physical/checksum';
import { CRC_START, crc32c, crcOver } from '../../../../engine/postgres/physical/crc32c';
import { noise } from '../../../random/bytes';

describe('CRC-32C', () => {
	it.each([
		// RFC 3720, B.4, and the usual check value.
		['00'.repeat(32), 0x8a9136aa],
		['ff'.repeat(32), 0x62a8ab43],
		[Buffer.from(Array.from({ length: 32 }, (_, index) => index)).toString('hex'), 0x46dd794e],
		[Buffer.from('123456789').toString('hex'), 0xe3069283],
		['', 0],
	])('of %s is that of the standard', (hex, expected) => {
		expect(crc32c(Buffer.from(hex, 'hex'))).toBe(expected);
	});

	it('is the same in whatever pieces and wherever in memory the bytes lie', () => {
		const bytes = Buffer.from(noise('postgres/physical/crc32c')(3000));
		const bitwise = (all: Buffer) => {
			let crc = -1;
			for (const byte of all) {
				crc ^= byte;
				for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
			}
			return ~crc >>> 0;
		};
		for (let offset = 0; offset < 5; offset++) {
			for (const length of [63, 64, 65, 79, 80, 81, 1000, 2900]) {
				const all = bytes.subarray(offset, offset + length);
				expect(crc32c(all)).toBe(bitwise(all));
				expect(crc32c(all.subarray(37), crc32c(all.subarray(0, 37)))).toBe(bitwise(all));
				expect(crc32c(staged(all))).toBe(bitwise(all));
				const memory = new Uint8Array(4096);
				memory.set(all, offset);
				const words = new Int32Array(memory.buffer);
				const over = (crc: number, start: number, end: number) =>
					crcOver(crc, memory, words, offset + start, offset + end);
				expect(~over(over(CRC_START, 0, 39), 39, length) >>> 0).toBe(bitwise(all));
				expect(~over(over(over(CRC_START, 0, 1), 1, 2), 2, length) >>> 0).toBe(bitwise(all));
			}
		}
	});

	it('of more than is computed at once is that of the parts', () => {
		const bytes = Buffer.from(noise('postgres/physical/crc32c/long')(STAGE_BYTES + 1000));
		const parts = [bytes.subarray(0, 63), bytes.subarray(63, 5000), bytes.subarray(5000)];
		expect(crc32c(bytes)).toBe(parts.reduce((crc, part) => crc32c(part, crc), 0));
	});
});
