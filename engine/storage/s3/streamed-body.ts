/** A body that is read while it is sent, so that nothing of it is held in memory. */
import { Readable } from 'node:stream';

/** Reading a body failed while it was sent. That says nothing of the server, and sending it again would help nobody. */
export class BodyFailure extends Error {
	override readonly name = 'BodyFailure';

	/** @param reason what the content threw */
	constructor(readonly reason: unknown) {
		super('The body of a request could not be read', { cause: reason });
	}
}

export class StreamedBody {
	/** What is sent. */
	readonly stream: Readable;
	/** Why it broke off, where that was the content's fault. */
	failure: BodyFailure | undefined;

	constructor(content: AsyncIterable<Uint8Array>) {
		this.stream = Readable.from(this.#noted(content), { objectMode: false });
	}

	/** Closes the content, however far it was read. */
	close(): void {
		this.stream.destroy();
	}

	async *#noted(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
		try {
			yield* content;
		} catch (error) {
			this.failure = new BodyFailure(error);
			throw this.failure;
		}
	}
}
