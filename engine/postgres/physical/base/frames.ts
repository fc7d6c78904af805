import { type ArchiveWriter, frameBytes, type FrameSizes } from '../../../archive';
import { ByteChannel } from '../../../archive/write/channel';
import { lend } from '../../../storage/lent';

/** Some are compressed at once, and some wait for the storage: their size times a dozen is memory. */
const FRAME_SIZES: FrameSizes = { smallest: frameBytes(4), largest: frameBytes(8) };

/** Of a frame that is streamed, so much may wait. */
const CHANNEL_BYTES = 4 * 1024 * 1024;
const STREAM_BLOCK_BYTES = 1024 * 1024;

/**
 * Cuts a stream into frames, whatever its pieces. Pieces are copied into buffers that are used again once the writer is done with
 * them, so the stream's own buffers may be, too. Where nothing is compressed or encrypted, all of one type is a single frame, which is
 * streamed: its bytes are then hashed once, for it and for the file.
 */
export class FrameFiller {
	readonly #writer: ArchiveWriter;
	readonly #spare: Buffer[] = [];
	#buffer: Buffer | undefined;
	/** Bytes in the buffer, and how many it takes. */
	#filled = 0;
	#room = 0;
	/** Bytes of the frame, and how many it is to have. */
	#bytes = 0;
	#size = 0;
	#type = '';
	/** The frame that is being filled, where it is too large for memory: see frame-size.ts. */
	#stream: { channel: ByteChannel; job: Promise<unknown> } | undefined;

	constructor(writer: ArchiveWriter) {
		this.#writer = writer;
	}

	/** What comes now is of another type, and begins a frame. */
	async begin(type: string): Promise<void> {
		await this.#flush();
		this.#type = type;
	}

	/** Copies a piece; waits where the writer has no room. */
	async push(piece: Uint8Array): Promise<void> {
		for (let at = 0; at < piece.length;) {
			if (this.#bytes === 0) this.#beginFrame();
			this.#buffer ??= this.#spare.pop() ?? Buffer.allocUnsafeSlow(this.#room);
			const end = Math.min(at + this.#room - this.#filled, piece.length);
			this.#buffer.set(piece.subarray(at, end), this.#filled);
			this.#filled += end - at;
			this.#bytes += end - at;
			at = end;
			if (this.#bytes >= this.#size) await this.#flush();
			else if (this.#filled === this.#room) await this.#stream?.channel.push(this.#taken());
		}
	}

	/** Hands the last frame over, and waits until all are in the file. */
	async finish(): Promise<void> {
		await this.#flush();
		await this.#writer.drain();
	}

	async #flush(): Promise<void> {
		const stream = this.#stream;
		this.#stream = undefined;
		this.#bytes = 0;
		if (!stream) {
			if (this.#filled > 0) await this.#writer.frame({ type: this.#type }, [this.#taken()], { isGiven: true });
			return;
		}
		if (this.#filled > 0) await stream.channel.push(this.#taken());
		stream.channel.end();
		await stream.job;
	}

	/** What is in the buffer, lent: the buffer comes back when it was written. */
	#taken(): Uint8Array {
		const buffer = this.#buffer!;
		const filled = buffer.subarray(0, this.#filled);
		this.#buffer = undefined;
		this.#filled = 0;
		return lend(filled, () => {
			if (buffer.length === this.#room) this.#spare.push(buffer);
		});
	}

	#beginFrame(): void {
		const size = this.#writer.isVerbatim ? Infinity : this.#writer.frameSize(FRAME_SIZES);
		this.#size = size;
		const isStreamed = size > FRAME_SIZES.largest;
		const room = isStreamed ? STREAM_BLOCK_BYTES : size;
		if (room !== this.#room) this.#spare.splice(0);
		this.#room = room;
		if (!isStreamed) return;
		const channel = new ByteChannel(CHANNEL_BYTES);
		const job = this.#writer.stream({ type: this.#type }, channel);
		job.catch((error: unknown) => channel.destroy(error));
		this.#stream = { channel, job };
	}
}
