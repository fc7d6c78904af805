/*
 * Decompresses what others compressed, in constant memory.
 *
 * How bytes move through: a writer takes the pieces one by one and waits while zlib's buffer is full; the consumer takes
 * what zlib gives. Both end before the generator ends, whichever of the three fails or leaves first, so that whoever
 * reads on from the source afterwards is alone with it.
 */
import {
	createGunzip,
	createInflate,
	createZstdDecompress,
	type Gunzip,
	type Inflate,
	type ZstdDecompress,
} from 'node:zlib';
import { BackupError } from '../../errors';
import { damaged, endsEarly } from './errors';
import { zstdFrames } from './zstd-frames';

type Decoder = Inflate | Gunzip | ZstdDecompress;

/** `deflate` is zlib's format (RFC 1950). gzip and zstd may be several members or frames, one after the other. */
export type Compression = 'deflate' | 'gzip' | 'zstd';

const DECODERS: Record<Compression, () => Decoder> = {
	deflate: () => createInflate(),
	gzip: () => createGunzip(),
	zstd: () => createZstdDecompress(),
};

/**
 * No piece at all is no data.
 * @param name what the data is, for errors: `the data of TABLE public.orders`.
 * @throws BackupError ARCHIVE_INCOMPLETE, ARCHIVE_CORRUPT; what the source throws.
 */
export async function* decompress(
	pieces: AsyncIterable<Buffer>,
	compression: Compression,
	name: string,
): AsyncGenerator<Buffer, void, undefined> {
	if (compression !== 'zstd') return yield* decode(pieces, compression, name);
	// Node's decoder stops after the first frame of a chunk and drops what follows: each frame gets its own.
	for await (const frame of zstdFrames(pieces, name)) yield* decode(frame, compression, name);
}

async function* decode(
	pieces: AsyncIterable<Buffer>,
	compression: Compression,
	name: string,
): AsyncGenerator<Buffer, void, undefined> {
	const input = pieces[Symbol.asyncIterator]();
	const first = await input.next();
	if (first.done) return;
	const decoder = DECODERS[compression]();
	let fed: Fed | undefined;
	const writer = feed(decoder, first.value, input).then((result) => {
		fed = result;
		if (result.failed) decoder.destroy();
		return result;
	});
	try {
		for await (const chunk of decoder) yield chunk as Buffer;
		const { bytes, zeros } = await writer;
		// Inflate silently ignores what stands after the end of its data. Zeros after gzip's are padding, as gzip itself takes them:
		// tapes and some devices fill their last block with them.
		const left = bytes - decoder.bytesWritten;
		if (left > 0 && (compression !== 'gzip' || zeros < left)) throw damaged(`${name} has bytes after its end`);
	} catch (error) {
		throw explain(error, fed, name);
	} finally {
		decoder.destroy();
		await writer;
		await input.return?.();
	}
}

interface Fed {
	/** Written to the decoder. */
	bytes: number;
	/** How many of them, at the end, are zeros. */
	zeros: number;
	failed: boolean;
	/** What went wrong with the source. */
	error?: unknown;
}

/** Writes everything to the decoder, as fast as it takes it. Never rejects. */
async function feed(decoder: Decoder, first: Buffer, input: AsyncIterator<Buffer>): Promise<Fed> {
	let bytes = 0;
	let zeros = 0;
	try {
		for (let piece: Buffer | undefined = first; piece && !decoder.destroyed;) {
			bytes += piece.length;
			const ending = zerosAtEnd(piece);
			zeros = ending === piece.length ? zeros + ending : ending;
			if (!decoder.write(piece)) await drainedOrClosed(decoder);
			const next: IteratorResult<Buffer> = await input.next();
			piece = next.done ? undefined : next.value;
		}
		if (!decoder.destroyed) decoder.end();
		return { bytes, zeros, failed: false };
	} catch (error) {
		return { bytes, zeros, failed: true, error };
	}
}

function zerosAtEnd(piece: Buffer): number {
	let count = 0;
	while (count < piece.length && piece[piece.length - 1 - count] === 0) count++;
	return count;
}

/** Keeps nothing beyond its end: a decoder has millions of such waits. */
function drainedOrClosed(decoder: Decoder): Promise<void> {
	if (decoder.closed) return Promise.resolve();
	return new Promise((resolve) => {
		const done = () => {
			decoder.off('drain', done).off('close', done);
			resolve();
		};
		decoder.on('drain', done).on('close', done);
	});
}

/** The source's own failure explains more than what zlib makes of it. */
function explain(error: unknown, fed: Fed | undefined, name: string): unknown {
	if (fed?.failed) return fed.error;
	if (error instanceof BackupError) return error;
	const { code } = error as { code?: string };
	return code === 'Z_BUF_ERROR' ? endsEarly(name) : damaged(`${name} cannot be decompressed`, error);
}
