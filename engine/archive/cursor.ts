/** Thrown by a ByteCursor whose source ends before what was asked for. */
export class EndedEarly extends Error {
	override readonly message = 'it ends too early';
}

/**
 * Reads a stream by exact lengths, without copying more than it must: `take` copies the chunks that it spans into one
 * buffer, `pass` hands them on as slices. One reader at a time. At most the rest of one chunk of the source waits here.
 */
export class ByteCursor {
	/** Offset of the next byte. */
	position: number;
	readonly #source: AsyncIterator<Uint8Array>;
	#rest: Uint8Array = new Uint8Array(0);

	/** @param position Offset of the source's first byte. */
	constructor(source: AsyncIterable<Uint8Array>, position = 0) {
		this.#source = source[Symbol.asyncIterator]();
		this.position = position;
	}

	/** The next `length` bytes as chunks. Throws EndedEarly. */
	async *pass(length: number): AsyncGenerator<Uint8Array> {
		for (let wanted = length; wanted > 0;) {
			const chunk = await this.#next(wanted);
			if (chunk === undefined) throw new EndedEarly();
			wanted -= chunk.length;
			yield chunk;
		}
	}

	/** All bytes that are left, as chunks. */
	async *remainder(): AsyncGenerator<Uint8Array> {
		for (let chunk = await this.#next(Infinity); chunk; chunk = await this.#next(Infinity)) yield chunk;
	}

	/** The next `length` bytes as one buffer, which is allocated for all of them at once. Throws EndedEarly. */
	async take(length: number): Promise<Uint8Array> {
		if (length === 0) return new Uint8Array(0);
		const first = await this.#next(length);
		if (first?.length === length) return first;
		const whole = Buffer.allocUnsafeSlow(length);
		let used = 0;
		for (let chunk = first; chunk; chunk = await this.#next(length - used)) {
			whole.set(chunk, used);
			used += chunk.length;
			if (used === length) return whole;
		}
		throw new EndedEarly();
	}

	/** Reads on to an offset. Throws EndedEarly. */
	async skipTo(offset: number): Promise<void> {
		for await (const chunk of this.pass(offset - this.position)) void chunk;
	}

	/** Whether the source has no more bytes. */
	async atEnd(): Promise<boolean> {
		return (await this.peek()) === undefined;
	}

	/** What can be read next without waiting, at least a byte; undefined at the end. It stays to be read. */
	async peek(): Promise<Uint8Array | undefined> {
		while (this.#rest.length === 0) {
			const result = await this.#source.next();
			if (result.done) return undefined;
			this.#rest = result.value;
		}
		return this.#rest;
	}

	/** Passes over bytes that `peek` has returned. */
	skip(length: number): void {
		this.#rest = this.#rest.subarray(length);
		this.position += length;
	}

	/** Ends the source; needed where it was not read to its end. */
	async close(): Promise<void> {
		await this.#source.return?.();
	}

	async #next(limit: number): Promise<Uint8Array | undefined> {
		const chunk = (await this.peek())?.subarray(0, limit);
		if (chunk) this.skip(chunk.length);
		return chunk;
	}
}
