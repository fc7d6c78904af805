import { giveBack } from '../storage/lent';

/** Thrown by a ByteCursor whose source ends before what was asked for. */
export class EndedEarly extends Error {
	override readonly message = 'it ends too early';
}

/**
 * Reads a stream by exact lengths, without copying more than it must: `take` copies the chunks that it spans into one
 * buffer, `pass` hands them on as slices. One reader at a time. At most the rest of one chunk of the source waits here.
 *
 * A source may lend its chunks (storage/lent.ts). A chunk of which only `takeInto` has read is given back when the next one
 * is asked for. Of others slices are with the cursor's reader, and they are left to the garbage collector; but a reader that
 * never touches a slice again once it asks for the next one says so by `releasesSlices`.
 */
export class ByteCursor {
	/** Offset of the next byte. */
	position: number;
	/** Whether slices of a chunk are no longer in use when the chunk after it is asked for. */
	releasesSlices = false;
	readonly #source: AsyncIterator<Uint8Array>;
	/** The chunk that the rest is of, and whether the cursor's reader has slices of it. */
	#chunk: Uint8Array | undefined;
	#isShared = false;
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

	/** Fills a buffer with the next bytes, and returns it. Throws EndedEarly. */
	async takeInto(buffer: Uint8Array): Promise<Uint8Array> {
		for (let used = 0; used < buffer.length;) {
			const bytes = (await this.#fill())?.subarray(0, buffer.length - used);
			if (!bytes) throw new EndedEarly();
			buffer.set(bytes, used);
			used += bytes.length;
			this.skip(bytes.length);
		}
		return buffer;
	}

	/** Reads on to an offset. Throws EndedEarly. */
	async skipTo(offset: number): Promise<void> {
		for await (const chunk of this.pass(offset - this.position)) void chunk;
	}

	/** Whether the source has no more bytes. */
	async atEnd(): Promise<boolean> {
		return (await this.#fill()) === undefined;
	}

	/** What can be read next without waiting, at least a byte; undefined at the end. It stays to be read. */
	async peek(): Promise<Uint8Array | undefined> {
		const rest = await this.#fill();
		this.#isShared = true;
		return rest;
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

	/** What is left of the present chunk, or the next one. */
	async #fill(): Promise<Uint8Array | undefined> {
		while (this.#rest.length === 0) {
			if (this.#chunk && (!this.#isShared || this.releasesSlices)) giveBack(this.#chunk);
			this.#chunk = undefined;
			const result = await this.#source.next();
			if (result.done) return undefined;
			this.#chunk = this.#rest = result.value;
			this.#isShared = false;
		}
		return this.#rest;
	}

	async #next(limit: number): Promise<Uint8Array | undefined> {
		const chunk = (await this.peek())?.subarray(0, limit);
		if (chunk) this.skip(chunk.length);
		return chunk;
	}
}
