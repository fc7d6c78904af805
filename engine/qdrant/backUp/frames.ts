import type { ArchiveWriter } from '../../archive';

/**
 * Bytes of a snapshot that become one frame. Frames are compressed on several threads, and a reader decompresses one as a
 * whole, so their size times the number of threads is memory; larger ones gain neither time nor room.
 */
const FRAME_BYTES = 2 * 1024 * 1024;

/** Writes a stream as frames of one part type; its chunks are handed to nobody else. What is written next comes after it. */
export async function writeFrames(
	writer: ArchiveWriter,
	type: string,
	source: AsyncIterable<Uint8Array>,
	onBytes: (bytes: number) => void = () => {},
): Promise<void> {
	let gathered: Uint8Array[] = [];
	let bytes = 0;
	for await (const chunk of source) {
		gathered.push(chunk);
		bytes += chunk.length;
		onBytes(chunk.length);
		if (bytes < FRAME_BYTES) continue;
		await writer.frame({ type }, gathered, { isGiven: true });
		gathered = [];
		bytes = 0;
	}
	if (bytes > 0) await writer.frame({ type }, gathered, { isGiven: true });
	await writer.drain();
}
