/** Thrown by a ByteCursor whose source ends before what was asked for. */
export class EndedEarly extends Error {
	override readonly message = 'it ends too early';
}

/**
 * Reads a stream by exact lengths, without copying more than it must: `take` joins the chunks it spans, `pass` hands
 * them on as slices. One reader at a time. At most the rest of one chunk of the source waits here.
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

	/** The next `length` bytes as one buffer. Throws EndedEarly. */
	async take(length: number): Promise<Uint8Array> {
		const chunks: Uint8Array[] = [];
		for await (const chunk of this.pass(length)) chunks.push(chunk);
		return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length);
	}

	/** Reads on to an offset. Throws EndedEarly. */
	async skipTo(offset: number): Promise<void> {
		for await (const chunk of this.pass(offset - this.position)) void chunk;
	}

	/** Whether the source has no more bytes. */
	async atEnd(): Promise<boolean> {
		const chunk = await this.#next(Infinity);
		if (chunk === undefined) return true;
		this.position -= chunk.length;
		this.#rest = chunk;
		return false;
	}

	/** Ends the source; needed where it was not read to its end. */
	async close(): Promise<void> {
		await this.#source.return?.();
	}

	async #next(limit: number): Promise<Uint8Array | undefined> {
		while (this.#rest.length === 0) {
			const result = await this.#source.next();
			if (result.done) return undefined;
			this.#rest = result.value;
		}
		const chunk = this.#rest.subarray(0, limit);
		this.#rest = this.#rest.subarray(chunk.length);
		this.position += chunk.length;
		return chunk;
	}
}
