/**
 * A connection to a walsender: PostgreSQL's side of physical replication, which gives base backups and WAL. It takes commands as simple
 * queries and knows no SQL. Source: PostgreSQL documentation, "Streaming Replication Protocol".
 *
 * `pg` logs in, as for any connection (TLS, SSH tunnels); from then on bytes go by RawSocket. Everything is pulled: a message is read from
 * the socket when somebody asks for it, so a slow storage fills the TCP window, and the server waits. When the signal fires, the socket is
 * destroyed, which ends the work on the server as well, and whoever waits gets CANCELLED.
 */
import type { Client } from 'pg';

import { cancelled } from '../../../errors';
import { connect, disconnect, type PostgresConnection, type ServerRole } from '../../connection';
import {
	encodeMessage,
	encodeQuery,
	type Message,
	MessageType,
	parseErrorResponse,
	protocolViolation,
} from '../../protocol';
import { RawSocket } from '../../rawSocket';
import { CopyBoth } from './copyBoth';
import { translateWalSenderError } from './errors';
import { MessageReader } from './messages';
import { columnNames, readRow, type ReplicationRow } from './rows';

/**
 * What comes of a command, in order. `rows`: one whole result set. `copy`: the server begins to send data. `data`: one message of it,
 * whose bytes stay as they are until the next event is asked for. `copyEnd`: it has sent all of it.
 */
export type AnswerEvent =
	{ type: 'rows'; rows: ReplicationRow[] } | { type: 'copy' } | { type: 'data'; bytes: Buffer } | { type: 'copyEnd' };

/** What begins or ends an answer; anything else (notices, settings) may come at any time. */
const OTHER_ANSWERS: ReadonlySet<number> = new Set([
	MessageType.copyInResponse,
	MessageType.copyOutResponse,
	MessageType.copyBothResponse,
	MessageType.rowDescription,
	MessageType.readyForQuery,
]);

export interface WalSenderOptions {
	/** Decides the words of errors; `source` by default. */
	role?: ServerRole;
	signal?: AbortSignal | undefined;
}

export class WalSender {
	readonly #client: Client;
	readonly #socket: RawSocket;
	readonly #reader: MessageReader;
	readonly #role: ServerRole;
	readonly #signal: AbortSignal | undefined;
	readonly #onAbort = () => this.#client.connection.stream.destroy(cancelled());
	/** Set while an answer is read: the next command has to wait for its end. */
	#isAnswering = false;

