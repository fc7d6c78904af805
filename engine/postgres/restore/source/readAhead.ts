/**
 * Asks for the next item while the one before it is being worked on.
 * @param items is called with a signal that ends what was asked for and is no longer wanted
 * @param mayWait tells of an item that the next one may be asked for before this one has been used
 */
export async function* readAhead<T>(
	items: (signal: AbortSignal) => AsyncGenerator<T, void, undefined>,
	mayWait: (item: T) => boolean,
	signal?: AbortSignal,
): AsyncGenerator<T, void, undefined> {
	const controller = new AbortController();
	const iterator = items(signal ? AbortSignal.any([signal, controller.signal]) : controller.signal);
	const ask = () => {
		const asked = iterator.next();
		// Whoever waits for it meets its error; an item that nobody waits for any more must not end the process.
		asked.catch(() => {});
		return asked;
	};
	let next: Promise<IteratorResult<T, void>> | undefined;
	try {
		for (;;) {
			const item = await (next ?? ask());
			if (item.done) return;
			next = mayWait(item.value) ? ask() : undefined;
			yield item.value;
		}
	} finally {
		controller.abort();
		await iterator.return().catch(() => {});
	}
}
