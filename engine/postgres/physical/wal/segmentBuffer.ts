/**
 * The bytes of the segment that is being received. They come in messages of any size, from some bytes on, and are copied into chunks; whoever
 * has compressed a whole segment gives its chunks back, and they are filled again.
 */
import { lend } from '../../../storage/lent';

/** A power of two, like segments. */
const CHUNK_BYTES = 256 * 1024;

export class SegmentBuffer {
	#chunks: Buffer[] = [];
	#spare: Buffer[] = [];
	#bytes = 0;

	/** Bytes that are in it. */
	get bytes(): number {
		return this.#bytes;
	}

	/** Copies bytes behind those that are in it. */
	add(bytes: Uint8Array): void {
		for (let at = 0; at < bytes.length;) {
			const offset = this.#bytes % CHUNK_BYTES;
			if (offset === 0) this.#chunks.push(this.#spare.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES));
			const count = Math.min(bytes.length - at, CHUNK_BYTES - offset);
			this.#chunks.at(-1)!.set(bytes.subarray(at, at + count), offset);
			this.#bytes += count;
			at += count;
		}
	}

	/** What is in it, to be read only, and only until more is added to its last chunk. */
	peek(): Buffer[] {
		const views = this.#chunks.map((chunk) => chunk.subarray());
		const rest = this.#bytes % CHUNK_BYTES;
		if (rest > 0) views.push(views.pop()!.subarray(0, rest));
		return views;
	}

	/** Hands a whole segment over, and is empty. The chunks are lent. */
	takeAll(): Buffer[] {
		const chunks = this.#chunks;
		this.#chunks = [];
		this.#bytes = 0;
		for (const chunk of chunks) lend(chunk, () => this.#spare.push(chunk));
		return chunks;
	}
}
