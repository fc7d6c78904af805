/**
 * Decompresses frame after frame on libuv's thread pool, for readers that give each frame's content back when they are done
 * with it (storage/lent.ts). A decompressor and its output buffer belong together: the content of a frame lies in that buffer,
 * nothing is copied, and both serve another frame once the content was given back. Fresh buffers of 8 MiB for every frame cost
 * more than they seem to: memory outside of the JavaScript heap counts towards V8's next major collection, so a restore of
 * 720 MB made some 40 of them, each over the whole heap of the process, which in n8n is hundreds of megabytes.
 *
 * What this file relies on in Node's zlib:
 * - A stream that gets a whole frame in one write, and has room for all that comes out of it, hands it out as one chunk at the
 *   beginning of its output buffer. zstd then takes its single-pass route, without a window of its own.
 * - Only the property `_outOffset`, which is not documented, leads a stream back to the beginning of its buffer. Whether that
 *   still holds is seen in each frame's output; where it does not, frames are decompressed as by decompressFrame.
 * - A stream stops at the end of a zstd frame, emits `end` where bytes follow, and never calls back. Bytes that follow a gzip
 *   member end it the same way, unless they look like another member, which is then decompressed as well; the caller
 *   compares the length.
 */
import type { Transform } from 'node:stream';
import * as zlib from 'node:zlib';

import { lend } from '../../storage/lent';
import { decompressFrame, type CodecName } from '../codec';
import type { ByteCursor } from '../cursor';

/** Smaller buffers would be part of Node's pool, and so begin anywhere. */
const MIN_ROOM_BYTES = 256 * 1024;
/** Bytes of the buffers that wait here at most; what is more is left to the garbage collector. */
const MAX_SPARE_BYTES = 64 * 1024 * 1024;

/** A decompressor of Node's, with what it keeps to itself. */
type Engine = Transform & zlib.Zlib & zlib.ZlibReset & { _outOffset?: number };

/** Decompresses the frames of one pass over an archive. Ends with `close`. */
export class FrameDecoder {
	/** The oldest first. */
	readonly #spare: Decompressor[] = [];
	#spareBytes = 0;
	/** The frame that is being decompressed, and the next one. */
	#stored = [Buffer.alloc(0), Buffer.alloc(0)];
	#isReusable = true;
	#isClosed = false;

	constructor(private readonly codec: Exclude<CodecName, 'none'>) {}

	/** The next frame of the cursor as it is stored. It stays as it is until the call after the next. Throws EndedEarly. */
	async read(cursor: ByteCursor, length: number): Promise<Uint8Array> {
		const [other, before] = this.#stored as [Buffer<ArrayBuffer>, Buffer<ArrayBuffer>];
		const stored = length > other.length ? Buffer.allocUnsafeSlow(roomFor(length)) : other;
		this.#stored = [before, stored];
		return await cursor.takeInto(stored.subarray(0, length));
	}

	/**
	 * The content of a frame, lent: once it was given back, the content of another frame takes its place. Rejects as
	 * decompressFrame does; the caller compares the length here, too.
	 */
	async decode(frame: Uint8Array, rawLength: number): Promise<Uint8Array> {
		if (!this.#isReusable || rawLength === 0) return await decompressFrame(this.codec, frame, rawLength);
		const decompressor = this.#take(rawLength);
		let content: Uint8Array | undefined;
		try {
			content = await decompressor.decompress(frame, rawLength);
		} catch (error) {
			decompressor.close();
			throw error;
		}
		if (content) return lend(content, () => this.#give(decompressor));
		decompressor.close();
		this.#isReusable = false;
		return await decompressFrame(this.codec, frame, rawLength);
	}

	/** Releases what waits for frames. Contents that have not been given back stay as they are. */
	close(): void {
		this.#isClosed = true;
		for (const decompressor of this.#spare.splice(0)) decompressor.close();
		this.#spareBytes = 0;
		this.#stored = [];
	}

	#take(rawLength: number): Decompressor {
		const at = this.#spare.findIndex(({ room }) => room > rawLength);
		// Where none is large enough, frames have grown, and one of the old ones makes room.
		const [found] = this.#spare.splice(Math.max(0, at), 1);
		this.#spareBytes -= found?.room ?? 0;
		if (found && at >= 0) return found;
		found?.close();
		return new Decompressor(this.codec, roomFor(rawLength));
	}

	#give(decompressor: Decompressor): void {
		if (this.#isClosed || this.#spareBytes + decompressor.room > MAX_SPARE_BYTES) return decompressor.close();
		this.#spare.push(decompressor);
		this.#spareBytes += decompressor.room;
	}
}

/** A stream of Node's with its output buffer. */
class Decompressor {
	readonly #engine: Engine;
	#output: Uint8Array[] = [];
	#bytes = 0;
	#wanted = 0;
	#onFailure: (error: Error) => void = () => {};

	/** @param room bytes of the output buffer */
	constructor(
		codec: Exclude<CodecName, 'none'>,
		readonly room: number,
	) {
		const engine = (
			codec === 'zstd'
				? zlib.createZstdDecompress({ chunkSize: room })
				: zlib.createGunzip({ chunkSize: room, flush: zlib.constants.Z_FINISH })
		) as Engine;
		engine.on('data', (piece: Uint8Array) => this.#onPiece(piece));
		engine.on('error', (error) => this.#onFailure(error));
		engine.on('end', () => this.#onFailure(goesOn()));
		this.#engine = engine;
	}

	/**
	 * The content of the frame, which lies in the output buffer; undefined where it does not begin where the buffer does. After
	 * a failure the decompressor is of no more use.
	 * @param rawLength less than the room
	 */
	async decompress(frame: Uint8Array, rawLength: number): Promise<Uint8Array | undefined> {
		const engine = this.#engine;
		// Whatever the last frame was, nothing of it counts for this one.
		engine.reset();
		engine._outOffset = 0;
		this.#output = [];
		this.#bytes = 0;
		this.#wanted = rawLength;
		const before = engine.bytesWritten;
		await new Promise<void>((resolve, reject) => {
			this.#onFailure = reject;
			engine.write(frame, (error) => (error ? reject(error) : resolve()));
		});
		if (engine.bytesWritten - before !== frame.length) throw goesOn();
		const [piece, ...more] = this.#output;
		this.#output = [];
		if (piece && (more.length > 0 || piece.byteOffset > 0)) return undefined;
		return piece ?? new Uint8Array(0);
	}

	close(): void {
		this.#engine.destroy();
		this.#onFailure(new Error('The decompressor was closed.'));
	}

	#onPiece(piece: Uint8Array): void {
		this.#bytes += piece.length;
		if (this.#bytes <= this.#wanted) return void this.#output.push(piece);
		this.#engine.destroy();
		this.#onFailure(codecError('It holds more than it should.', 'ERR_BUFFER_TOO_LARGE'));
	}
}

function goesOn(): Error {
	return codecError('It goes on after its end.', 'Z_DATA_ERROR');
}

function codecError(message: string, code: string): Error {
	return Object.assign(new Error(message), { code });
}

/** More than `length`, and room for frames that are a little longer: a quarter of a power of two, or several of them. */
function roomFor(length: number): number {
	const step = Math.max(MIN_ROOM_BYTES, 2 ** Math.floor(Math.log2(length + 1)) / 4);
	return (Math.floor(length / step) + 1) * step;
}
