/**
 * Compresses frame after frame on libuv's thread pool with one context of zstd's or zlib's and one output buffer, both
 * used again for every frame. A context and a buffer of 8 MB for each frame would cost more than they seem to: memory
 * outside of the JavaScript heap counts towards V8's next major collection, so a backup of 670 MB made 28 of them, each
 * over the whole heap of the process, which in n8n is hundreds of megabytes.
 *
 * Three facts about Node's zlib shape this file:
 * - `zlib.zstdCompress` first feeds the input without saying that it is all of it and ends the frame in a second call.
 *   One write that already carries the end flag makes zstd take its single-pass route, where the output has room for
 *   content that does not compress: a third faster, a little smaller, and the size of the content stands in the frame's
 *   header.
 * - A stream of Node's goes on in its output buffer where the last frame ended, and takes a new buffer when that is full.
 *   Only its property `_outOffset`, which is not documented, leads it back to the beginning. Whether that still holds is
 *   seen in each frame's output; where it does not, each frame gets a stream of its own.
 * - A frame that ends exactly at the end of the output buffer would be followed by an empty one, since the stream asks for
 *   more. The room is always larger than any frame of that content, so this cannot happen.
 */
import type { Transform } from 'node:stream';
import * as zlib from 'node:zlib';

import { lend } from '../../storage/lent';
import { zstdOptions, type CodecOptions } from '../codec';
import { SpareFrames } from './spare-frames';

/** A stream and its buffer are kept for the next frame up to this size of the buffer. */
const MAX_KEPT_BYTES = 32 * 1024 * 1024;
/** Smaller buffers would be part of Node's pool, and so begin anywhere. */
const MIN_ROOM_BYTES = 256 * 1024;
/** Shorter frames are garbage that costs less than to look for a buffer. */
const MIN_SPARE_BYTES = 256 * 1024;

/** A compressor of Node's, with what it keeps to itself. */
type Engine = Transform & { _outOffset?: number };

/** Compresses one frame at a time. Ends with `close`. */
export class FrameEncoder {
	readonly #codec: CodecOptions;
	#engine: Engine | undefined;
	/** Bytes of the engine's output buffer. */
	#room = 0;
	/** Whether an engine serves more than one frame. */
	#isReusable = true;
	#output: Uint8Array[] = [];
	#onFailure: (error: Error) => void = () => {};

	/** @param spare Buffers for the frames; those of one writer share them */
	constructor(
		codec: CodecOptions,
		private readonly spare = new SpareFrames(),
	) {
		this.#codec = codec;
	}

	/**
	 * The frame of this content. Until it resolves the content must not change; the frame shares no memory with it, and is
	 * lent (see storage/lent.ts): whoever gives it back lets a later frame have its memory. After a failure the encoder is of
	 * no more use.
	 */
	async encode(raw: Uint8Array[]): Promise<Uint8Array> {
		const [only] = raw;
		if (this.#codec.name === 'none') return Buffer.concat(raw);
		const whole = raw.length === 1 && only ? only : Buffer.concat(raw);
		const room = roomFor(whole.length);
		if (room > this.#room || !this.#isReusable) this.#renew(room);
		let piece = await this.#write(whole);
		if (!piece) {
			this.#isReusable = false;
			this.#renew(room);
			piece = await this.#write(whole);
		}
		if (!piece) throw new Error('This Node.js compresses a frame in several pieces.');
		const frame = this.#copyOf(piece);
		if (room > MAX_KEPT_BYTES) this.close();
		return frame;
	}

	/** A copy in memory that is used again when it was given back, for the same reason as the output buffer. */
	#copyOf(piece: Uint8Array): Uint8Array {
		if (piece.length < MIN_SPARE_BYTES || piece.length > MAX_KEPT_BYTES) {
			const copy = Buffer.allocUnsafeSlow(piece.length);
			copy.set(piece);
			return copy;
		}
		const buffer = this.spare.take(piece.length);
		const copy = buffer.subarray(0, piece.length);
		copy.set(piece);
		return lend(copy, () => this.spare.give(buffer));
	}

	/** Releases the context and the buffer. What is being compressed fails. */
	close(): void {
		this.#engine?.destroy();
		this.#engine = undefined;
		this.#room = 0;
		this.#onFailure(new Error('The compressor was closed.'));
	}

	/** The frame in the output buffer; undefined where it does not begin where the buffer does. */
	async #write(whole: Uint8Array): Promise<Uint8Array | undefined> {
		const engine = this.#engine as Engine;
		this.#output = [];
		engine._outOffset = 0;
		await new Promise<void>((resolve, reject) => {
			this.#onFailure = reject;
			engine.write(whole, (error) => (error ? reject(error) : resolve()));
		});
		const [piece] = this.#output;
		if (!piece || this.#output.length > 1 || piece.byteOffset > 0) return undefined;
		if (this.#codec.name === 'gzip') (engine as Transform & zlib.ZlibReset).reset();
		return piece;
	}

	#renew(room: number): void {
		this.close();
		const engine = createEngine(this.#codec, room);
		engine.on('data', (chunk: Uint8Array) => this.#output.push(chunk));
		engine.on('error', (error) => {
			if (this.#engine === engine) this.#onFailure(error);
		});
		this.#engine = engine;
		this.#room = room;
	}
}

/** Each write ends a frame; ending the stream as well would append an empty frame. */
function createEngine({ name, level = 0 }: CodecOptions, chunkSize: number): Engine {
	const { ZSTD_e_end, Z_FINISH } = zlib.constants;
	if (name === 'zstd') return zlib.createZstdCompress({ ...zstdOptions(level), chunkSize, flush: ZSTD_e_end });
	return zlib.createGzip({ level, chunkSize, flush: Z_FINISH });
}

/** More than content of this length takes that does not compress; a power of two, so that few lengths need a new buffer. */
function roomFor(length: number): number {
	const bound = length + (length >> 7) + 1024;
	return Math.max(MIN_ROOM_BYTES, 2 ** Math.ceil(Math.log2(bound)));
}
