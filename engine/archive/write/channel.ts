/**
 * The joint between the frames and the storage. Writers push buffers, one reader (the storage, through the encryption
 * where there is one) pulls them. Nothing is copied. A push resolves as soon as the bytes waiting are within the
 * limit again, so at most the limit and one buffer more wait here.
 */
export class ByteChannel implements AsyncIterable<Uint8Array> {
	readonly #limit: number;
	#queue: Uint8Array[] = [];
	#bytes = 0;
	#state: 'open' | 'ended' | 'destroyed' = 'open';
	#error: unknown;
	#wakeReader: (() => void) | undefined;
	#wakeWriters: (() => void)[] = [];

	/** @param limit Bytes that may wait before a push has to. */
	constructor(limit: number) {
		this.#limit = limit;
	}

	/** Hands over a buffer, which must not be changed afterwards; resolves when there is room for more. */
	async push(chunk: Uint8Array): Promise<void> {
		this.throwIfDestroyed();
		if (chunk.length === 0) return;
		this.#queue.push(chunk);
		this.#bytes += chunk.length;
		this.#wakeReader?.();
		while (this.#bytes > this.#limit) {
			this.throwIfDestroyed();
			await new Promise<void>((resolve) => this.#wakeWriters.push(resolve));
		}
		this.throwIfDestroyed();
	}

	/** Nothing more will be pushed: the reader gets what waits, then the end. */
	end(): void {
		if (this.#state === 'open') this.#state = 'ended';
		this.#wakeReader?.();
	}

	/** Drops what waits; the reader and every push fail with this error. */
	destroy(error: unknown): void {
		if (this.#state === 'destroyed') return;
		this.#state = 'destroyed';
		this.#error = error;
		this.#queue = [];
		this.#wakeReader?.();
		this.#wakeAllWriters();
	}

	/** For one reader. Where it leaves early, the owner has to destroy the channel, or writers wait for ever. */
	async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
		for (;;) {
			this.throwIfDestroyed();
			const chunk = this.#queue.shift();
			if (chunk === undefined) {
				if (this.#state === 'ended') return;
				await new Promise<void>((resolve) => (this.#wakeReader = resolve));
				this.#wakeReader = undefined;
				continue;
			}
			this.#bytes -= chunk.length;
			if (this.#bytes <= this.#limit) this.#wakeAllWriters();
			yield chunk;
		}
	}

	#wakeAllWriters(): void {
		for (const wake of this.#wakeWriters.splice(0)) wake();
	}

	/** Throws what the channel was destroyed with, if it was. */
	throwIfDestroyed(): void {
		if (this.#state === 'destroyed') throw this.#error;
	}
}
