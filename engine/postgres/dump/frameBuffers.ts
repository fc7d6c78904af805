import { frameBytes, type FrameSizes } from '../../archive';
import { release } from '../../storage/lent';

const MEBIBYTE = 1024 * 1024;

/** What all buffers of a dump may take together, as long as each connection has one to fill and there is one more. */
const BUDGET_MIB = 128;

/** Large enough to compress well, small enough that a restore of one table reads little more. */
const SMALLEST_MIB = 8;
/** Each frame is in memory several times: as rows, in the compressor, and on its way to the storage. */
const LARGEST_MIB = 12;

/** Raw bytes of the frames of a dump. The more connections fill one at a time, the less frames grow with the archive. */
export function frameSizesFor(parallel: number): FrameSizes {
	const share = Math.floor(BUDGET_MIB / (2 * parallel));
	const largest = Math.min(LARGEST_MIB, Math.max(SMALLEST_MIB, share));
	return { smallest: frameBytes(SMALLEST_MIB), largest: frameBytes(largest) };
}

/**
 * The buffers of one dump, used again and again: fresh ones for every frame would keep the garbage collector of the whole
 * process busy. Their bytes bound what a dump holds in memory, and the want of one is what makes the server wait.
 */
export class FrameBuffers {
	readonly #free: Buffer[] = [];
	readonly #waiting: Array<{ size: number; resolve: (buffer: Buffer) => void; reject: (error: unknown) => void }> = [];
	#made = 0;
	#failure: { error: unknown } | undefined;

	readonly sizes: FrameSizes;
	/** As many as may be made: two for each connection, one of which is compressed while it fills the other. */
	readonly limit: number;

	/** @param parallel connections that fill buffers at once */
	constructor(parallel: number) {
		this.sizes = frameSizesFor(parallel);
		const affordable = Math.floor((BUDGET_MIB * MEBIBYTE) / this.sizes.largest);
		this.limit = Math.min(2 * parallel, Math.max(parallel + 1, affordable));
	}

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

	/** Frees those that nobody fills and nothing compresses. No more are taken, and what is given back later is left to the garbage collector. */
	close(): void {
		for (const buffer of this.#free.splice(0)) release(buffer);
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
