/** The polynomial of CRC-32C (Castagnoli), 0x1EDC6F41, its bits in reverse. */
const POLYNOMIAL = 0x82f6_3b78;

/** 16 tables of 256 entries ("slicing by 16"): the one with the number k has the effect of a byte that k others follow. */
export const CRC_TABLES = tables();

function tables(): Int32Array {
	const all = new Int32Array(16 * 256);
	for (let byte = 0; byte < 256; byte++) {
		let crc = byte;
		for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
		all[byte] = crc;
	}
	for (let at = 256; at < all.length; at++) {
		const before = all[at - 256]!;
		all[at] = (before >>> 8) ^ all[before & 0xff]!;
	}
	return all;
}
