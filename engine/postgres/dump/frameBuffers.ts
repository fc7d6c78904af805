/** Raw bytes of a frame. Large enough to compress well, small enough that a restore of one table reads little more. */
export const FRAME_SIZE = 8 * 1024 * 1024;

/**
 * The buffers of one dump, used again and again: fresh ones for every frame would keep the garbage collector of the whole
 * process busy. Their number bounds what a dump holds in memory, and the want of one is what makes the server wait.
 */
export class FrameBuffers {
	readonly #free: Buffer[] = [];
	readonly #waiting: Array<{ resolve: (buffer: Buffer) => void; reject: (error: unknown) => void }> = [];
	#made = 0;
	#failure: { error: unknown } | undefined;

	constructor(readonly limit: number) {}

	/** A buffer of FRAME_SIZE, at once where one is free. Throws what `fail` was told. */
	take(): Buffer | Promise<Buffer> {
		if (this.#failure) throw this.#failure.error;
		const free = this.#free.pop();
		if (free) return free;
		if (this.#made < this.limit) {
			this.#made++;
			return Buffer.allocUnsafeSlow(FRAME_SIZE);
		}
		return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
	}

	give(buffer: Buffer): void {
		const next = this.#waiting.shift();
		if (next) next.resolve(buffer);
		else this.#free.push(buffer);
	}

	/** Ends the wait of all who wait for a buffer, now and later: the archive takes no more. */
	fail(error: unknown): void {
		this.#failure ??= { error };
		for (const { reject } of this.#waiting.splice(0)) reject(error);
	}
}
