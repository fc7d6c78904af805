const HEAD_BYTES = 5;

/** What the frames of child.ts tell. */
export interface AnswerHandlers {
	/** A piece of an answer. */
	data(bytes: Buffer): void;
	/** An answer is over, or the server has started. */
	done(): void;
	failed(message: string): void;
}

/** Takes the frames apart that child.ts writes: a letter, the length of what follows in four bytes, little-endian, and that. */
export class AnswerFrames {
	#head = Buffer.alloc(0);
	/** Bytes of the frame at work that are still to come. */
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
