/**
 * Hands a stream on while it is being checked: a chunk goes on once the check has taken in all of it, and the last one once
 * the check has come to its end. So whatever is wrong with a chunk is known before anybody sees it.
 * @param check Reads what it is given to its end; it is called once. Where the stream is not read to its end, it fails.
 * @param assertGood Throws where the check has found something.
 * @throws what the stream and the check throw
 */
export async function* checkedStream(
	stream: AsyncIterable<Buffer>,
	check: (bytes: AsyncIterable<Uint8Array>) => Promise<void>,
	assertGood: () => void,
): AsyncGenerator<Buffer, void, undefined> {
	const handover = new Handover();
	const verdict = check(handover.bytes());
	// Its error is met below, once all has been handed over; nobody else waits for it.
	const settled = verdict.catch(() => {});
	let last: Buffer | undefined;
	let complete = false;
	try {
		for await (const chunk of stream) {
			await Promise.race([handover.give(chunk), settled]);
			assertGood();
			if (last) yield last;
			last = chunk;
		}
		complete = true;
	} finally {
		handover.end(complete);
	}
	await verdict;
	assertGood();
	if (last) yield last;
}

/** Passes chunks to one reader. */
class Handover {
	#chunk: Uint8Array | undefined;
	#ended: 'complete' | 'early' | undefined;
	#wake = () => {};
	#taken = () => {};

	/** Resolves once the reader asks for the chunk after this one. */
	async give(chunk: Uint8Array): Promise<void> {
		const taken = new Promise<void>((resolve) => (this.#taken = resolve));
		this.#chunk = chunk;
		this.#wake();
		await taken;
	}

	end(complete: boolean): void {
		this.#ended = complete ? 'complete' : 'early';
		this.#wake();
	}

	async *bytes(): AsyncGenerator<Uint8Array, void, undefined> {
		for (;;) {
			const chunk = this.#chunk;
			if (chunk) {
				this.#chunk = undefined;
				yield chunk;
				this.#taken();
			} else if (this.#ended === 'complete') return;
			else if (this.#ended) throw new Error('The rest was not read.');
			else await new Promise<void>((resolve) => (this.#wake = resolve));
		}
	}
}
