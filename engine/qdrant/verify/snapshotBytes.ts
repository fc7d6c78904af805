import { createHash } from 'node:crypto';

/**
 * Hashes and counts the bytes of a snapshot while they pass to its check. Where damage stops the check, `finish` reads the rest,
 * so that the hash always covers the whole snapshot.
 */
export class SnapshotBytes {
	size = 0;
	/** The bytes for the check. Where the check stops early, the source stays open. */
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

	/**
	 * Reads what is left.
	 * @returns the SHA-256 of the whole snapshot, in hex
	 * @throws what the source throws
	 */
	async finish(): Promise<string> {
		while (!(await this.#next()).done);
		return this.#hash.digest('hex');
	}
}
