/**
 * CRC-32C (Castagnoli), by which PostgreSQL recognises damage in WAL records, and in the files of a base backup where a manifest asks
 * for it. Node has no such function.
 */
import { CRC_TABLES, crcOfBytes } from './checksum';

/** What a CRC begins with. */
export const CRC_START = -1;
/** Shorter pieces are not worth a copy. */
const SHORT = 64;

/**
 * The checksum of bytes; 0xE3069283 for the text `123456789`.
 * @param before the checksum of what comes before them
 */
export function crc32c(bytes: Uint8Array, before = 0): number {
	if (bytes.length >= SHORT) return ~crcOfBytes(~before, bytes) >>> 0;
	let crc = ~before;
	for (const byte of bytes) crc = CRC_TABLES[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
	return ~crc >>> 0;
}

/**
 * Goes on with a CRC over a part of a buffer whose words are at hand. Records of WAL are short: a view of each would cost more than its CRC.
 * Eight bytes at a time.
 * @param crc CRC_START, or what this function has returned: it is neither complemented nor unsigned, `~crc >>> 0` is the checksum
 * @param words the same memory as `bytes`
 */
export function crcOver(crc: number, bytes: Uint8Array, words: Int32Array, start: number, end: number): number {
	const t = CRC_TABLES;
	let at = start;
	while (at < end && (at & 3) !== 0) crc = t[(crc ^ bytes[at++]!) & 0xff]! ^ (crc >>> 8);
	const first = at >>> 2;
	const pairs = (end - at) >>> 3;
	for (let word = first; word < first + 2 * pairs; word += 2) {
		const a = crc ^ words[word]!;
		const b = words[word + 1]!;
		crc =
			t[0x700 | (a & 0xff)]! ^
			t[0x600 | ((a >>> 8) & 0xff)]! ^
			t[0x500 | ((a >>> 16) & 0xff)]! ^
			t[0x400 | (a >>> 24)]! ^
			t[0x300 | (b & 0xff)]! ^
			t[0x200 | ((b >>> 8) & 0xff)]! ^
			t[0x100 | ((b >>> 16) & 0xff)]! ^
			t[b >>> 24]!;
	}
	for (at += 8 * pairs; at < end; at++) crc = t[(crc ^ bytes[at]!) & 0xff]! ^ (crc >>> 8);
	return crc;
}
