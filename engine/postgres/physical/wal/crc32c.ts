/**
 * CRC-32C (Castagnoli), by which PostgreSQL protects each record of its write-ahead log. Node's zlib has CRC-32 alone, which is of
 * another polynomial. Eight bytes at a time by eight tables ("slicing by 8"): a gigabyte a second, on one thread.
 */

/** The polynomial with its bits in reverse order. */
const POLYNOMIAL = 0x82f63b78;

/** Eight tables of 256, one after the other: the n-th is of a byte that n more bytes follow. */
const TABLES = makeTables();

/** What a CRC begins with; its end is its complement. */
export const CRC_START = -1;

function makeTables(): Int32Array {
	const tables = new Int32Array(8 * 256);
	for (let byte = 0; byte < 256; byte++) {
		let crc = byte;
		for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
		tables[byte] = crc;
	}
	for (let at = 256; at < tables.length; at++) {
		const before = tables[at - 256]!;
		tables[at] = tables[before & 0xff]! ^ (before >>> 8);
	}
	return tables;
}

/**
 * Goes on with a CRC. What it returns is neither complemented nor unsigned: `~crc >>> 0` is the value that is stored.
 * @param words the same bytes as `bytes`, as little-endian words
 */
export function crc32c(crc: number, bytes: Uint8Array, words: Int32Array, start: number, end: number): number {
	let at = start;
	while (at < end && (at & 3) !== 0) crc = TABLES[(crc ^ bytes[at++]!) & 0xff]! ^ (crc >>> 8);
	const first = at >>> 2;
	const pairs = (end - at) >>> 3;
	for (let word = first; word < first + 2 * pairs; word += 2) {
		const low = crc ^ words[word]!;
		const high = words[word + 1]!;
		crc =
			TABLES[1792 + (low & 0xff)]! ^
			TABLES[1536 + ((low >>> 8) & 0xff)]! ^
			TABLES[1280 + ((low >>> 16) & 0xff)]! ^
			TABLES[1024 + (low >>> 24)]! ^
			TABLES[768 + (high & 0xff)]! ^
			TABLES[512 + ((high >>> 8) & 0xff)]! ^
			TABLES[256 + ((high >>> 16) & 0xff)]! ^
			TABLES[high >>> 24]!;
	}
	for (at += 8 * pairs; at < end; at++) crc = TABLES[(crc ^ bytes[at]!) & 0xff]! ^ (crc >>> 8);
	return crc;
}
