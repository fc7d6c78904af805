import { encodeMessage, encodeQuery, type Message, MessageType, splitMessages } from '../../protocol';
import type { InProcessServer } from './pglite';

const NEWLINE = 0x0a;

/** Bytes of rows in one COPY. A row is never cut, so a longer one makes a longer COPY. */
const PIECE = 2 * 1024 * 1024;

const COPY_DONE = encodeMessage(0x63, Buffer.alloc(0));
const COPY_IN_RESPONSE = 0x47;
const COMMAND_COMPLETE = 0x43;

/** The state that a ReadyForQuery reports outside of a transaction. */
const IDLE = Buffer.from('I');

/**
 * A COPY FROM STDIN of a client, which is run in pieces and answered as one. As with a single COPY, none of its rows stay where one
 * of them is refused.
 */
export class CopyIn {
	#chunks: Buffer[] = [];
	#length = 0;
	#rows = 0;
	#failed = false;
	/** Whether the pieces run in a transaction of ours; set with the first of several pieces. */
	#wrapped: boolean | undefined;

	/** @param answer gets what is sent to the client */
	constructor(
		readonly server: InProcessServer,
		readonly query: Buffer,
		readonly answer: (bytes: Buffer) => void,
	) {}

	async data(bytes: Buffer): Promise<void> {
		if (this.#failed) return;
		// The message is a view into a buffer that may be used again.
		this.#chunks.push(Buffer.from(bytes));
		this.#length += bytes.length;
		const end = this.#length < PIECE ? -1 : bytes.lastIndexOf(NEWLINE);
		if (end < 0) return;
		const last = this.#chunks.pop() as Buffer;
		this.#chunks.push(last.subarray(0, end + 1));
		const rest = last.subarray(end + 1);
		if (this.#wrapped === undefined) await this.#wrap();
		await this.#send();
		this.#chunks = rest.length > 0 ? [rest] : [];
		this.#length = rest.length;
	}

	/** Called when the client has sent all rows, or gives up. */
	async end(gaveUp: boolean): Promise<void> {
		if (this.#failed) return;
		if (gaveUp) {
			if (this.#wrapped) await this.#ask('ROLLBACK');
			const error = Buffer.from('SERROR\0VERROR\0C57014\0MCOPY from stdin failed\0\0');
			this.answer(encodeMessage(MessageType.errorResponse, error));
			this.answer(encodeMessage(MessageType.readyForQuery, Buffer.from('I')));
			return;
		}
		const last = await this.#send();
		if (!last) return;
		if (this.#wrapped) await this.#ask('COMMIT');
		this.answer(last);
	}

	async #wrap(): Promise<void> {
		const answers = await this.#ask('');
		this.#wrapped = answers.some(({ type, body }) => type === MessageType.readyForQuery && body.equals(IDLE));
		if (this.#wrapped) await this.#ask('BEGIN');
	}

	async #ask(sql: string): Promise<Message[]> {
		return await this.#exchange(encodeQuery(Buffer.from(sql)));
	}

	async #exchange(bytes: Buffer): Promise<Message[]> {
		const replies: Buffer[] = [];
		await this.server.exchange(bytes, (reply, taken) => {
			replies.push(reply);
			taken();
		});
		return splitMessages(Buffer.concat(replies)).messages;
	}

	/**
	 * Sends the rows that were gathered. Resolves with the answer for the client, which is sent if this piece is the last one. An error
	 * goes to the client at once, and the rest of this COPY is ignored, as a server does.
	 */
	async #send(): Promise<Buffer | undefined> {
		const data = encodeMessage(MessageType.copyData, Buffer.concat(this.#chunks));
		const messages = this.#length > 0 ? [this.query, data, COPY_DONE] : [this.query, COPY_DONE];
		const answers = await this.#exchange(Buffer.concat(messages));
		const passedOn = answers.filter(({ type }) => type !== COPY_IN_RESPONSE);
		this.#failed = answers.some(({ type }) => type === MessageType.errorResponse);
		if (this.#failed && this.#wrapped) await this.#ask('ROLLBACK');
		const complete = answers.find(({ type }) => type === COMMAND_COMPLETE);
		this.#rows += Number(/^COPY (\d+)/.exec(complete?.body.toString('latin1') ?? '')?.[1] ?? 0);
		const summed = passedOn.map(({ type, body }) => encodeMessage(type, this.#asOfOne(type, body)));
		if (this.#failed) this.answer(Buffer.concat(summed));
		return this.#failed ? undefined : Buffer.concat(summed);
	}

	/** Turns the answer to the last piece into the answer to the whole COPY. */
	#asOfOne(type: number, body: Buffer): Buffer {
		if (type === COMMAND_COMPLETE) return Buffer.from(`COPY ${this.#rows}\0`);
		return type === MessageType.readyForQuery && this.#wrapped ? IDLE : body;
	}
}
