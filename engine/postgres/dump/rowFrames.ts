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

const NOTHING = Buffer.alloc(0);

/** Buffers of FRAME_SIZE that one dump uses again and again. */
export class FrameBuffers {
	readonly #free: Buffer[] = [];

	take(): Buffer {
		return this.#free.pop() ?? Buffer.allocUnsafeSlow(FRAME_SIZE);
	}

	give(buffer: Buffer): void {
		this.#free.push(buffer);
	}
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
 * Rows fill a buffer; a full one is handed to the archive, which compresses it while rows fill a second; when both are
 * full, the server waits. The buffers come from a pool and go back to it: fresh ones for every frame would keep the garbage
 * collector of the whole process busy. A row longer than a frame gets one of its own, streamed through instead of gathered, so
 * that memory stays bounded whatever stands in a column; the same way goes all that must not be split.
 */
export class RowFrames implements RowConsumer {
	rows = 0;
	/** Of the rows alone. */
	bytesRead = 0;
	readonly #header: Buffer;
	readonly #trailer: Buffer;
	/** Of FRAME_SIZE; taken with the first row. */
	#buffer: Buffer = NOTHING;
	#compressing: Promise<void> = Promise.resolve();
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
			this.#used += chunk.copy(this.#buffer, this.#used, start, end);
			return undefined;
		}
		const { stream, stored } = this.#streamed;
		if (stream.write(chunk.subarray(start, end))) return undefined;
		return Promise.race([once(stream, 'drain'), stored]).then(() => undefined);
	}

	/** Hands over what is left, and waits until the buffers are free again. */
	async finish(): Promise<void> {
		if (this.#streamed) await this.#endStream();
		await this.#flush();
		await this.#compressing;
	}

	#place(length: number): Promise<void> | undefined {
		const frameOfItsOwn = this.#header.length + length + this.#trailer.length;
		if (this.form.whole || frameOfItsOwn > FRAME_SIZE) return this.#beginStream();
		const full = this.#rowsInFrame > 0 && this.#used + length + this.#trailer.length > FRAME_SIZE;
		const flushed = full ? this.#flush() : undefined;
		if (this.#rowsInFrame === 0) {
			this.#buffer = this.buffers.take();
			this.#used = this.#header.copy(this.#buffer);
		}
		this.#rowsInFrame++;
		return flushed;
	}

	/** Hands the current frame to the archive. The promise ends when the one before it has been compressed. */
	#flush(): Promise<void> {
		if (this.#rowsInFrame === 0) return Promise.resolve();
		const part = { type: this.form.type, table: this.form.table, rows: this.#rowsInFrame };
		const buffer = this.#buffer;
		const frame = buffer.subarray(0, this.#used + this.#trailer.copy(buffer, this.#used));
		this.#buffer = NOTHING;
		this.#rowsInFrame = 0;
		const previous = this.#compressing;
		this.#compressing = previous.then(() => this.writer.frame(part, frame)).finally(() => this.buffers.give(buffer));
		// Awaited before the next flush or at the end; until then a failure must not count as unhandled.
		this.#compressing.catch(() => {});
		return previous;
	}

	async #beginStream(): Promise<void> {
		await this.#flush();
		await this.#compressing;
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
