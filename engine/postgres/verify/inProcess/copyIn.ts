import { encodeMessage, MessageType, splitMessages } from '../../protocol';
import type { InProcessServer } from './pglite';

const NEWLINE = 0x0a;

/** Bytes of rows in one COPY. A row is never cut, so a longer one makes a longer COPY. */
const PIECE = 2 * 1024 * 1024;

const COPY_DONE = encodeMessage(0x63, Buffer.alloc(0));
const COPY_IN_RESPONSE = 0x47;
const COMMAND_COMPLETE = 0x43;

/** A COPY FROM STDIN of a client, carried out in pieces and answered as one. */
export class CopyIn {
	#chunks: Buffer[] = [];
	#length = 0;
	#rows = 0;
	#failed = false;

	/** @param answer takes what goes to the client */
	constructor(
		readonly server: InProcessServer,
		readonly query: Buffer,
		readonly answer: (bytes: Buffer) => void,
	) {}

	async data(bytes: Buffer): Promise<void> {
		if (this.#failed) return;
		// The message is a view into what may be used again.
		this.#chunks.push(Buffer.from(bytes));
		this.#length += bytes.length;
		const end = this.#length < PIECE ? -1 : bytes.lastIndexOf(NEWLINE);
		if (end < 0) return;
		const last = this.#chunks.pop() as Buffer;
		this.#chunks.push(last.subarray(0, end + 1));
		const rest = last.subarray(end + 1);
		await this.#send();
		this.#chunks = rest.length > 0 ? [rest] : [];
		this.#length = rest.length;
	}

	/** The client has sent all it had, or gives up. */
	async end(gaveUp: boolean): Promise<void> {
		if (this.#failed) return;
		if (gaveUp) {
			const error = Buffer.from('SERROR\0VERROR\0C57014\0MCOPY from stdin failed\0\0');
			this.answer(encodeMessage(MessageType.errorResponse, error));
			this.answer(encodeMessage(MessageType.readyForQuery, Buffer.from('I')));
			return;
		}
		const last = await this.#send();
		if (last) this.answer(last);
	}

	/**
	 * Sends what was gathered. Resolves with the answer for the client, should it be the last one; one that is an error goes
	 * to the client at once, and whatever else the client sends for this COPY is passed over, as a server does.
	 */
	async #send(): Promise<Buffer | undefined> {
		const replies: Buffer[] = [];
		const data = encodeMessage(MessageType.copyData, Buffer.concat(this.#chunks));
		const messages = this.#length > 0 ? [this.query, data, COPY_DONE] : [this.query, COPY_DONE];
		const keep = (bytes: Buffer, taken: () => void) => {
			replies.push(bytes);
			taken();
		};
		await this.server.exchange(Buffer.concat(messages), keep);
		const { messages: answers } = splitMessages(Buffer.concat(replies));
		const passedOn = answers.filter(({ type }) => type !== COPY_IN_RESPONSE);
		this.#failed = answers.some(({ type }) => type === MessageType.errorResponse);
		const complete = answers.find(({ type }) => type === COMMAND_COMPLETE);
		this.#rows += Number(/^COPY (\d+)/.exec(complete?.body.toString('latin1') ?? '')?.[1] ?? 0);
		const summed = passedOn.map(({ type, body }) =>
			encodeMessage(type, type === COMMAND_COMPLETE ? Buffer.from(`COPY ${this.#rows}\0`) : body),
		);
		if (this.#failed) this.answer(Buffer.concat(summed));
		return this.#failed ? undefined : Buffer.concat(summed);
	}
}
