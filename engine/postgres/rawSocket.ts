import type { Duplex } from 'node:stream';

import type { Client } from 'pg';

import { BulkSocket, READ_SIZE } from './bulkSocket';
import { CopyOutReader, EndOfAnswer, type RowConsumer } from './copyOut';
import { encodeQuery, protocolViolation } from './protocol';

/** Bytes of the longest answer that is kept whole: of what pg_dump asks the catalogs for. */
const MAX_ANSWER_BYTES = 1024 * 1024 * 1024;

/** Bytes that must have come of an answer before the rest of it is read at intervals: a short one shall not wait. */
const LONG_ANSWER_BYTES = 1024 * 1024;
/** Milliseconds of such an interval: at a gigabyte a second what comes meanwhile fits into the buffers of the system. */
const INTERVAL_MS = 1;

type Listener = (...args: unknown[]) => void;

/** The end of a stretch of reading, and what to wait for before the next one. */
interface Step {
	pending: Promise<void> | undefined;
}

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
	readonly #bulk: BulkSocket | undefined;
	readonly #parsers: Listener[];
	#failure: Error | undefined;
	#wake: (() => void) | undefined;

	constructor(client: Client) {
		this.#socket = client.connection.stream;
		this.#bulk = BulkSocket.of(this.#socket);
		this.#parsers = this.#socket.listeners('data') as Listener[];
		this.#socket.removeAllListeners('data');
		this.#socket.on('error', this.#onError);
		this.#socket.on('end', this.#onClose);
		this.#socket.on('close', this.#onClose);
		if (this.#bulk) this.#bulk.takeOver();
		else {
			this.#socket.pause();
			this.#socket.on('readable', this.#onReadable);
		}
	}

	readonly #onReadable = () => this.#wakeUp();

	readonly #onError = (error: Error) => {
		this.#failure ??= error;
		this.#wakeUp();
	};

	readonly #onClose = () => this.#onError(closed());

	/** Hands the socket back to `pg`. Only between queries. */
	release(): void {
		this.#socket.off('readable', this.#onReadable);
		this.#socket.off('error', this.#onError);
		this.#socket.off('end', this.#onClose);
		this.#socket.off('close', this.#onClose);
		for (const parser of this.#parsers) this.#socket.on('data', parser);
		this.#bulk?.handBack();
		this.#socket.resume();
	}

	#wakeUp(): void {
		this.#wake?.();
		this.#wake = undefined;
	}

	/** Sends bytes; waits while the socket's buffer is full. */
	async send(bytes: Uint8Array): Promise<void> {
		if (this.#failure) throw this.#failure;
		if (this.#socket.write(bytes)) return;
		await new Promise<void>((resolve, reject) => {
			const done = (error?: Error) => {
				this.#socket.off('drain', done);
				this.#socket.off('error', done);
				this.#socket.off('close', onClose);
				if (error) reject(error);
				else resolve();
			};
			const onClose = () => done(closed());
			this.#socket.once('drain', done).once('error', done).once('close', onClose);
		});
	}

	/** The bytes that have arrived, at least one. They stay as they are until the next call. */
	async nextChunk(): Promise<Buffer> {
		let chunk: Buffer | undefined;
		for (;;) {
			if (!this.#bulk) chunk = (this.#socket.read() as Buffer | null) ?? undefined;
			if (chunk) return chunk;
			if (this.#failure) throw this.#failure;
			await new Promise<void>((resolve) => {
				this.#wake = resolve;
				this.#bulk?.read((arrived) => {
					chunk = arrived;
					this.#wakeUp();
					return false;
				});
			});
		}
	}

	/**
	 * Sends a complete message that the server answers with ReadyForQuery, and returns the answer's bytes.
	 * @throws Error where the connection breaks, or what comes is no such answer
	 */
	async exchange(message: Uint8Array): Promise<Buffer> {
		await this.send(message);
		const chunks: Buffer[] = [];
		const end = new EndOfAnswer();
		let length = 0;
		for (let complete = false; !complete;) {
			const chunk = await this.nextChunk();
			complete = end.reached(chunk);
			length += chunk.length;
			if (length > MAX_ANSWER_BYTES) throw protocolViolation('an answer that does not end');
			chunks.push(Buffer.from(chunk));
		}
		return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
	}

	/**
	 * Runs a query with one `COPY ... TO STDOUT`, or several, and hands over the rows as they arrive: see CopyOutReader.
	 * @param copies how many COPYs stand in the query
	 * @throws the server's own error, after which the connection is in sync again but its transaction has failed; Error where
	 * what comes is no such answer, after which the connection is of no use.
	 */
	async copyOut(sql: Uint8Array, rows: RowConsumer, copies = 1): Promise<void> {
		await this.send(encodeQuery(sql));
		const reader = new CopyOutReader(rows, copies);
		const reading = this.#bulk ? this.#bulkReading(this.#bulk, reader) : this.#chunkReading(reader);
		while (!reader.finished) {
			const { pending } = await reading().catch((lost: unknown) => {
				// A server that ends a connection says why before.
				throw reader.error ?? lost;
			});
			if (pending) await pending;
		}
		if (reader.error) throw reader.error;
	}

	/** Reads on, by the call; resolves where the answer has ended, or its consumer wants to be waited for. */
	#chunkReading(reader: CopyOutReader): () => Promise<Step> {
		return async () => ({ pending: reader.read(await this.nextChunk()) });
	}

	/**
	 * The same without a promise for each chunk. A server sends its rows in pieces of 8 kB, and whoever reads each of them as it
	 * comes is woken for each, which costs both sides more than the piece is worth. So where less has come than one read takes, the
	 * next read waits until more has.
	 */
	#bulkReading(bulk: BulkSocket, reader: CopyOutReader): () => Promise<Step> {
		let bytes = 0;
		return () =>
			new Promise((resolve, reject) => {
				if (this.#failure) throw this.#failure;
				const take = (chunk: Buffer): boolean => {
					try {
						const pending = reader.read(chunk);
						if (pending || reader.finished) {
							resolve({ pending });
							return false;
						}
					} catch (error) {
						reject(error instanceof Error ? error : new Error(String(error)));
						return false;
					}
					bytes += chunk.length;
					if (bytes < LONG_ANSWER_BYTES || chunk.length > READ_SIZE / 2) return true;
					setTimeout(() => bulk.read(take), INTERVAL_MS);
					return false;
				};
				this.#wake = () => reject(this.#failure ?? closed());
				bulk.read(take);
			});
	}
}

function closed(): Error {
	return Object.assign(new Error('The server closed the connection'), { code: 'ECONNRESET' });
}
