import { type ArchiveWriter, frameBytes, type FrameSizes } from '../../../archive';
import { ByteChannel } from '../../../archive/write/channel';
import { lend } from '../../../storage/lent';

/** Some are compressed at once, and some wait for the storage: their size times a dozen is memory. */
const FRAME_SIZES: FrameSizes = { smallest: frameBytes(4), largest: frameBytes(8) };

/** Of a frame that is streamed, so much may wait. */
const CHANNEL_BYTES = 4 * 1024 * 1024;

/**
 * Cuts a stream into frames, whatever its pieces. Pieces are copied into buffers that are used again once the writer is done with
 * them, so the stream's own buffers may be, too.
 */
export class FrameFiller {
	readonly #writer: ArchiveWriter;
	readonly #spare: Buffer[] = [];
	#buffer: Buffer | undefined;
	#filled = 0;
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
			if (!this.#buffer && !this.#stream) this.#beginFrame();
			const end = Math.min(at + this.#size - this.#filled, piece.length);
			if (this.#buffer) this.#buffer.set(piece.subarray(at, end), this.#filled);
			else await this.#stream?.channel.push(Buffer.from(piece.subarray(at, end)));
			this.#filled += end - at;
			at = end;
			if (this.#filled === this.#size) await this.#flush();
		}
	}

	/** Hands the last frame over, and waits until all are in the file. */
	async finish(): Promise<void> {
		await this.#flush();
		await this.#writer.drain();
	}

	async #flush(): Promise<void> {
		const [buffer, stream, filled] = [this.#buffer, this.#stream, this.#filled];
		this.#buffer = undefined;
		this.#stream = undefined;
		this.#filled = 0;
		if (buffer) {
			const frame = lend(buffer.subarray(0, filled), () => this.#spare.push(buffer));
			await this.#writer.frame({ type: this.#type }, [frame], { isGiven: true });
		}
		stream?.channel.end();
		await stream?.job;
	}

	#beginFrame(): void {
		this.#size = this.#writer.frameSize(FRAME_SIZES);
		if (this.#size <= FRAME_SIZES.largest) {
			const spare = this.#spare.pop();
			this.#buffer = spare && spare.length >= this.#size ? spare : Buffer.allocUnsafeSlow(this.#size);
			return;
		}
		const channel = new ByteChannel(CHANNEL_BYTES);
		const job = this.#writer.stream({ type: this.#type }, channel);
		job.catch((error: unknown) => channel.destroy(error));
		this.#stream = { channel, job };
	}
}
