/** How many archives are under way at once, and how they share what is asked of the target for each. */

const MIB = 1024 * 1024;

/**
 * How many of the places for large archives one takes. A small one needs less memory, and most of its time goes by waiting for answers:
 * so more of them are under way together.
 * @param size bytes of the archive
 */
export function placesOf(size: number): number {
	if (size <= MIB) return 1 / 8;
	return size <= 16 * MIB ? 1 / 2 : 1;
}

/**
 * A question that many ask at the same time, and that is asked anew for each of them: whoever comes while one is under way waits for the
 * next, which all who wait share. So none gets an answer to a question that was asked before he came.
 * @throws what the question throws, to all who share it
 */
export function shared(ask: () => Promise<void>): () => Promise<void> {
	let current: Promise<void> | undefined;
	let following: Promise<void> | undefined;
	const begin = (): Promise<void> => {
		following = undefined;
		current = ask().finally(() => (current = undefined));
		return current;
	};
	return async () => {
		if (!current) return await begin();
		following ??= current.then(begin, begin);
		await following;
	};
}
