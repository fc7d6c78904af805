/**
 * Stands between a reader, which unpacks content, and the check of that content. The check takes chunk after chunk. What it
 * leaves, because it ended or failed, is read by `finish`, so that the reader always comes to its end, where it compares the
 * hash of the whole file. Failures of the reader are kept apart from those of the check, and so is the time of each.
 */
export class ContentSource {
	rawBytes = 0;
	/** Milliseconds spent in waiting for the reader. */
	waited = 0;
	/** The error that the reader has ended with. */
	failure: { error: unknown } | undefined;
	/** The content, for the check. Leaving the iteration early does not end the reading. */
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
			// The error is kept in `failure`.
		}
	}
}