	private constructor(client: Client, role: ServerRole, signal: AbortSignal | undefined) {
		this.#client = client;
		this.#socket = new RawSocket(client);
		this.#reader = new MessageReader(this.#socket);
		this.#role = role;
		this.#signal = signal;
		signal?.addEventListener('abort', this.#onAbort, { once: true });
		if (signal?.aborted) this.#onAbort();
	}

	/**
	 * Logs in. The caller closes it; `withWalSender` does that by itself.
	 * @throws BackupError CANCELLED, SOURCE_UNREACHABLE, ACCESS_DENIED with what pg_hba.conf or the role lacks, as connect does
	 */
	static async connect(connection: PostgresConnection, { role = 'source', signal }: WalSenderOptions = {}) {
		const options = { signal, isWalSender: true, translate: translateWalSenderError };
		return new WalSender(await connect(connection, role, options), role, signal);
	}

	/** Closes the connection in whatever state it is. An answer that was not read to its end does not matter. */
	async close(): Promise<void> {
		this.#signal?.removeEventListener('abort', this.#onAbort);
		if (this.#isAnswering) this.#client.connection.stream.destroy();
		this.#socket.release();
		await disconnect(this.#client);
	}

	/**
	 * Runs a command that answers with rows, or with nothing.
	 * @param doing for errors: `Could not create the replication slot n8n`
	 * @returns the rows of all result sets
	 * @throws BackupError
	 */
	async query(command: string, doing: string): Promise<ReplicationRow[]> {
		const all: ReplicationRow[] = [];
		for await (const event of this.answer(command, doing)) {
			if (event.type !== 'rows') throw this.#translated(protocolViolation('data where rows were to come'), doing);
			all.push(...event.rows);
		}
		return all;
	}

	/**
	 * Runs a command whose answer holds data (BASE_BACKUP), and hands out the answer as it comes. Who stops early has to close the
	 * connection.
	 * @throws BackupError
	 */
	async *answer(command: string, doing: string): AsyncGenerator<AnswerEvent, void, undefined> {
		try {
			await this.#begin(command);
			yield* this.#events();
		} catch (error) {
			throw this.#translated(error, doing);
		}
	}

	/**
	 * Runs a command that takes data (UPLOAD_MANIFEST).
	 * @returns the rows of its answer
	 * @throws BackupError, and what `data` throws
	 */
	async copyIn(command: string, data: AsyncIterable<Uint8Array>, doing: string): Promise<ReplicationRow[]> {
		await this.#translating(doing, async () => {
			await this.#begin(command);
			await this.#awaitResponse(MessageType.copyInResponse);
		});
		for await (const bytes of data) {
			await this.#translating(doing, () => this.#socket.send(encodeMessage(MessageType.copyData, bytes)));
		}
		return await this.#translating(doing, async () => {
			await this.#socket.send(encodeMessage(MessageType.copyDone, Buffer.alloc(0)));
			return await this.#restOfRows();
		});
	}

	/**
	 * Runs a command after which both sides send data (START_REPLICATION).
	 * @throws BackupError
	 */
	async copyBoth(command: string, doing: string): Promise<CopyBoth> {
		return await this.#translating(doing, async () => {
			await this.#begin(command);
			const first = await this.#awaitResponse(MessageType.copyBothResponse, MessageType.rowDescription);
			const columns = first.type === MessageType.rowDescription ? columnNames(first.body) : undefined;
			return new CopyBoth({
				isStreaming: columns === undefined,
				next: () => this.#translating(doing, () => this.#message()),
				send: (bytes) => this.#translating(doing, () => this.#socket.send(bytes)),
				rest: () => this.#translating(doing, () => this.#restOfRows(columns)),
			});
		});
	}

	async #begin(command: string): Promise<void> {
		if (this.#signal?.aborted) throw cancelled();
		if (this.#isAnswering) throw new Error('The answer before was not read to its end.');
		this.#isAnswering = true;
		this.#reader.beginAnswer();
		await this.#socket.send(encodeQuery(Buffer.from(command)));
	}

	/**
	 * Events up to ReadyForQuery. An error of the server is thrown after it, so that the connection goes on.
	 * @param columns of rows whose description was read before
	 */
	async *#events(columns: string[] = []): AsyncGenerator<AnswerEvent, void, undefined> {
		let rows: ReplicationRow[] | undefined;
		for (;;) {
			const { type, body } = await this.#message();
			if (type === MessageType.copyData) yield { type: 'data', bytes: body };
			else if (type === MessageType.rowDescription) {
				columns = columnNames(body);
				rows = [];
			} else if (type === MessageType.dataRow) (rows ??= []).push(readRow(body, columns));
			else if (type === MessageType.copyOutResponse) yield { type: 'copy' };
			else if (type === MessageType.copyDone) yield { type: 'copyEnd' };
			else if (type === MessageType.readyForQuery) return;
			else if (type === MessageType.commandComplete && rows) {
				yield { type: 'rows', rows };
				rows = undefined;
			} else if (type === MessageType.copyInResponse || type === MessageType.copyBothResponse)
				throw protocolViolation('it asks for data where it was to give some');
		}
	}

	/** Waits for the message that tells what the answer is, which has to be one of these types. */
	async #awaitResponse(...types: number[]): Promise<Message> {
		for (;;) {
			const message = await this.#message();
			if (types.includes(message.type)) return message;
			if (OTHER_ANSWERS.has(message.type)) throw protocolViolation('another answer than the command has');
		}
	}

	/** The rows that end an answer; what still comes of data is passed over. */
	async #restOfRows(columns?: string[]): Promise<ReplicationRow[]> {
		const all: ReplicationRow[] = [];
		for await (const event of this.#events(columns)) if (event.type === 'rows') all.push(...event.rows);
		return all;
	}

	/** The next message. An error of the server is thrown: after ReadyForQuery, or when the connection ends. */
	async #message(): Promise<Message> {
		let refused: Error | undefined;
		for (;;) {
			const message = await this.#reader.next().catch((lost: unknown) => {
				// A server that ends a connection says why before.
				throw refused ?? lost;
			});
			if (message.type === MessageType.errorResponse) refused = parseErrorResponse(message.body);
			if (message.type === MessageType.readyForQuery) {
				this.#isAnswering = false;
				if (refused) throw refused;
			}
			if (!refused) return message;
		}
	}

	#translated(error: unknown, doing: string): Error {
		return this.#signal?.aborted ? cancelled() : translateWalSenderError(error, this.#role, doing);
	}

	async #translating<T>(doing: string, work: () => Promise<T>): Promise<T> {
		try {
			return await work();
		} catch (error) {
			throw this.#translated(error, doing);
		}
	}
}

/** Logs in as a walsender, lets `use` work with it, and closes it. @throws BackupError as WalSender.connect does, and what `use` throws */
export async function withWalSender<T>(
	connection: PostgresConnection,
	options: WalSenderOptions,
	use: (sender: WalSender) => Promise<T>,
): Promise<T> {
	const sender = await WalSender.connect(connection, options);
	try {
		return await use(sender);
	} finally {
		await sender.close();
	}
}
