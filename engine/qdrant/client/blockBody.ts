/** Blocks that wait for the reader before the socket is paused. */
const MAX_WAITING = 4;
/** A reader waits so many milliseconds for a whole block. Then it gets the part that has come: the server may send no more for now. */
const PART_AFTER_MS = 100;

interface Waiting {
	resolve: (result: IteratorResult<Uint8Array>) => void;
	reject: (error: unknown) => void;
	since: number;
	timer: NodeJS.Timeout;
}

/** The body of an answer, of the length that its head stated: a queue of blocks between a BlockSocket and one reader. */
export class BlockBody implements AsyncIterableIterator<Uint8Array> {
	/** Bytes that have not come yet. */
	missing: number;
	#queue: Uint8Array[] = [];
	#failure: { error: unknown } | undefined;
	#waiting: Waiting | undefined;

	/** @param socket The connection, which is asked to go on reading, to add a part of a block, and to close when nobody reads any further. */
	constructor(
		length: number,
		private readonly socket: { goOn: () => void; addPart: () => void; destroy: (error?: Error) => void },
	) {
		this.missing = length;
	}

	/** Whether all of it came. */
	get complete(): boolean {
		return this.missing === 0;
	}

	/** Whether the reader has waited long enough to be given less than a block. */
	get wantsPart(): boolean {
		return this.#waiting !== undefined && performance.now() - this.#waiting.since > PART_AFTER_MS;
	}

	/** Hands over bytes that will not be changed any more; tells whether there is room for more. */
	add(bytes: Uint8Array): boolean {
		this.missing -= bytes.length;
		if (bytes.length > 0) this.#queue.push(bytes);
		this.#serve();
		return this.#queue.length < MAX_WAITING;
	}

	/** Nothing more will come: after what waits, the reader gets the error, or the end where the body is complete. */
	fail(error: unknown): void {
		this.#failure ??= { error };
		this.#serve();
	}

	next(): Promise<IteratorResult<Uint8Array>> {
		return new Promise((resolve, reject) => {
			const timer = setTimeout(() => this.socket.addPart(), PART_AFTER_MS);
			this.#waiting = { resolve, reject, since: performance.now(), timer };
			this.#serve();
		});
	}

	return(): Promise<IteratorResult<Uint8Array>> {
		this.destroy();
		return Promise.resolve({ done: true, value: undefined });
	}

	/** Closes the connection; a reader that waits gets the error. */
	destroy(error?: Error): void {
		this.socket.destroy(error);
	}

	[Symbol.asyncIterator](): this {
		return this;
	}

	#serve(): void {
		if (!this.#waiting) return;
		const { resolve, reject, timer } = this.#waiting;
		const bytes = this.#queue.shift();
		if (bytes) resolve({ done: false, value: bytes });
		else if (this.complete) resolve({ done: true, value: undefined });
		else if (this.#failure) reject(this.#failure.error);
		else return;
		this.#waiting = undefined;
		clearTimeout(timer);
		if (bytes && !this.complete) this.socket.goOn();
	}
}
