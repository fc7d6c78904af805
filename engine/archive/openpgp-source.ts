/**
 * What openpgp.js (6.3.2) reads while it looks for the beginning of an encrypted content. It parses what it decrypts before
 * anything has proved that the session key was right. Where the first packet that comes out carries data but is of no kind
 * that it accepts, as noise under a wrong key and damaged bytes now and then have it, it either waits for ever, since it
 * hands that packet's content to a stream that nobody reads, or collects the whole message in memory before it refuses it.
 */

/** Far more than what comes before the content: packets for recipients and signers have some hundred bytes each. */
const MAX_BYTES = 16 * 1024 * 1024;
/** Seconds without asking for more. To decrypt and parse what it has takes milliseconds. */
const PATIENCE_SECONDS = 5;

export class OpenpgpSource {
	readonly #source: AsyncIterator<Uint8Array>;
	#bytes = 0;
	#isAsking = false;
	#hasBegun = false;

	/** @param source Read by `next` alone and never told to end, so that its owner can go on reading it. */
	constructor(source: AsyncIterator<Uint8Array>) {
		this.#source = source;
	}

	async next(): Promise<IteratorResult<Uint8Array>> {
		if (!this.#hasBegun && this.#bytes > MAX_BYTES) throw new Error(`No content begins within ${MAX_BYTES} bytes.`);
		this.#isAsking = true;
		const result = await this.#source.next();
		this.#isAsking = false;
		this.#bytes += result.done ? 0 : result.value.length;
		return result;
	}

	/** As the promise of the content's beginning; rejects where that never comes. */
	async begin<T>(beginning: Promise<T>): Promise<T> {
		let timer: NodeJS.Timeout | undefined;
		let idle = 0;
		const stuck = new Promise<never>((_, reject) => {
			// Counted and not measured: a process that was paused or busy has not waited for openpgp.js.
			timer = setInterval(() => {
				idle = this.#isAsking ? 0 : idle + 1;
				if (idle > PATIENCE_SECONDS) reject(new Error('No content begins where it should.'));
			}, 1000);
		});
		try {
			const content = await Promise.race([beginning, stuck]);
			this.#hasBegun = true;
			return content;
		} finally {
			clearInterval(timer);
		}
	}
}
