/**
 * How bytes come out of the bucket: one GET whose body is handed on as it arrives; when the reader is full the body is
 * paused, and the connection's own window holds the server back. When the connection breaks, the next read asks for the
 * rest by range, with If-Match on the ETag of the first answer, so that bytes of two different objects never mix. It
 * asks only once the reader wants more: a connection that was closed for idleness because the reader is slow costs one
 * request when it goes on, not one each time-out.
 */
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';

import { cancelled } from '../../errors';
import { onAbort } from '../abort';
import { lend } from '../lent';
import { failureOfConnection, isPassing, S3Failure } from './failure';
import { etagOf } from './object';
import type { Patience } from './retry';

export interface ReadSource {
	/** Asks for the bytes from `start` (in the object) to the end of what was asked for. */
	open: (start: number, etag: string, signal: AbortSignal) => Promise<IncomingMessage>;
	/** What the stream fails with. */
	explain: (failure: S3Failure) => Error;
	patience: Patience;
	signal: AbortSignal | undefined;
	/**
	 * Whether chunks are lent. The memory of one that is given back is free at once. Otherwise V8 frees it when it collects garbage, for
	 * which it looks through all that n8n has in memory, once for some dozens of megabytes that were read.
	 */
	lends?: boolean;
}

/** The first answer to a read, and where in the object its body begins. */
export interface FirstAnswer {
	response: IncomingMessage;
	start: number;
}

const CLOSED = cancelled();

/** Chunks that wait for the reader: of a connection, 64 KiB each at most. They are handed out as they are, not joined. */
const CHUNKS_AHEAD = 2;

export class ResumableRead extends Readable {
	#response: IncomingMessage | undefined;
	#position: number;
	readonly #end: number;
	readonly #etag: string;
	#broken: S3Failure | undefined;
	#resuming = false;
	readonly #stop = new AbortController();
	#leaveSignal: () => void = () => {};

	constructor(
		private readonly source: ReadSource,
		{ response, start }: FirstAnswer,
	) {
		super({ objectMode: true, highWaterMark: CHUNKS_AHEAD });
		this.#position = start;
		this.#end = start + Number(response.headers['content-length'] ?? NaN);
		this.#etag = etagOf(response.headers);
		this.#attach(response);
		// Its reader meets its errors; one that comes before or after anybody reads must not end the process.
		this.on('error', () => {});
		this.#leaveSignal = onAbort(source.signal, () => this.destroy(cancelled()));
	}

	override _read(): void {
		if (this.#response) this.#response.resume();
		else if (!this.#resuming) void this.#resume();
	}

	override _destroy(error: Error | null, done: (error: Error | null) => void): void {
		this.#leaveSignal();
		// Without a reason of its own, each costs the making of one, with a stack.
		this.#stop.abort(error ?? CLOSED);
		this.#response?.destroy();
		done(error);
	}

	#attach(response: IncomingMessage): void {
		this.#response = response;
		let broken: unknown;
		response.on('data', (chunk: Buffer) => {
			this.#position += chunk.length;
			this.source.patience.succeeded();
			if (!this.push(this.source.lends ? lent(chunk) : chunk)) response.pause();
		});
		response.on('error', (error) => (broken = error));
		response.on('close', () => this.#onClose(response, broken));
		response.pause();
	}

	#onClose(response: IncomingMessage, broken: unknown): void {
		this.#response = undefined;
		if (this.destroyed) return;
		const isWhole = Number.isNaN(this.#end) ? response.complete : this.#position === this.#end;
		if (isWhole) {
			this.push(null);
		} else if (this.#position > this.#end) {
			this.#fail(new S3Failure('The server sent more bytes than it announced', { status: 200 }));
		} else {
			this.#onBroken(broken ?? new S3Failure('The connection was closed too early', { code: 'ECONNRESET' }));
		}
	}

	#onBroken(error: unknown): void {
		const failure = failureOfConnection(error);
		this.#broken = failure;
		if (!isPassing(failure)) this.#fail(failure);
		else if (this.readableLength < this.readableHighWaterMark) void this.#resume();
	}

	async #resume(): Promise<void> {
		this.#resuming = true;
		try {
			await this.source.patience.afterFailure(this.#broken, this.#stop.signal);
			const response = await this.source.open(this.#position, this.#etag, this.#stop.signal);
			if (this.destroyed) response.destroy();
			else this.#attach(response);
			this.#response?.resume();
		} catch (error) {
			if (!this.destroyed) this.#fail(failureOfConnection(error));
		} finally {
			this.#resuming = false;
		}
	}

	#fail(failure: S3Failure): void {
		this.destroy(this.source.explain(failure));
	}
}

/** What every Node has that we run on, and the types of older standards do not know. */
type Transferable = ArrayBuffer & { transfer(length: number): ArrayBuffer };

/** Less is not worth the trouble. */
const LENT_BYTES = 4096;

/** A chunk whose memory is freed when it is given back; after that it is empty. */
function lent(chunk: Buffer): Buffer {
	const { buffer, length } = chunk;
	// One that shares its memory with others, as Node's small ones do, has to stay.
	const isAlone = buffer instanceof ArrayBuffer && buffer.byteLength === length;
	if (isAlone && length >= LENT_BYTES) lend(chunk, () => void (buffer as Transferable).transfer(0));
	return chunk;
}
