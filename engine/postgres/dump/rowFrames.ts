import { PassThrough } from 'node:stream';

import type { ArchiveWriter, PartDetails } from '../../archive';
import type { RowConsumer } from '../copyOut';
import { ROWS_PART, SHARED_ROWS_PART } from '../rowParts';

import type { FrameBuffers } from './frameBuffers';

/** Rows of a streamed frame are handed over in blocks: one by one they would take as long as the rest of their way. */
const BLOCK_BYTES = 256 * 1024;

/** What loads rows of one table by itself: what stands before and after them. */
export interface FrameForm {
	type: typeof ROWS_PART | 'large-objects';
	/** Index into the manifest's tables. */
	table?: number;
	header: string;
	trailer: string;
	/** All rows in one frame, however many: for loads that must not be split. */
	whole?: boolean;
	/** Rows of other tables may stand in the same frame. */
	isShared?: boolean;
}

interface StreamedFrame {
	/** The archive reads it when the stream has ended. */
	part: PartDetails & { rows: number };
	stream: PassThrough;
	stored: Promise<unknown>;
	/** Bytes of rows that it still takes. */
	left: number;
	/** Bytes of rows that came before it. */
	from: number;
	/** What has not been handed over yet. */
	block: Buffer;
	used: number;
}

/** Raw bytes of a frame of several tables, after which no other begins in it: who restores one of them reads them all. */
const SHARED_BYTES = 1024 * 1024;

/**
 * Gathers rows into frames, each of which can be loaded by itself.
 *
 * Rows fill a buffer; a full one is handed to the archive, which compresses it while rows fill the next. The buffers come
 * from a pool that all connections share and go back to it when the archive has read them; while there is none, the
 * server waits. A row longer than a frame gets one of its own, streamed through instead of gathered, so
 * that memory stays bounded whatever stands in a column. The same way goes all that must not be split, and all frames of an
 * archive that has grown so large that they do not fit into memory any more.
 *
 * Rows of several tables may come one after another and share frames. Such a frame holds, for each of its tables, what loads
 * rows of that table. What does not fit of a table is at the beginning of the next frame.
 */
export class RowFrames implements RowConsumer {
	/** Rows of all tables together. */
	rows = 0;
	/** Bytes of the rows alone. */
	bytesRead = 0;
	#form: FrameForm;
	#header: Buffer;
	#trailer: Buffer;
	/** Taken with a frame's first row. */
	#buffer: Buffer | undefined;
	#used = 0;
	#rowsInFrame = 0;
	/** The tables of the current frame. */
	#tables: number[] = [];
	/** Whether the header of the current table stands in the current frame, and its trailer does not yet. */
	#isOpen = false;
	#streamed: StreamedFrame | undefined;

	constructor(
		readonly writer: ArchiveWriter,
		form: FrameForm,
		readonly buffers: FrameBuffers,
	) {
		this.#form = form;
		this.#header = Buffer.from(form.header);
		this.#trailer = Buffer.from(form.trailer);
	}

	/** The rows that follow are those of another table. */
	protected turnTo(form: FrameForm): void {
		this.#endTable();
		this.#form = form;
		this.#header = Buffer.from(form.header);
		this.#trailer = Buffer.from(form.trailer);
	}

