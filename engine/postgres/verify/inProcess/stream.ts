/**
 * How bytes move through: what `pg` writes is cut into messages and sent to the server exchange by exchange: a query, or all
 * messages up to a Sync. The rows of a COPY FROM STDIN are an exception, because PGlite has to get them in one call with their
 * COPY. They are gathered up to some megabytes, cut behind a row, and sent as a COPY of their own, so that memory stays bounded
 * however long the COPY is. The server's answer is pushed to the reader piece by piece; while the reader has no room, the server
 * waits.
 */
import { Duplex } from 'node:stream';

import { encodeMessage, encodeQuery, type Message, MessageType, splitMessages } from '../../protocol';
import { parseName, tokenize } from '../../statements/tokens';
import { CopyIn } from './copyIn';
import type { InProcessServer } from './pglite';

const SYNC = MessageType.sync;
const COPY_DATA = MessageType.copyData;
/** CopyDone and CopyFail, as a client sends them. */
const COPY_DONE = 0x63;
const COPY_FAIL = 0x66;

const COPY_IN = ['FROM', 'STDIN'];

const NOTHING = Buffer.alloc(0);

/** Sent to the session before each client, so that nothing of the client before is left. */
const CLEAN = ['ROLLBACK', 'DISCARD ALL'];

/** The answer to a login: it succeeded, and the server is ready for a query. */
const WELCOME = Buffer.concat([
	encodeMessage(MessageType.authentication, Buffer.alloc(4)),
	encodeMessage(MessageType.readyForQuery, Buffer.from('I')),
]);

/** CopyInResponse in text format, without columns, which nobody reads. */
const COPY_IN_RESPONSE = encodeMessage(0x47, Buffer.alloc(3));

/** The length of a ReadyForQuery: type, length, state of the transaction. */
const READY_BYTES = 6;
const READY_HEAD = encodeMessage(MessageType.readyForQuery, Buffer.from('I')).subarray(0, READY_BYTES - 1);

/** Whether these bytes end with a ReadyForQuery. The message before it always ends with a zero, so nothing else looks like one. */
function endsReady(bytes: Uint8Array): boolean {
	return READY_HEAD.equals(bytes.subarray(-READY_BYTES, -1)) && bytes.length >= READY_BYTES;
}

/** A connection to a server in memory, with as much of net.Socket as `pg` uses. */
export class InProcessStream extends Duplex {
	#pending: Buffer = NOTHING;
	#started = false;
	/** Messages of the extended protocol that wait for their Sync. */
	#batch: Buffer[] = [];
	#copy: CopyIn | undefined;
	/** Acknowledgements of pieces that were pushed while the reader had no room. They are called when it has room again. */
	#full: Array<() => void> = [];

	/** @param greetings statements for every new client, such as the settings of the database */
	constructor(
		readonly server: InProcessServer,
		readonly greetings: readonly string[],
	) {
		super({ allowHalfOpen: false });
	}

	/** Emits `connect` once bytes may be written. */
	connect(): this {
		process.nextTick(() => {
			if (this.server.failure) this.destroy(this.server.failure);
			else this.emit('connect');
		});
		return this;
	}

	override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
		this.#take(chunk).then(() => done(), done);
	}

	override _read(): void {
		for (const taken of this.#full.splice(0)) taken();
	}

	override _destroy(error: Error | null, done: (error: Error | null) => void): void {
		for (const taken of this.#full.splice(0)) taken();
		done(error);
	}

	async #take(chunk: Buffer): Promise<void> {
		this.#pending = this.#pending.length > 0 ? Buffer.concat([this.#pending, chunk]) : chunk;
		if (!this.#started) {
			if (this.#pending.length < 4 || this.#pending.length < this.#pending.readInt32BE(0)) return;
			this.#pending = this.#pending.subarray(this.#pending.readInt32BE(0));
			this.#started = true;
			for (const sql of [...CLEAN, ...this.greetings])
				await this.server.exchange(encodeQuery(Buffer.from(sql)), (_, taken) => taken());
			this.push(WELCOME);
		}
		const { messages, rest } = splitMessages(this.#pending);
		this.#pending = rest;
		for (const message of messages) await this.#message(message);
	}

	async #message({ type, body }: Message): Promise<void> {
		if (type === MessageType.terminate) this.push(null);
		else if (type === COPY_DATA) await this.#copy?.data(body);
		else if (type === COPY_DONE || type === COPY_FAIL) await this.#endCopy(type === COPY_FAIL);
		else if (type === MessageType.query) await this.#query(body);
		else {
			this.#batch.push(encodeMessage(type, body));
			if (type === SYNC) await this.#exchange(Buffer.concat(this.#batch.splice(0)));
		}
	}

	async #query(body: Buffer): Promise<void> {
		const query = encodeMessage(MessageType.query, body);
		if (!isCopyIn(body)) return await this.#exchange(query);
		this.#copy = new CopyIn(this.server, query, (answer) => this.push(answer));
		this.push(COPY_IN_RESPONSE);
	}

	async #endCopy(failed: boolean): Promise<void> {
		const copy = this.#copy;
		this.#copy = undefined;
		await copy?.end(failed);
	}

	/**
	 * After an error in the extended protocol, PGlite sends ReadyForQuery twice: at once, and at the Sync. The second one is left
	 * out, because `pg` would take it for the end of the next query.
	 */
	async #exchange(messages: Buffer): Promise<void> {
		let isReady = false;
		await this.server.exchange(messages, (bytes, taken) => {
			const isAgain = isReady && bytes.length === READY_BYTES && endsReady(bytes);
			isReady = endsReady(bytes);
			if (isAgain || this.destroyed || this.push(bytes)) taken();
			else this.#full.push(taken);
		});
	}

	// `pg` also calls these methods of a socket.

	setNoDelay(): this {
		return this;
	}

	setKeepAlive(): this {
		return this;
	}

	ref(): this {
		return this;
	}

	unref(): this {
		return this;
	}
}

/** Whether a statement is `COPY name (columns) FROM STDIN`, and not one whose quoted names only look like it. */
function isCopyIn(body: Buffer): boolean {
	if (!/^\s*COPY\s/i.test(body.toString('latin1', 0, 64))) return false;
	const tokens = tokenize(body.toString('utf8', 0, body.length - 1));
	const name = parseName(tokens, 1);
	if (!name) return false;
	const isMark = (at: number, text: string) => tokens[at]?.kind === 'mark' && tokens[at]?.text === text;
	let at = name.end;
	if (isMark(at, '(')) while (at < tokens.length && !isMark(at++, ')'));
	return [tokens[at], tokens[at + 1]].every((token, index) => token?.kind === 'word' && token.text === COPY_IN[index]);
}
