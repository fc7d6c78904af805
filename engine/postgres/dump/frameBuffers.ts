import { frameBytes, type FrameSizes } from '../../archive';

/**
 * Raw bytes of a frame: large enough to compress well, small enough that a restore of one table reads little more, and that
 * several are in memory at once.
 */
export const FRAME_SIZES: FrameSizes = { smallest: frameBytes(8), largest: frameBytes(32) };

/**
 * The buffers of one dump, used again and again: fresh ones for every frame would keep the garbage collector of the whole
 * process busy. Their number bounds what a dump holds in memory, and the want of one is what makes the server wait.
 */
export class FrameBuffers {
	readonly #free: Buffer[] = [];
	readonly #waiting: Array<{ size: number; resolve: (buffer: Buffer) => void; reject: (error: unknown) => void }> = [];
	#made = 0;
	#failure: { error: unknown } | undefined;

	constructor(readonly limit: number) {}

	/**
	 * A buffer of at least so many bytes, at once where one is free. Frames grow with the archive, so a smaller one of before
	 * is replaced. Throws what `fail` was called with.
	 */
	take(size: number): Buffer | Promise<Buffer> {
		if (this.#failure) throw this.#failure.error;
		const free = this.#free.pop();
		if (free) return largeEnough(free, size);
		if (this.#made < this.limit) {
			this.#made++;
			return Buffer.allocUnsafeSlow(size);
		}
		return new Promise((resolve, reject) => this.#waiting.push({ size, resolve, reject }));
	}

	give(buffer: Buffer): void {
		const next = this.#waiting.shift();
		if (next) next.resolve(largeEnough(buffer, next.size));
		else this.#free.push(buffer);
	}

	/** Ends the wait of all who wait for a buffer, now and later: the archive takes no more. */
	fail(error: unknown): void {
		this.#failure ??= { error };
		for (const { reject } of this.#waiting.splice(0)) reject(error);
	}
}

function largeEnough(buffer: Buffer, size: number): Buffer {
	return buffer.length >= size ? buffer : Buffer.allocUnsafeSlow(size);
}