	begin(length: number): Promise<void> | undefined {
		this.rows++;
		this.bytesRead += length;
		const streamed = this.#streamed;
		if (!streamed) return this.#place(length);
		if (this.#isOpen ? length > streamed.left : !this.#mayJoin(streamed, length)) {
			return this.#placeAfterStream(length);
		}
		if (!this.#isOpen) this.#openTable();
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
		this.#endTable();
		if (this.#streamed) await this.#endStream();
		this.#flush();
	}

	/** Whether rows of the current table may begin in a streamed frame that holds those of others. */
	#mayJoin({ from }: StreamedFrame, length: number): boolean {
		const { whole, isShared } = this.#form;
		return whole === true && isShared === true && this.bytesRead - length - from < SHARED_BYTES;
	}

	/** Makes room for a row, and the frame that it goes into. */
	#place(length: number): Promise<void> | undefined {
		const { whole, isShared } = this.#form;
		if (whole) return this.#beginStream(1, Infinity, length);
		const ends = length + this.#trailer.length;
		if (this.#buffer) {
			const isOpen =
				this.#isOpen || (this.#used < SHARED_BYTES && this.#used + this.#header.length + ends <= this.#buffer.length);
			if (isOpen && this.#used + ends <= this.#buffer.length) {
				if (!this.#isOpen) this.#openTable();
				this.#rowsInFrame++;
				return undefined;
			}
		}
		this.#flush();
		const { sizes } = this.buffers;
		const size = isShared ? sizes.smallest : this.writer.frameSize(sizes);
		const frameOfItsOwn = this.#header.length + ends;
		if (size > sizes.largest || frameOfItsOwn > size) return this.#beginStream(1, size - frameOfItsOwn, length);
		this.#rowsInFrame++;
		const buffer = this.buffers.take(size);
		return Buffer.isBuffer(buffer) ? this.#beginFrame(buffer) : this.#beginFrameLater(buffer);
	}

	// Functions within `begin` or `#place` would cost an object for each row, whether they are made or not.

	async #placeAfterStream(length: number): Promise<void> {
		await this.#endStream();
		await this.#place(length);
	}

	async #beginFrameLater(buffer: Promise<Buffer>): Promise<void> {
		this.#beginFrame(await buffer);
	}

	#beginFrame(buffer: Buffer): undefined {
		this.#buffer = buffer;
		this.#openTable();
	}

	#openTable(): void {
		const streamed = this.#streamed;
		this.#isOpen = true;
		if (this.#form.table !== undefined) this.#tables.push(this.#form.table);
		if (streamed) append(streamed, this.#header);
		else this.#used += this.#header.copy(this.#buffer as Buffer, this.#used);
	}

	#closeTable(): void {
		if (!this.#isOpen) return;
		this.#isOpen = false;
		if (this.#streamed) append(this.#streamed, this.#trailer);
		else this.#used += this.#trailer.copy(this.#buffer as Buffer, this.#used);
	}

	/** No row of the current table follows. */
	#endTable(): void {
		// Where definitions are missing, only its frame shows that an empty table belongs to the archive.
		if (this.#form.whole && !this.#isOpen) {
			if (this.#streamed) this.#openTable();
			else this.#beginStream(0, Infinity, 0);
		}
		this.#closeTable();
	}

	/** What the manifest says of the current frame, which ends. */
	#endFrame(rows: number): PartDetails & { rows: number } {
		const [table, ...others] = this.#tables;
		const tables = this.#tables;
		this.#tables = [];
		if (others.length > 0) return { type: SHARED_ROWS_PART, tables, rows };
		return { type: this.#form.type, table, rows };
	}

	/** Hands the current frame to the archive; its buffer goes back to the pool by itself. */
	#flush(): void {
		const buffer = this.#buffer;
		if (!buffer) return;
		this.#closeTable();
		const frame = buffer.subarray(0, this.#used);
		const part = this.#endFrame(this.#rowsInFrame);
		this.#buffer = undefined;
		this.#used = 0;
		this.#rowsInFrame = 0;
		this.writer.frame(part, frame).then(
			() => this.buffers.give(buffer),
			(error: unknown) => this.buffers.fail(error),
		);
	}

	/** @param rows Those that are known to come: none or one @param left Bytes of rows that may follow @param length Of the first */
	#beginStream(rows: number, left: number, length: number): undefined {
		this.#flush();
		const part = { type: this.#form.type, rows };
		const stream = new PassThrough({ highWaterMark: 1024 * 1024 });
		const stored = this.writer.stream(part, stream);
		stored.catch((error: Error) => stream.destroy(error));
		stream.on('error', () => {});
		const block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
		this.#streamed = { part, stream, stored, left, from: this.bytesRead - length, block, used: 0 };
		this.#openTable();
	}

	async #endStream(): Promise<void> {
		const streamed = this.#streamed as StreamedFrame;
		this.#closeTable();
		this.#streamed = undefined;
		Object.assign(streamed.part, this.#endFrame(streamed.part.rows));
		handOver(streamed);
		streamed.stream.end();
		await streamed.stored;
	}
}

/** Adds what is no row to a streamed frame. */
function append(streamed: StreamedFrame, bytes: Buffer): void {
	handOver(streamed);
	streamed.stream.write(bytes);
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
