import { createHash } from 'node:crypto';
import { pipeline } from 'node:stream';

import { createDecompressor, decompressFrame, type CodecName } from '../codec';
import type { ByteCursor } from '../cursor';
import type { ManifestPart } from '../manifest/manifest';
import type { FrameDecoder } from './frame-decoder';
import { corrupt } from './stored-file';

/** Frames up to this many stored bytes are read whole, so that their hash is known before their first byte goes on. */
const WHOLE_BYTES = 64 * 1024 * 1024;

export interface PartContext {
	/** Key of the archive, for errors. */
	key: string;
	codec: CodecName;
	/** Decompresses frames into memory that is lent (storage/lent.ts); by default each one gets memory of its own. */
	decoder?: FrameDecoder | undefined;
	/** Called when the hash of a frame was right, before its content is decompressed where it is read whole. */
	frameWasRight: () => void;
}

/** A part that was taken from the file: its content as one buffer, which is being decompressed, or as a stream where it is large. */
export type TakenPart =
	{ isWhole: true; raw: Promise<Uint8Array> } | { isWhole: false; raw: AsyncGenerator<Uint8Array> };

/**
 * Reads the part that the cursor comes to next and decompresses it: as one buffer, or as a stream where it is large.
 * Length and SHA-256 of the frame and length of its content are checked, before the first byte is handed out where the
 * frame has at most 64 MiB, else before the last chunk is.
 * @throws BackupError ARCHIVE_CORRUPT; EndedEarly; what the cursor's source throws.
 */
export async function readPart(
	cursor: ByteCursor,
	part: ManifestPart,
	context: PartContext,
): Promise<Uint8Array | AsyncGenerator<Uint8Array>> {
	const { raw } = await takePart(cursor, part, context);
	return await raw;
}

/** The same in two steps: the cursor may go on to the next part while one that is whole is decompressed. */
export async function takePart(cursor: ByteCursor, part: ManifestPart, context: PartContext): Promise<TakenPart> {
	await cursor.skipTo(part.offset);
	if (part.length > WHOLE_BYTES)
		return { isWhole: false, raw: decompressStream(cursor.pass(part.length), part, context) };
	const { decoder } = context;
	const frame = decoder ? await decoder.read(cursor, part.length) : await cursor.take(part.length);
	if (createHash('sha256').update(frame).digest('hex') !== part.sha256) throw wrongHash(part, context);
	context.frameWasRight();
	if (part.rawLength > WHOLE_BYTES) return { isWhole: false, raw: decompressStream([frame], part, context) };
	const raw = decompressWhole(frame, part, context);
	// Whoever waits for it meets its error.
	raw.catch(() => {});
	return { isWhole: true, raw };
}

async function decompressWhole(frame: Uint8Array, part: ManifestPart, context: PartContext): Promise<Uint8Array> {
	const { codec, decoder } = context;
	const decoded = decoder?.decode(frame, part.rawLength) ?? decompressFrame(codec, frame, part.rawLength);
	const raw = await decoded.catch((error: unknown) => {
		throw notDecompressed(part, context, error);
	});
	if (raw.length !== part.rawLength) throw wrongLength(part, context);
	return raw;
}

async function* decompressStream(
	frame: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
	part: ManifestPart,
	context: PartContext,
): AsyncGenerator<Uint8Array> {
	const hash = createHash('sha256');
	let sourceFailure: unknown;
	const hashed = async function* () {
		try {
			for await (const chunk of frame) {
				hash.update(chunk);
				yield chunk;
			}
		} catch (error) {
			sourceFailure = error;
			throw error;
		}
	};
	const decompressor = createDecompressor(context.codec);
	// pipeline destroys the decompressor with the source's error, so its reader meets every error there is.
	const content: AsyncIterable<Uint8Array> = decompressor ? pipeline(hashed(), decompressor, () => {}) : hashed();
	let rawLength = 0;
	let last: Uint8Array | undefined;
	try {
		for await (const chunk of content) {
			rawLength += chunk.length;
			if (rawLength > part.rawLength) throw wrongLength(part, context);
			if (last) yield last;
			last = chunk;
		}
	} catch (error) {
		throw sourceFailure ?? (isCodecError(error) ? notDecompressed(part, context, error) : error);
	}
	if (hash.digest('hex') !== part.sha256) throw wrongHash(part, context);
	context.frameWasRight();
	if (rawLength !== part.rawLength) throw wrongLength(part, context);
	if (decompressor && decompressor.bytesWritten !== part.length) throw wrongEnd(part, context);
	if (last) yield last;
}

/** Errors of zlib and zstd, and a decompressor that ended before its input did. */
function isCodecError(error: unknown): boolean {
	const code = (error as { code?: unknown } | null)?.code;
	return typeof code === 'string' && /^(Z_|ZSTD_|ERR_STREAM_PREMATURE_CLOSE|ERR_BUFFER_TOO_LARGE)/.test(code);
}

function notDecompressed(part: ManifestPart, context: PartContext, cause: unknown): unknown {
	if (!isCodecError(cause)) return cause;
	return corrupt(context.key, `the part at byte ${part.offset} cannot be decompressed`, cause);
}

function wrongHash(part: ManifestPart, { key }: PartContext): Error {
	return corrupt(key, `the SHA-256 of the part at byte ${part.offset} is not the one that was stored`);
}

function wrongEnd(part: ManifestPart, { key }: PartContext): Error {
	return corrupt(key, `the part at byte ${part.offset} goes on after its end`);
}

function wrongLength(part: ManifestPart, { key }: PartContext): Error {
	return corrupt(key, `the part at byte ${part.offset} does not hold the ${part.rawLength} bytes it should`);
}
