import { PassThrough } from 'node:stream';

import type { ArchiveWriter } from '../../archive';
import type { RowConsumer } from '../copyOut';

import type { FrameBuffers } from './frameBuffers';

/** Rows of a streamed frame are handed over in blocks: one by one they would take as long as the rest of their way. */
const BLOCK_BYTES = 256 * 1024;

/** What a frame holds besides its rows. */
export interface FrameForm {
	type: 'data' | 'large-objects';
	/** Index into the manifest's tables. */
	table?: number;
	header: string;
	trailer: string;
	/** All rows in one frame, however many: for loads that must not be split. */
	whole?: boolean;
}

interface StreamedFrame {
	/** The archive reads it when the stream has ended. */
	part: { rows: number };
	stream: PassThrough;
	stored: Promise<unknown>;
	/** Bytes of rows that it still takes. */
	left: number;
	/** What has not been handed over yet. */
	block: Buffer;
	used: number;
}

/**
 * Gathers rows into frames, each of which can be loaded by itself.
 *
 * Rows fill a buffer; a full one is handed to the archive, which compresses it while rows fill the next. The buffers come
 * from a pool that all connections share and go back to it when the archive has read them; while there is none, the
 * server waits. A row longer than a frame gets one of its own, streamed through instead of gathered, so
 * that memory stays bounded whatever stands in a column. The same way goes all that must not be split, and all frames of an
 * archive that has grown so large that they do not fit into memory any more.
 */
export class RowFrames implements RowConsumer {
	rows = 0;
	/** Of the rows alone. */
	bytesRead = 0;
	readonly #header: Buffer;
	readonly #trailer: Buffer;
	/** Taken with a frame's first row. */
	#buffer: Buffer | undefined;
	#used = 0;
	#rowsInFrame = 0;
	#streamed: StreamedFrame | undefined;

	constructor(
		readonly writer: ArchiveWriter,
		readonly form: FrameForm,
		readonly buffers: FrameBuffers,
	) {
		this.#header = Buffer.from(form.header);
		this.#trailer = Buffer.from(form.trailer);
	}

	begin(length: number): Promise<void> | undefined {
		this.rows++;
		this.bytesRead += length;
		const streamed = this.#streamed;
		if (!streamed) return this.#place(length);
		if (length > streamed.left) return this.#endStream().then(() => this.#place(length));
		streamed.left -= length;
		streamed.part.rows++;
		return undefined;
	}

	bytes(chunk: Buffer, start: number, end: number): Promise<void> | undefined {
		const streamed = this.#streamed;
		if (!streamed) {
			this.#used += chunk.copy(this.#buffer as Buffer, this.#used, start, end);
			return undefined;
		}
		if (streamed.used + end - start <= BLOCK_BYTES) {
			streamed.used += chunk.copy(streamed.block, streamed.used, start, end);
			return undefined;
		}
		handOver(streamed);
		if (end - start <= BLOCK_BYTES) streamed.used = chunk.copy(streamed.block, 0, start, end);
		else streamed.stream.write(Buffer.from(chunk.subarray(start, end)));
		return streamed.stream.writableNeedDrain || streamed.stream.destroyed ? drained(streamed) : undefined;
	}

	/** Hands over what is left. The archive's `drain` tells when it has taken all. */
	async finish(): Promise<void> {
		// Where definitions are missing, only its frame shows that an empty table belongs to the archive.
		if (this.form.whole && this.rows === 0) this.#beginStream(0, Infinity);
		if (this.#streamed) await this.#endStream();
		this.#flush();
	}

	#place(length: number): Promise<void> | undefined {
		if (this.form.whole) return this.#beginStream(1, Infinity);
		if (this.#buffer && this.#used + length + this.#trailer.length <= this.#buffer.length) {
			this.#rowsInFrame++;
			return undefined;
		}
		this.#flush();
		const size = this.writer.frameSize(this.buffers.sizes);
		const frameOfItsOwn = this.#header.length + length + this.#trailer.length;
		if (size > this.buffers.sizes.largest || frameOfItsOwn > size) return this.#beginStream(1, size - frameOfItsOwn);
		this.#rowsInFrame++;
		const buffer = this.buffers.take(size);
		if (Buffer.isBuffer(buffer)) return this.#beginFrame(buffer);
		return buffer.then((taken) => this.#beginFrame(taken));
	}

	#beginFrame(buffer: Buffer): undefined {
		this.#buffer = buffer;
		this.#used = this.#header.copy(buffer);
	}

	/** Hands the current frame to the archive; its buffer goes back to the pool by itself. */
	#flush(): void {
		const buffer = this.#buffer;
		if (!buffer) return;
		const end = this.#used + this.#trailer.copy(buffer, this.#used);
		const part = { type: this.form.type, table: this.form.table, rows: this.#rowsInFrame };
		this.#buffer = undefined;
		this.#used = 0;
		this.#rowsInFrame = 0;
		this.writer.frame(part, buffer.subarray(0, end)).then(
			() => this.buffers.give(buffer),
			(error: unknown) => this.buffers.fail(error),
		);
	}

	/** @param rows Those that are known to come: none or one @param left Bytes of rows that may follow */
	#beginStream(rows: number, left: number): undefined {
		this.#flush();
		const part = { type: this.form.type, table: this.form.table, rows };
		const stream = new PassThrough({ highWaterMark: 1024 * 1024 });
		const stored = this.writer.stream(part, stream);
		stored.catch((error: Error) => stream.destroy(error));
		stream.on('error', () => {});
		this.#streamed = { part, stream, stored, left, block: Buffer.allocUnsafeSlow(BLOCK_BYTES), used: 0 };
		stream.write(this.#header);
	}

	async #endStream(): Promise<void> {
		const streamed = this.#streamed as StreamedFrame;
		this.#streamed = undefined;
		handOver(streamed);
		streamed.stream.end(this.#trailer);
		await streamed.stored;
	}
}

/** Hands what is gathered of a streamed frame to the archive. */
function handOver(streamed: StreamedFrame): void {
	if (streamed.used === 0) return;
	streamed.stream.write(streamed.block.subarray(0, streamed.used));
	streamed.block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
	streamed.used = 0;
}

/**
 * Waits until the archive wants more of a stream. Only a stream that has closed asks `stored` why: a reaction on it for
 * every wait would stay in memory until the frame ends.
 */
function drained({ stream, stored }: StreamedFrame): Promise<void> {
	if (stream.destroyed) return endOf(stored);
	return new Promise((resolve, reject) => {
		const onDrain = () => {
			stream.off('close', onClose);
			resolve();
		};
		const onClose = () => {
			stream.off('drain', onDrain);
			endOf(stored).catch(reject);
		};
		stream.once('drain', onDrain).once('close', onClose);
	});
}

/** Throws what the archive has ended a frame with. */
async function endOf(stored: Promise<unknown>): Promise<never> {
	await stored;
	throw new Error('The archive took a frame for ended before its last row.');
}
