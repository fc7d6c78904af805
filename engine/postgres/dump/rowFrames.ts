import { PassThrough } from 'node:stream';

import type { ArchiveWriter } from '../../archive';
import type { RowConsumer } from '../copyOut';

import { FRAME_SIZE, type FrameBuffers } from './frameBuffers';

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
	part: { rows?: number };
	stream: PassThrough;
	stored: Promise<unknown>;
}

/**
 * Gathers rows into frames, each of which can be loaded by itself.
 *
 * Rows fill a buffer; a full one is handed to the archive, which compresses it while rows fill the next. The buffers come
 * from a pool that all connections share and go back to it when the archive has read them; while there is none, the
 * server waits. A row longer than a frame gets one of its own, streamed through instead of gathered, so
 * that memory stays bounded whatever stands in a column; the same way goes all that must not be split.
 */
export class RowFrames implements RowConsumer {
	rows = 0;
	/** Of the rows alone. */
	bytesRead = 0;
	readonly #header: Buffer;
	readonly #trailer: Buffer;
	/** Of FRAME_SIZE; taken with a frame's first row. */
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
		if (!this.#streamed) return this.#place(length);
		if (this.form.whole) {
			this.#streamed.part.rows = this.rows;
			return undefined;
		}
		return this.#endStream().then(() => this.#place(length));
	}

	bytes(chunk: Buffer, start: number, end: number): Promise<void> | undefined {
		if (!this.#streamed) {
			this.#used += chunk.copy(this.#buffer as Buffer, this.#used, start, end);
			return undefined;
		}
		if (this.#streamed.stream.write(Buffer.from(chunk.subarray(start, end)))) return undefined;
		return drained(this.#streamed);
	}

	/** Hands over what is left. The archive's `drain` tells when it has taken all. */
	async finish(): Promise<void> {
		// Where definitions are missing, only its frame shows that an empty table belongs to the archive.
		if (this.form.whole && this.rows === 0) this.#beginStream();
		if (this.#streamed) await this.#endStream();
		this.#flush();
	}

	#place(length: number): Promise<void> | undefined {
		const frameOfItsOwn = this.#header.length + length + this.#trailer.length;
		if (this.form.whole || frameOfItsOwn > FRAME_SIZE) return this.#beginStream();
		if (this.#used + length + this.#trailer.length > FRAME_SIZE) this.#flush();
		this.#rowsInFrame++;
		if (this.#buffer) return undefined;
		const buffer = this.buffers.take();
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

	#beginStream(): undefined {
		this.#flush();
		const part = { type: this.form.type, table: this.form.table, rows: Math.min(this.rows, 1) };
		const stream = new PassThrough({ highWaterMark: 1024 * 1024 });
		const stored = this.writer.stream(part, stream);
		stored.catch((error: Error) => stream.destroy(error));
		stream.on('error', () => {});
		this.#streamed = { part, stream, stored };
		stream.write(this.#header);
	}

	async #endStream(): Promise<void> {
		const { stream, stored } = this.#streamed as StreamedFrame;
		this.#streamed = undefined;
		stream.end(this.#trailer);
		await stored;
	}
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
