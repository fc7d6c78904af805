/**
 * How frames are compressed: on the thread pool, as many at once as there are cores; the others wait their turn. Frames that
 * are the writer's own and come in pieces are joined in buffers that are used again.
 */
import { availableParallelism } from 'node:os';

import { giveBack } from '../../storage/lent';
import { totalLength } from '../blocks';
import type { CodecOptions } from '../codec';
import { FrameEncoder } from './frame-encoder';
import { SpareFrames } from './spare-frames';

/** As many frames as there are cores, with a thread of the pool left for files and name look-ups. */
export const COMPRESSORS = Math.max(
	1,
	Math.min(availableParallelism(), (Number(process.env.UV_THREADPOOL_SIZE) || 4) - 1),
);

export class FrameCompressor {
	readonly #codec: CodecOptions;
	/** For frames, and for what is joined before it becomes one. */
	readonly #spare = new SpareFrames();
	/** Encoders that are not at work. */
	readonly #idle: FrameEncoder[] = [];
	#busy = 0;
	#waiting: (() => void)[] = [];
	#failure: { error: unknown } | undefined;

	constructor(codec: CodecOptions) {
		this.#codec = codec;
	}

	/** Compresses a frame; until then its buffers must not change. Rejects with what compressing was stopped with. */
	async compress(raw: Uint8Array[]): Promise<Uint8Array[]> {
		while (this.#busy >= COMPRESSORS && !this.#failure) {
			await new Promise<void>((resolve) => this.#waiting.push(resolve));
		}
		if (this.#failure) throw this.#failure.error;
		this.#busy++;
		const encoder = this.#idle.pop() ?? new FrameEncoder(this.#codec, this.#spare);
		try {
			const frame = await encoder.encode(raw);
			this.#idle.push(encoder);
			return [frame];
		} catch (error) {
			encoder.close();
			throw error;
		} finally {
			this.#busy--;
			this.#wake();
		}
	}

	/** As `compress`, of buffers that nobody else uses any more: without compression they are the frame. */
	async compressGiven(raw: Uint8Array[]): Promise<Uint8Array[]> {
		if (this.#codec.name === 'none') return raw;
		const [only] = raw;
		if (only && raw.length === 1) return await this.compress(raw).finally(() => giveBack(only));
		const { joined, buffer } = this.#join(raw);
		try {
			return await this.compress([joined]);
		} finally {
			this.#spare.give(buffer);
		}
	}

	/** Whatever still waits, or is to be compressed later, fails with this error. */
	stop(error: unknown): void {
		this.#failure ??= { error };
		this.#wake();
	}

	/** Releases the memory of the codec; to be called when nothing is being compressed any more. */
	close(): void {
		for (const encoder of this.#idle.splice(0)) encoder.close();
		this.#spare.close();
	}

	/** Copies pieces into one buffer, to be used again for the next: megabytes of garbage for each frame would cost memory. */
	#join(pieces: Uint8Array[]): { joined: Uint8Array; buffer: Buffer<ArrayBuffer> } {
		const length = totalLength(pieces);
		const buffer = this.#spare.take(length);
		let offset = 0;
		for (const piece of pieces) {
			buffer.set(piece, offset);
			offset += piece.length;
			giveBack(piece);
		}
		return { joined: buffer.subarray(0, length), buffer };
	}

	#wake(): void {
		for (const wake of this.#waiting.splice(0)) wake();
	}
}
