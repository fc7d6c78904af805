import { once } from 'node:events';
import { PassThrough } from 'node:stream';

import type { ArchiveWriter } from '../../archive';
import type { RowConsumer } from '../rawSocket';

/** Raw bytes of a frame. Large enough to compress well, small enough that a restore of one table reads little more. */
export const FRAME_SIZE = 8 * 1024 * 1024;

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
 * Rows fill a buffer; a full one is handed to the archive, which compresses it while rows fill the next; when the archive
 * has no room, the server waits. A row longer than a frame gets one of its own, streamed through instead of gathered, so
 * that memory stays bounded whatever stands in a column; the same way goes all that must not be split.
 */
export class RowFrames implements RowConsumer {
	rows = 0;
	/** Of the rows alone. */
	bytesRead = 0;
	readonly #header: Buffer;
	readonly #trailer: Buffer;
	/** Of FRAME_SIZE while it is filled; allocated with the first row. */
	#buffer: Buffer = Buffer.alloc(0);
	#used = 0;
	#rowsInFrame = 0;
	#streamed: StreamedFrame | undefined;

	constructor(
		readonly writer: ArchiveWriter,
		readonly form: FrameForm,
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
			this.#used += chunk.copy(this.#buffer, this.#used, start, end);
			return undefined;
		}
		const { stream, stored } = this.#streamed;
		if (stream.write(chunk.subarray(start, end))) return undefined;
		return Promise.race([once(stream, 'drain'), stored]).then(() => undefined);
	}

	/** Hands over what is left. The archive's `drain` tells when it has taken all. */
	async finish(): Promise<void> {
		if (this.#streamed) await this.#endStream();
		await this.#flush();
	}

	#place(length: number): Promise<void> | undefined {
		const frameOfItsOwn = this.#header.length + length + this.#trailer.length;
		if (this.form.whole || frameOfItsOwn > FRAME_SIZE) return this.#beginStream();
		const full = this.#rowsInFrame > 0 && this.#used + length + this.#trailer.length > FRAME_SIZE;
		const flushed = full ? this.#flush() : undefined;
		if (this.#rowsInFrame === 0) {
			this.#buffer = Buffer.allocUnsafeSlow(FRAME_SIZE);
			this.#used = this.#header.copy(this.#buffer);
		}
		this.#rowsInFrame++;
		return flushed;
	}

	/** Hands the current frame to the archive. The promise ends when there is room for the next. */
	async #flush(): Promise<void> {
		if (this.#rowsInFrame === 0) return;
		const part = { type: this.form.type, table: this.form.table, rows: this.#rowsInFrame };
		const end = this.#used + this.#trailer.copy(this.#buffer, this.#used);
		this.#rowsInFrame = 0;
		await this.writer.frame(part, this.#buffer.subarray(0, end));
	}

	async #beginStream(): Promise<void> {
		await this.#flush();
		const part = { type: this.form.type, table: this.form.table, rows: 1 };
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
