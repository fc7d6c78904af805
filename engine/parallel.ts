/**
 * Does something with each item, a bounded number of them at once.
 * @param width how many at once
 * @throws what the first failure was: nothing new is begun after it, and what was begun is over
 */
export async function inParallel<T>(
	items: Iterable<T>,
	width: number,
	action: (item: T) => Promise<void>,
): Promise<void> {
	const waiting = items[Symbol.iterator]();
	const failures: unknown[] = [];
	const work = async () => {
		for (let next = waiting.next(); !next.done && failures.length === 0; next = waiting.next()) {
			await action(next.value).catch((error: unknown) => failures.push(error));
		}
	};
	await Promise.all(Array.from({ length: width }, work));
	if (failures.length > 0) throw failures[0];
}

/**
 * What a function makes of each item, in the order of the items, a bounded number of them at once.
 * @param width how many at once
 * @throws as inParallel does
 */
export async function mapInParallel<T, R>(
	items: readonly T[],
	width: number,
	action: (item: T) => Promise<R>,
): Promise<R[]> {
	const results: R[] = Array.from({ length: items.length });
	await inParallel(items.entries(), width, async ([index, item]) => {
		results[index] = await action(item);
	});
	return results;
}

/**
 * Waits for all of some actions that have begun, also where one of them fails: so none goes on after its caller has cleaned up.
 * @throws the failure of the first in the list that has failed
 */
export async function allEnded<T extends ReadonlyArray<Promise<unknown>> | []>(
	begun: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
	await Promise.allSettled(begun);
	return await Promise.all(begun);
}

/**
 * Each item with what a function makes of it, in the order of the items, while the function is at work on those that follow.
 * @param width on how many at once
 * @throws what listing the items throws, and the function, in its turn
 */
export async function* aheadOf<T, R>(
	items: AsyncIterable<T>,
	width: number,
	action: (item: T) => Promise<R>,
): AsyncGenerator<[T, R]> {
	const begun: { item: T; result: Promise<R> }[] = [];
	try {
		for await (const item of items) {
			const result = action(item);
			// Whoever takes it meets the error.
			result.catch(() => {});
			begun.push({ item, result });
			const first = begun.length >= width ? begun.shift() : undefined;
			if (first) yield [first.item, await first.result];
		}
		for (let first = begun.shift(); first; first = begun.shift()) yield [first.item, await first.result];
	} finally {
		await Promise.allSettled(begun.map(({ result }) => result));
	}
}

/** Jobs that come one after the other, of which a bounded number run at once. */
export class Jobs {
	readonly #running = new Set<Promise<void>>();
	readonly #width: number;
	readonly #weight: number;
	#weighing = 0;
	/** Wakes who waits for room. */
	#onEnd: () => void = () => {};
	#failure: { error: unknown } | undefined;

	/** @param width how many at once; @param weight how much all of them may weigh together, where there is more than one */
	constructor(width: number, weight = Infinity) {
		this.#width = width;
		this.#weight = weight;
	}

	/**
	 * Begins a job once there is room for it; for one caller at a time.
	 * @returns what is to be waited for before the next is added; undefined where there was room
	 * @throws the first failure of those that were begun before
	 */
	add(job: () => Promise<void>, weight = 0): Promise<void> | undefined {
		if (!this.#hasRoomFor(weight)) return this.#addLater(job, weight);
		this.#begin(job, weight);
		return undefined;
	}

	async #addLater(job: () => Promise<void>, weight: number): Promise<void> {
		// Not a race, which would leave something with each of hundreds of jobs.
		while (!this.#hasRoomFor(weight)) await new Promise<void>((resolve) => (this.#onEnd = resolve));
		this.#begin(job, weight);
	}

	#hasRoomFor(weight: number): boolean {
		return this.#running.size === 0 || (this.#running.size < this.#width && this.#weighing + weight <= this.#weight);
	}

	#begin(job: () => Promise<void>, weight: number): void {
		this.#throwIfFailed();
		this.#weighing += weight;
		const end = () => {
			this.#weighing -= weight;
			this.#running.delete(running);
			this.#onEnd();
		};
		const running = job().then(end, (error: unknown) => {
			this.#failure ??= { error };
			end();
		});
		this.#running.add(running);
	}

	/** Waits for all. @throws the first failure */
	async end(): Promise<void> {
		await this.settle();
		this.#throwIfFailed();
	}

	/** Waits for all, however they end. */
	async settle(): Promise<void> {
		await Promise.all(this.#running);
	}

	#throwIfFailed(): void {
		if (this.#failure) throw this.#failure.error;
	}
}
