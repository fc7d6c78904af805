/**
 * Joins small chunks into blocks of at least `size` bytes (the last may be smaller) and passes larger ones on as they
 * are: each block costs a codec a trip to the thread pool, and sources such as tar hand out 512 bytes at a time.
 */
export async function* inBlocks(source: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array> {
	let gathered: Uint8Array[] = [];
	let bytes = 0;
	for await (const chunk of source) {
		gathered.push(chunk);
		bytes += chunk.length;
		if (bytes < size) continue;
		yield gathered.length === 1 ? chunk : Buffer.concat(gathered, bytes);
		gathered = [];
		bytes = 0;
	}
	if (bytes > 0) yield Buffer.concat(gathered, bytes);
}

/** Cuts large chunks into slices of at most `size` bytes, without copying. */
export async function* inSlices(source: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array> {
	for await (const chunk of source) {
		for (let offset = 0; offset < chunk.length; offset += size) yield chunk.subarray(offset, offset + size);
	}
}

/** Bytes of all pieces together. */
export function totalLength(pieces: Uint8Array[]): number {
	return pieces.reduce((total, piece) => total + piece.length, 0);
}
