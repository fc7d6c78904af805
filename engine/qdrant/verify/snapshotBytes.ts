import { createHash } from 'node:crypto';

/**
 * A snapshot on its way to its check, hashed and counted as it passes. The check may leave it where damage stops it: the
 * rest is read by `finish`, so that the hash is always of the whole.
 */
export class SnapshotBytes {
	size = 0;
	/** For the check; leaving it early does not end the reading. */
	readonly bytes: AsyncIterable<Uint8Array> = { [Symbol.asyncIterator]: () => ({ next: () => this.#next() }) };
	readonly #source: AsyncIterator<Uint8Array>;
	readonly #hash = createHash('sha256');

	constructor(source: AsyncIterable<Uint8Array>) {
		this.#source = source[Symbol.asyncIterator]();
	}

	async #next(): Promise<IteratorResult<Uint8Array>> {
		const result = await this.#source.next();
		if (!result.done) {
			this.size += result.value.length;
			this.#hash.update(result.value);
		}
		return result;
	}

	/** Reads whatever is left; the SHA-256 of all of it, in hex. Throws what the source throws. */
	async finish(): Promise<string> {
		while (!(await this.#next()).done);
		return this.#hash.digest('hex');
	}
}
