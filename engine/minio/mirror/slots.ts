/** What an action has been given. */
export interface Slot {
	/** Another action may begin, while this one still holds its memory. */
	leave(): void;
	/** Gives all of it back; to be called in any case, once or more often. */
	release(): void;
}

/** So many times as many as act may hold memory: 64 by default, which are written together. More of them would only wait, and what waits outlives collections. */
const HOLDERS = 4;

/** Room for what goes on at once: so many actions, with so many bytes of memory together. */
export class Slots {
	#count = 0;
	#holders = 0;
	#bytes = 0;
	#waiting: (() => void)[] = [];

	constructor(
		private readonly most: number,
		private readonly mostBytes: number,
	) {}

	/** Waits for room. What is larger than all of it gets it alone. */
	async acquire(bytes: number): Promise<Slot> {
		while (!this.#hasRoomFor(bytes)) await new Promise<void>((resolve) => this.#waiting.push(resolve));
		this.#count++;
		this.#holders++;
		this.#bytes += bytes;
		let [isCounted, isHeld] = [true, true];
		const leave = () => {
			if (!isCounted) return;
			isCounted = false;
			this.#count--;
			this.#wake();
		};
		const release = () => {
			if (!isHeld) return;
			isHeld = false;
			this.#holders--;
			this.#bytes -= bytes;
			leave();
			this.#wake();
		};
		return { leave, release };
	}

	#hasRoomFor(bytes: number): boolean {
		if (this.#holders === 0) return true;
		const isFull = this.#count >= this.most || this.#holders >= HOLDERS * this.most;
		return !isFull && this.#bytes + bytes <= this.mostBytes;
	}

	#wake(): void {
		for (const resolve of this.#waiting.splice(0)) resolve();
	}
}
