/**
 * What openpgp.js (6.3.2) reads while it looks for the beginning of an encrypted content. It parses what it decrypts before
 * anything has proved that the session key was right. Where the first packet that comes out carries data but is of no kind
 * that it accepts, as noise under a wrong key and damaged bytes now and then have it, it either waits for ever, since it
 * hands that packet's content to a stream that nobody reads, or collects the whole message in memory before it refuses it.
 */

/** Far more than what comes before the content: packets for recipients and signers have some hundred bytes each. */
const MAX_BYTES = 16 * 1024 * 1024;
/** A file may come as one chunk; what openpgp.js asks for while it looks ahead is counted in pieces. */
const SLICE_BYTES = 1024 * 1024;
/** Seconds without asking for more. To decrypt and parse what it has takes milliseconds. */
const PATIENCE_SECONDS = 5;

export class OpenpgpSource {
	readonly #source: AsyncIterator<Uint8Array>;
	#rest: Uint8Array = new Uint8Array();
	#bytes = 0;
	#isAsking = false;
	#hasBegun = false;
	#failure: { error: Error } | undefined;
	#onFailure = () => {};

	/** @param source Only its `next` is called, and never its `return`, so that its owner can go on reading it. */
	constructor(source: AsyncIterator<Uint8Array>) {
		this.#source = source;
	}

	/** What the source has failed with; openpgp.js passes it on in words of its own, or not at all. */
	get failure(): { error: Error } | undefined {
		return this.#failure;
	}

	async next(): Promise<IteratorResult<Uint8Array>> {
		if (!this.#hasBegun && this.#bytes > MAX_BYTES) throw new Error(`No content begins within ${MAX_BYTES} bytes.`);
		if (this.#rest.length === 0) {
			const result = await this.#ask();
			if (result.done) return result;
			this.#rest = result.value;
		}
		const value = this.#rest.subarray(0, SLICE_BYTES);
		this.#rest = this.#rest.subarray(SLICE_BYTES);
		this.#bytes += value.length;
		return { done: false, value };
	}

	/** As the promise of the content's beginning; rejects where that never comes, and when the source fails. */
	async begin<T>(beginning: Promise<T>): Promise<T> {
		let timer: NodeJS.Timeout | undefined;
		let idle = 0;
		const stuck = new Promise<never>((_, reject) => {
			this.#onFailure = () => {
				if (this.#failure) reject(this.#failure.error);
			};
			this.#onFailure();
			// Counted and not measured: a process that was paused or busy has not waited for openpgp.js.
			timer = setInterval(() => {
				idle = this.#isAsking ? 0 : idle + 1;
				if (idle >= PATIENCE_SECONDS) reject(new Error('No content begins where it should.'));
			}, 1000);
		});
		try {
			const content = await Promise.race([stuck, beginning]);
			this.#hasBegun = true;
			return content;
		} finally {
			clearInterval(timer);
			this.#onFailure = () => {};
		}
	}

	async #ask(): Promise<IteratorResult<Uint8Array>> {
		this.#isAsking = true;
		try {
			return await this.#source.next();
		} catch (error) {
			this.#failure = { error: error as Error };
			this.#onFailure();
			throw error;
		} finally {
			this.#isAsking = false;
		}
	}
}
