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
