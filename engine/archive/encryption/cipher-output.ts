/** What Node's ciphers give: a new buffer for each call. */

/** Bytes of whole words as words; copied where they do not begin at the border of one. */
export function inWords(bytes: Buffer): Int32Array {
	const { buffer, byteOffset, length } = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
	return new Int32Array(buffer, byteOffset, length / 4);
}

/**
 * Frees memory at once that nobody reads any more. The garbage collector knows little of the size of such buffers and comes late, when
 * they are tens of megabytes. A buffer that is part of a larger memory is left to it.
 */
export function release({ buffer, length }: Buffer): void {
	// Part of JavaScript since 2024; TypeScript describes it with a later library than the one that we build with.
	const memory = buffer as ArrayBufferLike & { transfer(newLength: number): ArrayBuffer };
	if (memory.byteLength === length) memory.transfer(0);
}
