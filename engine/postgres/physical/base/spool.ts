import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';

/** Bytes that are compressed together. */
const PIECE_BYTES = 4 * 1024 * 1024;

/**
 * Keeps a text until its size is known, compressed: PostgreSQL's manifest of a million files has 150 MB, and takes a tenth of it here.
 */
export class Spool {
	size = 0;
	readonly #pieces: Buffer[] = [];
	#open: Buffer[] = [];
	#openBytes = 0;

	/** Copies the bytes. */
	add(bytes: Uint8Array): void {
		this.#open.push(Buffer.from(bytes));
		this.#openBytes += bytes.length;
		this.size += bytes.length;
		if (this.#openBytes >= PIECE_BYTES) this.#close();
	}

	/** All of it, from the beginning; as often as it is wanted. */
	*bytes(): Generator<Buffer, void, undefined> {
		this.#close();
		for (const piece of this.#pieces) yield zstdDecompressSync(piece);
	}

	#close(): void {
		if (this.#openBytes === 0) return;
		this.#pieces.push(zstdCompressSync(Buffer.concat(this.#open)));
		this.#open = [];
		this.#openBytes = 0;
	}
}
