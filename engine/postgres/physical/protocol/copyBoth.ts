import { encodeMessage, type Message, MessageType } from '../../protocol';
import type { ReplicationRow } from './rows';

/** What CopyBoth needs of the connection. */
export interface CopyBothConnection {
	/** Whether the server streams at all: of a timeline that ended at the place asked for there is nothing to stream. */
	isStreaming: boolean;
	next: () => Promise<Message>;
	send: (bytes: Uint8Array) => Promise<void>;
	/** Reads the answer to its end; returns its rows. */
	rest: () => Promise<ReplicationRow[]>;
}

/**
 * The stream of START_REPLICATION: the server sends WAL and keepalives, the client tells how far it is. Ends with `finish`, which keeps
 * the connection for other commands, or with the connection.
 */
export class CopyBoth {
	readonly #connection: CopyBothConnection;
	#hasServerEnded: boolean;
	#isFinished = false;

	constructor(connection: CopyBothConnection) {
		this.#connection = connection;
		this.#hasServerEnded = !connection.isStreaming;
	}

	/**
	 * The next message of the server; its bytes stay as they are until the next call. Undefined once the server has ended its side: the
	 * timeline has ended, and `finish` tells the next one.
	 * @throws BackupError
	 */
	async next(): Promise<Buffer | undefined> {
		while (!this.#hasServerEnded) {
			const { type, body } = await this.#connection.next();
			if (type === MessageType.copyData) return body;
			if (type === MessageType.copyDone) this.#hasServerEnded = true;
		}
		return undefined;
	}

	/** All messages from here to the server's end of the stream; see `next`. */
	async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, undefined> {
		for (let message = await this.next(); message; message = await this.next()) yield message;
	}

	/** Sends one message. May be called while somebody waits for the server's next one. @throws BackupError */
	async send(message: Uint8Array): Promise<void> {
		await this.#connection.send(encodeMessage(MessageType.copyData, message));
	}

	/**
	 * Ends the stream, whether the server has ended its side or not; what it had sent meanwhile is passed over. Nobody may be waiting in
	 * `next`.
	 * @returns the rows that end the answer: where the timeline has ended, `next_tli` and `next_tli_startpos`
	 * @throws BackupError
	 */
	async finish(): Promise<ReplicationRow[]> {
		if (this.#isFinished) return [];
		this.#isFinished = true;
		if (this.#connection.isStreaming) await this.#connection.send(encodeMessage(MessageType.copyDone, Buffer.alloc(0)));
		return await this.#connection.rest();
	}
}
