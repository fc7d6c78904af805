import type { Duplex } from 'node:stream';

import type { Client } from 'pg';

import { encodeQuery, HEADER_LENGTH, MessageType, parseErrorResponse } from './protocol';

type Listener = (...args: unknown[]) => void;

/**
 * The socket of a logged-in, idle `pg` client, spoken to in bytes. `pg` parses every row into an object of its own, which
 * is too slow for bulk rows and no use to pg_dump; so its listener is set aside and ours reads the socket, until `release`
 * puts it back.
 *
 * Bytes move by pull: the socket stays paused, and a read asked for by `nextChunk` takes what has arrived. So a slow
 * consumer fills the TCP window and the server waits.
 */
export class RawSocket {
	readonly #socket: Duplex;
	readonly #parsers: Listener[];
	#failure: Error | undefined;
	#wake: (() => void) | undefined;

	constructor(client: Client) {
		this.#socket = client.connection.stream;
		this.#parsers = this.#socket.listeners('data') as Listener[];
		this.#socket.removeAllListeners('data');
		this.#socket.pause();
		this.#socket.on('readable', this.#onReadable);
		this.#socket.on('error', this.#onError);
		this.#socket.on('close', this.#onClose);
	}

	readonly #onReadable = () => this.#wakeUp();

	readonly #onError = (error: Error) => {
		this.#failure ??= error;
		this.#wakeUp();
	};

	readonly #onClose = () =>
		this.#onError(Object.assign(new Error('The server closed the connection'), { code: 'ECONNRESET' }));

	#wakeUp(): void {
		this.#wake?.();
		this.#wake = undefined;
	}

	/** Hands the socket back to `pg`. Only between queries. */
	release(): void {
		this.#socket.off('readable', this.#onReadable);
		this.#socket.off('error', this.#onError);
		this.#socket.off('close', this.#onClose);
		for (const parser of this.#parsers) this.#socket.on('data', parser);
		this.#socket.resume();
	}

	/** Sends bytes; waits while the socket's buffer is full. */
	async send(bytes: Uint8Array): Promise<void> {
		if (this.#failure) throw this.#failure;
		if (this.#socket.write(bytes)) return;
		await new Promise<void>((resolve, reject) => {
			const done = (error?: Error) => {
				this.#socket.off('drain', done);
				this.#socket.off('error', done);
				this.#socket.off('close', closed);
				if (error) reject(error);
				else resolve();
			};
			const closed = () => done(new Error('The server closed the connection'));
			this.#socket.once('drain', done).once('error', done).once('close', closed);
		});
	}

	/** The bytes that have arrived, at least one. */
	async nextChunk(): Promise<Buffer> {
		for (;;) {
			const chunk = this.#socket.read() as Buffer | null;
			if (chunk) return chunk;
			if (this.#failure) throw this.#failure;
			await new Promise<void>((resolve) => (this.#wake = resolve));
		}
	}

	/** Sends a complete message that the server answers with ReadyForQuery, and returns the answer's bytes. */
	async exchange(message: Uint8Array): Promise<Buffer> {
		await this.send(message);
		const chunks: Buffer[] = [];
		const end = new EndOfAnswer();
		do chunks.push(await this.nextChunk());
		while (!end.reached(chunks[chunks.length - 1] as Buffer));
		return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
	}

	/**
	 * Runs `COPY ... TO STDOUT` and hands over the rows as they arrive: see CopyOutReader.
	 * @throws the server's own error, after which the connection is in sync again but its transaction has failed.
	 */
	async copyOut(sql: Uint8Array, rows: RowConsumer): Promise<void> {
		await this.send(encodeQuery(sql));
		const reader = new CopyOutReader(rows);
		for (;;) {
			const chunk = await this.nextChunk();
			const pending = reader.read(chunk);
			if (pending) await pending;
			if (reader.finished) break;
		}
		if (reader.error) throw reader.error;
	}
}

/** Follows message borders through chunks, to know when ReadyForQuery has ended an answer. */
class EndOfAnswer {
	#header = Buffer.alloc(HEADER_LENGTH);
	#headerBytes = 0;
	#bodyLeft = 0;

	reached(chunk: Buffer): boolean {
		let at = 0;
		while (at < chunk.length) {
			if (this.#headerBytes < HEADER_LENGTH) {
				const taken = chunk.copy(this.#header, this.#headerBytes, at, at + HEADER_LENGTH - this.#headerBytes);
				this.#headerBytes += taken;
				at += taken;
				if (this.#headerBytes < HEADER_LENGTH) return false;
				this.#bodyLeft = this.#header.readInt32BE(1) - 4;
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
	/** A row begins that is `length` bytes long. May return a promise to wait for before its bytes are handed over. */
	begin(length: number): Promise<void> | undefined;
	/** Bytes `start` to `end` of the chunk belong to the row. Must copy them at once. */
	bytes(chunk: Buffer, start: number, end: number): Promise<void> | undefined;
}

/**
 * Parses the answer to a COPY TO STDOUT. The usual case, whole rows in one chunk, runs without a promise or an object
 * a row: that loop is what bounds the throughput of a backup.
 */
class CopyOutReader {
	finished = false;
	error: Error | undefined;
	#header = Buffer.alloc(HEADER_LENGTH);
	#headerBytes = 0;
	#type = 0;
	#bodyLeft = 0;
	#body: Buffer[] = [];

	constructor(readonly rows: RowConsumer) {}

	/** Returns a promise only where the consumer wants to be waited for. */
	read(chunk: Buffer, from = 0): Promise<void> | undefined {
		let at = from;
		while (at < chunk.length) {
			if (this.#bodyLeft === 0) {
				at = this.#readHeader(chunk, at);
				if (this.#headerBytes > 0) return undefined;
				if (this.#type === MessageType.copyData) {
					const wait = this.rows.begin(this.#bodyLeft);
					if (wait) return wait.then(() => this.read(chunk, at));
				} else if (this.#bodyLeft === 0) this.#endMessage();
			}
			const end = Math.min(at + this.#bodyLeft, chunk.length);
			this.#bodyLeft -= end - at;
			if (this.#type === MessageType.copyData) {
				const wait = end > at ? this.rows.bytes(chunk, at, end) : undefined;
				at = end;
				if (wait) return wait.then(() => this.read(chunk, end));
			} else {
				if (end > at) this.#body.push(chunk.subarray(at, end));
				at = end;
				if (this.#bodyLeft === 0 && this.#body.length > 0) this.#endMessage();
			}
		}
		return undefined;
	}

	#readHeader(chunk: Buffer, at: number): number {
		if (this.#headerBytes === 0 && chunk.length - at >= HEADER_LENGTH) {
			this.#type = chunk[at] as number;
			this.#bodyLeft = chunk.readInt32BE(at + 1) - 4;
			return at + HEADER_LENGTH;
		}
		const taken = chunk.copy(this.#header, this.#headerBytes, at, at + HEADER_LENGTH - this.#headerBytes);
		this.#headerBytes += taken;
		if (this.#headerBytes === HEADER_LENGTH) {
			this.#headerBytes = 0;
			this.#type = this.#header[0] as number;
			this.#bodyLeft = this.#header.readInt32BE(1) - 4;
		}
		return at + taken;
	}

	#endMessage(): void {
		if (this.#type === MessageType.errorResponse) this.error = parseErrorResponse(Buffer.concat(this.#body));
		if (this.#type === MessageType.readyForQuery) this.finished = true;
		this.#body = [];
	}
}
