import { frameBytes, type FrameSizes } from './frame-size';
import type { ArchiveWriter } from './writer';

/**
 * Frames are compressed on several threads, and a reader decompresses one as a whole, so their size times the number of
 * threads is memory; larger ones gain neither time nor room.
 */
const FRAME_SIZES: FrameSizes = { smallest: frameBytes(2), largest: frameBytes(16) };

/** Writes a stream as frames of one part type; its chunks are passed to nobody else. What is written next comes after it. */
export async function writeFrames(
	writer: ArchiveWriter,
	type: string,
	source: AsyncIterable<Uint8Array>,
	onBytes: (bytes: number) => void = () => {},
): Promise<void> {
	const chunks = source[Symbol.asyncIterator]();
	try {
		for (let first = await chunks.next(); !first.done; first = await chunks.next()) {
			const size = writer.frameSize(FRAME_SIZES);
			const frame = upTo(size, first.value, chunks, onBytes);
			if (size > FRAME_SIZES.largest) await writer.stream({ type }, frame);
			else await writer.frame({ type }, await gathered(frame), { isGiven: true });
		}
	} finally {
		await chunks.return?.();
	}
	await writer.drain();
}

/** A chunk and those that follow it, until they have so many bytes. */
async function* upTo(
	size: number,
	first: Uint8Array,
	chunks: AsyncIterator<Uint8Array>,
	onBytes: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
	let bytes = 0;
	for (let chunk: Uint8Array | undefined = first; chunk;) {
		bytes += chunk.length;
		onBytes(chunk.length);
		yield chunk;
		if (bytes >= size) return;
		const next: IteratorResult<Uint8Array> = await chunks.next();
		chunk = next.done ? undefined : next.value;
	}
}

async function gathered(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
	const all: Uint8Array[] = [];
	for await (const chunk of chunks) all.push(chunk);
	return all;
}
