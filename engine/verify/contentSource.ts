/**
 * Unpacked content on its way to a check. How bytes move through: the check takes chunk after chunk; what it
 * leaves, because it ended or failed, `finish` reads, so that the reader always comes to its end, where it has compared
 * the hash of the whole file. Told apart are failures of the reader and those of the check, and the time of each.
 */
export class ContentSource {
	rawBytes = 0;
	/** Milliseconds spent in waiting for the reader. */
	waited = 0;
	/** What the reader has ended with. */
	failure: { error: unknown } | undefined;
	/** For the check; leaving it early does not end the reading. */
	readonly bytes: AsyncIterable<Uint8Array> = { [Symbol.asyncIterator]: () => ({ next: () => this.#next() }) };
	readonly #input: AsyncIterator<Uint8Array>;

	/** @param source ends with the error of whoever unpacks it */
	constructor(source: AsyncIterable<Uint8Array>) {
		this.#input = source[Symbol.asyncIterator]();
	}

	async #next(): Promise<IteratorResult<Uint8Array>> {
		if (this.failure) throw this.failure.error;
		const begun = performance.now();
		try {
			const result = await this.#input.next();
			if (!result.done) this.rawBytes += result.value.length;
			return result;
		} catch (error) {
			this.failure = { error };
			throw error;
		} finally {
			this.waited += performance.now() - begun;
		}
	}

	/** Reads whatever is left. Never throws: see `failure`. */
	async finish(): Promise<void> {
		try {
			while (!(await this.#next()).done);
		} catch {
			// Kept as the failure.
		}
	}
}
