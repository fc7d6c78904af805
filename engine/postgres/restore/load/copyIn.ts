import { pipeline } from 'node:stream/promises';

import type { Client, Connection, Submittable } from 'pg';
import { type CopyStreamQuery, from as copyFrom } from 'pg-copy-streams';

import { BackupError } from '../../../errors';
import { encodeMessage, encodeQuery, HEADER_LENGTH, MessageType } from '../../protocol';
import type { RestoreStep } from '../source';

/**
 * Bytes of one CopyData message. The server reads a message whole before it parses any of it: of this size it is still in the
 * processor's cache then, and one larger than that would be written to memory and read back.
 */
const MESSAGE_BYTES = 64 * 1024;

/** Rows of up to this size are copied into one buffer with their messages. */
const JOINED_BYTES = 64 * 1024;

const COPY_DONE = encodeMessage(MessageType.copyDone, Buffer.alloc(0));

/**
 * Loads the rows of a COPY FROM STDIN. Resolves with their number, as the server says, and once nothing reads the rows any more.
 * Rows that stream have their checksum at their end, so the server may meet damaged ones first. Where it refuses a row, the rest is
 * read, and the source's error comes before the server's.
 * @throws BackupError TARGET_FAILED where the server does not ask for the rows; the source's error; the server's error
 */
export async function copyIn(
	client: Client,
	{ statement, rows }: Pick<Extract<RestoreStep, { type: 'copy' }>, 'rows' | 'statement'>,
): Promise<number> {
	if (Buffer.isBuffer(rows)) {
		return await new Promise<number>((resolve, reject) => {
			client.query(new BufferCopy(statement, rows, { resolve, reject }));
		});
	}
	const target = client.query(failingUnasked(copyFrom(statement)));
	const source = new ProvableRows(rows);
	try {
		await pipeline(source.handedOut(), target);
	} catch (error) {
		if (isRefusal(error)) await source.prove();
		throw error;
	} finally {
		await source.end();
	}
	return target.rowCount ?? 0;
}

/** Rows that can be read to their end after the pipeline that they went into has failed. */
class ProvableRows {
	readonly #source: AsyncIterator<Buffer>;
	/** The last chunk that was asked for. A pipeline that fails does not wait for it, and drops its error. */
	#last: Promise<IteratorResult<Buffer, unknown>> | undefined;

	constructor(rows: AsyncIterable<Buffer>) {
		this.#source = rows[Symbol.asyncIterator]();
	}

	/** Has no `return`, by which a pipeline that fails would end the source. */
	handedOut(): AsyncIterable<Buffer> {
		return { [Symbol.asyncIterator]: () => ({ next: () => this.#next() }) };
	}

	#next(): Promise<IteratorResult<Buffer, unknown>> {
		return (this.#last = this.#source.next());
	}

	/** Reads what is left. @throws the source's error, where it was damaged */
	async prove(): Promise<void> {
		let result = await (this.#last ?? this.#next());
		while (!result.done) result = await this.#next();
	}

	async end(): Promise<void> {
		await this.#source.return?.();
	}
}

/** True for an error that the server itself reports, and after which the session goes on. */
function isRefusal(error: unknown): boolean {
	return (error as { severity?: string }).severity === 'ERROR';
}

/**
 * Sends a COPY and its rows, which are all there, without waiting for the server to ask for them: one round trip. A server that
 * refuses the statement passes over the messages with rows ("COPY Operations" in the documentation of its protocol).
 */
class BufferCopy implements Submittable {
	#asked = false;
	#rows = 0;
	/** The socket has taken all, and the server has answered. A broken one might answer before it has read the rows. */
	readonly #isOver = { writing: false, answer: false };

	constructor(
		readonly statement: string,
		readonly rows: Buffer,
		readonly settled: { resolve: (rows: number) => void; reject: (error: unknown) => void },
	) {}

	submit({ stream }: Connection): void {
		const query = encodeQuery(Buffer.from(this.statement));
		if (this.rows.length <= JOINED_BYTES) {
			const data = this.rows.length > 0 ? [encodeMessage(MessageType.copyData, this.rows)] : [];
			stream.write(Buffer.concat([query, ...data, COPY_DONE]), () => this.#settle('writing'));
			return;
		}
		// Corked, all of it is handed to the kernel by as few calls as it takes, and nothing is copied.
		stream.cork();
		stream.write(query);
		for (let at = 0; at < this.rows.length; at += MESSAGE_BYTES) {
			const piece = this.rows.subarray(at, at + MESSAGE_BYTES);
			stream.write(copyDataHeader(piece.length));
			stream.write(piece);
		}
		stream.write(COPY_DONE, () => this.#settle('writing'));
		stream.uncork();
	}

	#settle(ended: 'answer' | 'writing'): void {
		this.#isOver[ended] = true;
		if (this.#isOver.answer && this.#isOver.writing) this.settled.resolve(this.#rows);
	}

	handleCopyInResponse(): void {
		this.#asked = true;
	}

	handleCommandComplete({ text }: { text: string }): void {
		this.#rows = Number(/^COPY (\d+)/.exec(text)?.[1] ?? 0);
	}

	handleReadyForQuery(): void {
		if (this.#asked) this.#settle('answer');
		else this.settled.reject(unasked());
	}

	handleError(error: unknown): void {
		this.settled.reject(error);
	}

	handleRowDescription(): void {}

	handleDataRow(): void {}

	handlePortalSuspended(): void {}

	handleEmptyQuery(): void {}

	handleCopyData(): void {}
}

function copyDataHeader(length: number): Buffer {
	const header = Buffer.allocUnsafe(HEADER_LENGTH);
	header[0] = MessageType.copyData;
	header.writeInt32BE(length + 4, 1);
	return header;
}

/** What `pg` calls as the server's messages arrive: see Client in pg/lib/client.js. */
interface AnswerHandlers {
	cb_ReadyForQuery?: () => void;
	handleCopyInResponse: (connection: unknown) => void;
	handleReadyForQuery: () => void;
	handleError: (error: Error) => void;
	handleRowDescription: () => void;
	handleDataRow: () => void;
	handleEmptyQuery: () => void;
	handlePortalSuspended: () => void;
	handleCopyData: () => void;
}

/**
 * pg-copy-streams expects that the server asks for rows, or refuses. With any other answer it would wait without an end, or
 * throw in the listener of a socket, where nobody can catch it. So other messages are ignored, and the stream fails where the
 * answer ends before the server has asked for rows.
 */
function failingUnasked(copy: CopyStreamQuery): CopyStreamQuery {
	const handlers = copy as unknown as AnswerHandlers;
	const { handleCopyInResponse, handleReadyForQuery } = handlers;
	let asked = false;
	handlers.handleCopyInResponse = (connection) => {
		asked = true;
		handleCopyInResponse.call(copy, connection);
	};
	handlers.handleReadyForQuery = () => {
		// The callback is set once all rows have been handed over.
		if (asked && handlers.cb_ReadyForQuery) handleReadyForQuery.call(copy);
		else handlers.handleError(unasked());
	};
	const passOver = () => {};
	handlers.handleRowDescription = passOver;
	handlers.handleDataRow = passOver;
	handlers.handleEmptyQuery = passOver;
	handlers.handlePortalSuspended = passOver;
	handlers.handleCopyData = passOver;
	return copy;
}

function unasked(): BackupError {
	return new BackupError('TARGET_FAILED', 'The server answered a COPY FROM STDIN without taking its rows.', {
		hint: 'Something between n8n and the server answers in its place (a proxy, a pooler), or the archive was forged.',
	});
}
