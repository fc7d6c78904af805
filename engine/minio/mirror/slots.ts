/** Room for what goes on at once: so many actions, with so many bytes of memory together. */
export class Slots {
	#count = 0;
	#bytes = 0;
	#waiting: (() => void)[] = [];

	constructor(
		private readonly most: number,
		private readonly mostBytes: number,
	) {}

	/** Waits for room. What is larger than all of it gets it alone. @returns what gives it back, at the first call */
	async acquire(bytes: number): Promise<() => void> {
		while (this.#count > 0 && (this.#count >= this.most || this.#bytes + bytes > this.mostBytes)) {
			await new Promise<void>((resolve) => this.#waiting.push(resolve));
		}
		this.#count++;
		this.#bytes += bytes;
		let isOut = true;
		return () => {
			if (!isOut) return;
			isOut = false;
			this.#count--;
			this.#bytes -= bytes;
			for (const resolve of this.#waiting.splice(0)) resolve();
		};
	}
}
