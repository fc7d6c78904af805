/**
 * Buffers of the frames of one writer, used again when the storage has taken them: fresh ones for every frame would make the
 * garbage collector of the whole process work. All encoders share them, because a storage that is slower than the encoders
 * gives back at once what all of them made; each encoder that kept its own would hold as much as all need together.
 */

import { release } from '../../storage/lent';

/** Bytes that wait here at most, which are eight frames of 8 MiB. What is more is left to the garbage collector. */
const MAX_SPARE_BYTES = 64 * 1024 * 1024;

/** Buffers are whole such steps long, so that one serves for frames of about the same length. */
const STEP_BYTES = 256 * 1024;

export class SpareFrames {
	/** The oldest first. */
	#spare: Buffer<ArrayBuffer>[] = [];
	#bytes = 0;
	#isClosed = false;

	/** Bytes that wait to be used again. */
	get bytes(): number {
		return this.#bytes;
	}

	/** A buffer of at least so many bytes. */
	take(length: number): Buffer<ArrayBuffer> {
		const at = this.#spare.findIndex((buffer) => buffer.length >= length);
		// Where none is long enough, frames have grown, and one of the old ones makes room.
		const [found] = this.#spare.splice(Math.max(0, at), 1);
		this.#bytes -= found?.length ?? 0;
		if (found && at >= 0) return found;
		return Buffer.allocUnsafeSlow(Math.ceil(length / STEP_BYTES) * STEP_BYTES);
	}

	/** Takes back what `take` handed out and nobody uses any more. */
	give(buffer: Buffer<ArrayBuffer>): void {
		if (this.#isClosed || this.#bytes + buffer.length > MAX_SPARE_BYTES) return;
		this.#spare.push(buffer);
		this.#bytes += buffer.length;
	}

	/** Frees all that waits, and keeps nothing that is given back later. */
	close(): void {
		this.#isClosed = true;
		for (const buffer of this.#spare.splice(0)) release(buffer);
		this.#bytes = 0;
	}
}
