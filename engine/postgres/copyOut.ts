import { bodyLength, HEADER_LENGTH, MessageType, parseErrorResponse, protocolViolation } from './protocol';

/** Bytes of the longest message that is kept whole: an error that quotes a long statement. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

const asksForRows = () => protocolViolation('it asks for rows where it was to give some');

/** Follows message borders through chunks, to know when ReadyForQuery has ended an answer. */
export class EndOfAnswer {
	#header = Buffer.alloc(HEADER_LENGTH);
	#headerBytes = 0;
	#bodyLeft = 0;

	/** @throws Error where what comes is no answer, or one that would never end */
	reached(chunk: Buffer): boolean {
		let at = 0;
		while (at < chunk.length) {
			if (this.#headerBytes < HEADER_LENGTH) {
				const taken = chunk.copy(this.#header, this.#headerBytes, at, at + HEADER_LENGTH - this.#headerBytes);
				this.#headerBytes += taken;
				at += taken;
				if (this.#headerBytes < HEADER_LENGTH) return false;
				this.#bodyLeft = bodyLength(this.#header);
				if (this.#header[0] === MessageType.copyInResponse) throw asksForRows();
			}
			const taken = Math.min(this.#bodyLeft, chunk.length - at);
			this.#bodyLeft -= taken;
			at += taken;
			if (this.#bodyLeft > 0) return false;
			this.#headerBytes = 0;
			if (this.#header[0] === MessageType.readyForQuery) return true;
		}
		return false;
	}
}

/**
 * Takes the rows of a COPY. In text format each CopyData message holds one row, line feed included, whatever the chunks
 * of the socket (PostgreSQL documentation, "COPY Operations"; all servers of ours keep to it).
 */
export interface RowConsumer {
	/** The rows of the next COPY of the query begin. */
	beginCopy?(): void;
	/** A row begins that is `length` bytes long. May return a promise to wait for before its bytes are handed over. */
	begin(length: number): Promise<void> | undefined;
	/** Bytes `start` to `end` of the chunk belong to the row. Must copy them at once. */
	bytes(chunk: Buffer, start: number, end: number): Promise<void> | undefined;
}

/**
 * Parses the answer to a query with one COPY TO STDOUT, or several and statements without rows. The usual case, whole rows in
 * one chunk, runs without a promise or an object for each row: that loop is what bounds the throughput of a backup.
 */
export class CopyOutReader {
	finished = false;
	error: Error | undefined;
	#header = Buffer.alloc(HEADER_LENGTH);
	#headerBytes = 0;
	#type = 0;
	#bodyLeft = 0;
	#body: Buffer[] = [];
	#bodyBytes = 0;
	/** How many times the server has said that rows come, and that they all have come. */
	#announced = 0;
	#complete = 0;

	/** @param copies how many COPYs stand in the query */
	constructor(
		readonly rows: RowConsumer,
		readonly copies = 1,
	) {}

	/**
	 * Returns a promise only where the consumer wants to be waited for.
	 * @throws Error where what comes is no answer to a COPY TO STDOUT
	 */
	read(chunk: Buffer, from = 0): Promise<void> | undefined {
		let at = from;
		while (at < chunk.length) {
			if (this.#bodyLeft === 0) {
				at = this.#readHeader(chunk, at);
				if (this.#headerBytes > 0) return undefined;
				if (this.#type === MessageType.copyData) {
					const wait = this.rows.begin(this.#bodyLeft);
					if (wait) return this.#readAfter(wait, chunk, at);
				} else if (this.#bodyLeft === 0) this.#endMessage();
			}
			const end = Math.min(at + this.#bodyLeft, chunk.length);
			this.#bodyLeft -= end - at;
			if (this.#type === MessageType.copyData) {
				const wait = end > at ? this.rows.bytes(chunk, at, end) : undefined;
				at = end;
				if (wait) return this.#readAfter(wait, chunk, end);
			} else {
				if (end > at) this.#keep(chunk.subarray(at, end));
				at = end;
				if (this.#bodyLeft === 0 && this.#body.length > 0) this.#endMessage();
			}
		}
		return undefined;
	}

	/** A function within `read` would cost an object for each row, whether it is made or not. */
	async #readAfter(wait: Promise<void>, chunk: Buffer, from: number): Promise<void> {
		await wait;
		await this.read(chunk, from);
	}

	#readHeader(chunk: Buffer, at: number): number {
		if (this.#headerBytes === 0 && chunk.length - at >= HEADER_LENGTH) {
			this.#type = chunk[at] as number;
			this.#bodyLeft = bodyLength(chunk, at);
			this.#beginMessage();
			return at + HEADER_LENGTH;
		}
		const taken = chunk.copy(this.#header, this.#headerBytes, at, at + HEADER_LENGTH - this.#headerBytes);
		this.#headerBytes += taken;
		if (this.#headerBytes === HEADER_LENGTH) {
			this.#headerBytes = 0;
			this.#type = this.#header[0] as number;
			this.#bodyLeft = bodyLength(this.#header);
			this.#beginMessage();
		}
		return at + taken;
	}

	#beginMessage(): void {
		if (this.#type === MessageType.copyOutResponse) {
			if (this.#announced > this.#complete) throw protocolViolation('rows within rows');
			this.#announced++;
			this.rows.beginCopy?.();
		} else if (this.#type === MessageType.copyData && this.#announced === this.#complete)
			throw protocolViolation('rows that nobody asked for');
		else if (this.#type === MessageType.copyInResponse) throw asksForRows();
	}

	#keep(bytes: Buffer): void {
		this.#bodyBytes += bytes.length;
		if (this.#bodyBytes > MAX_MESSAGE_BYTES) throw protocolViolation('a message that is too long');
		this.#body.push(Buffer.from(bytes));
	}

	#endMessage(): void {
		if (this.#type === MessageType.errorResponse) this.error = parseErrorResponse(Buffer.concat(this.#body));
		// Or that of a statement without rows, such as a LOCK.
		if (this.#type === MessageType.commandComplete) this.#complete = this.#announced;
		if (this.#type === MessageType.readyForQuery) this.#finish();
		this.#body = [];
		this.#bodyBytes = 0;
	}

	/** An answer without rows is none: a table would be taken for empty. */
	#finish(): void {
		this.finished = true;
		if (this.#announced === this.copies && this.#complete === this.copies) return;
		this.error ??= protocolViolation('it gives no rows where it was to give some');
	}
}
