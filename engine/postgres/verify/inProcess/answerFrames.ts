const HEAD_BYTES = 5;

/** Called for the frames that child.ts writes. */
export interface AnswerHandlers {
	/** A piece of an answer. */
	data(bytes: Buffer): void;
	/** An answer has ended, or the server has started. */
	done(): void;
	failed(message: string): void;
}

/** Splits a stream into the frames that child.ts writes: a letter, the length of the rest in four bytes (little-endian), and the rest. */
export class AnswerFrames {
	#head = Buffer.alloc(0);
	/** Bytes of the current frame that have not come yet. */
	#left = 0;
	#kind = '';
	#message: Buffer[] = [];

	constructor(private readonly handlers: AnswerHandlers) {}

	push(chunk: Buffer): void {
		let rest = chunk;
		while (rest.length > 0) rest = this.#left > 0 ? this.#body(rest) : this.#begin(rest);
	}

	#begin(bytes: Buffer): Buffer {
		const missing = HEAD_BYTES - this.#head.length;
		this.#head = Buffer.concat([this.#head, bytes.subarray(0, missing)]);
		if (this.#head.length === HEAD_BYTES) {
			this.#kind = this.#head.toString('latin1', 0, 1);
			this.#left = this.#head.readUInt32LE(1);
			this.#head = Buffer.alloc(0);
			if (this.#left === 0) this.#over();
		}
		return bytes.subarray(missing);
	}

	#body(bytes: Buffer): Buffer {
		const piece = bytes.subarray(0, this.#left);
		this.#left -= piece.length;
		if (this.#kind === 'd') this.handlers.data(piece);
		else this.#message.push(piece);
		if (this.#left === 0) this.#over();
		return bytes.subarray(piece.length);
	}

	#over(): void {
		if (this.#kind === 'r' || this.#kind === 'e') this.handlers.done();
		else if (this.#kind === 'f') this.handlers.failed(Buffer.concat(this.#message.splice(0)).toString('utf8'));
	}
}
