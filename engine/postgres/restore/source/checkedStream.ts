/**
 * Hands a stream on while it is being checked: a chunk goes on once the check has taken in all of it, and the last one once
 * the check has come to its end. So whatever is wrong with a chunk is known before anybody sees it.
 * @param check Reads what it is given to its end; it is called once. It fails where the stream is not read to its end.
 * @param assertGood Throws where the check has found something.
 * @throws what the stream and the check throw, at once; Error where the check ends before it has read all
 */
export async function* checkedStream(
	stream: AsyncIterable<Buffer>,
	check: (bytes: AsyncIterable<Uint8Array>) => Promise<void>,
	assertGood: () => void,
): AsyncGenerator<Buffer, void, undefined> {
	const handover = new Handover();
	const verdict = check(handover.bytes());
	verdict.then(
		() => handover.refuse(endedEarly()),
		(error: unknown) => handover.refuse(error),
	);
	let last: Buffer | undefined;
	let complete = false;
	try {
		for await (const chunk of stream) {
			try {
				await handover.give(chunk);
			} finally {
				// What the check has found says more than that it has ended.
				assertGood();
			}
			if (last) yield last;
			last = chunk;
		}
		complete = true;
	} finally {
		handover.end(complete);
	}
	await verdict;
	assertGood();
	if (!handover.wasReadToEnd) throw endedEarly();
	if (last) yield last;
}

function endedEarly(): Error {
	return new Error('The check ended before it had read all.');
}

/**
 * Passes chunks to one reader. Each chunk waits on a promise of its own: racing every chunk against the one promise of the
 * check would make that promise collect a reaction per chunk.
 */
class Handover {
	/** The reader has asked for more after the last chunk, so it knows that there is none. */
	wasReadToEnd = false;
	#chunk: Uint8Array | undefined;
	#ended: 'complete' | 'early' | undefined;
	#refusal: { error: unknown } | undefined;
	#wake = () => {};
	#taken = () => {};
	#refused = (_error: unknown) => {};

	/** Resolves once the reader asks for the chunk after this one. @throws the error of `refuse` */
	async give(chunk: Uint8Array): Promise<void> {
		await new Promise<void>((resolve, reject) => {
			if (this.#refusal) throw this.#refusal.error;
			this.#taken = resolve;
			this.#refused = reject;
			this.#chunk = chunk;
			this.#wake();
		});
	}

	/** The reader takes no more chunks: the one that it was given fails, and so does every later one. */
	refuse(error: unknown): void {
		this.#refusal = { error };
		this.#refused(error);
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
			} else if (this.#ended === 'complete') {
				this.wasReadToEnd = true;
				return;
			} else if (this.#ended) throw new Error('The rest was not read.');
			else await new Promise<void>((resolve) => (this.#wake = resolve));
		}
	}
}
