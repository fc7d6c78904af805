/**
 * The memory of an upload. Parts live in buffers that are handed out until the budget is used up and are used again
 * when they come back, so an upload holds a bounded number of bytes, independent of garbage collection.
 */
export class PartBuffers {
	#bytesOut = 0;
	#buffersOut = 0;
	#spare: Buffer[] = [];
	#waiting: (() => void)[] = [];

	/** @param budget bytes; parts larger than half of it still get two buffers, to fill one and send one */
	constructor(private readonly budget: number) {}

	/** Buffers that are being filled or sent. */
	get inUse(): number {
		return this.#buffersOut;
	}

	/** Waits until the budget has room for a buffer of the size. One caller at a time. */
	async acquire(size: number): Promise<Buffer> {
		while (this.#buffersOut >= 2 && this.#bytesOut + size > this.budget) {
			await new Promise<void>((resolve) => this.#waiting.push(resolve));
		}
		this.#bytesOut += size;
		this.#buffersOut++;
		this.#spare = this.#spare.filter((buffer) => buffer.length === size);
		return this.#spare.pop() ?? Buffer.allocUnsafeSlow(size);
	}

	/** Takes a buffer back; its content may be overwritten from now on. */
	release(buffer: Buffer): void {
		this.#bytesOut -= buffer.length;
		this.#buffersOut--;
		this.#spare.push(buffer);
		for (const resolve of this.#waiting.splice(0)) resolve();
	}
}
