/** What Node's ciphers give: a new buffer for each call. */

/** Bytes of whole words as words; copied where they do not begin at the border of one. */
export function inWords(bytes: Buffer): Int32Array {
	const { buffer, byteOffset, length } = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
	return new Int32Array(buffer, byteOffset, length / 4);
}
