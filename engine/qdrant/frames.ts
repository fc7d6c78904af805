import type { ArchiveWriter } from '../archive';

/**
 * Bytes of a snapshot that become one frame. Frames are compressed on several threads, and a reader decompresses one as a
 * whole; on the benchmark's machine larger ones gain nothing.
 */
const FRAME_BYTES = 4 * 1024 * 1024;

/**
 * Writes a stream as frames of one part type and hands each chunk on to nobody else: chunks are gathered until a frame is
 * full, so at most one frame's chunks wait here, beside the writer's own bounded ones.
 */
export async function writeFrames(
	writer: ArchiveWriter,
	type: string,
	source: AsyncIterable<Uint8Array>,
	onBytes: (bytes: number) => void = () => {},
): Promise<void> {
	let gathered: Uint8Array[] = [];
	let bytes = 0;
	const flush = async () => {
		if (bytes === 0) return;
		const frame = gathered;
		gathered = [];
		bytes = 0;
		await writer.frame({ type }, frame);
	};
	for await (const chunk of source) {
		gathered.push(chunk);
		bytes += chunk.length;
		onBytes(chunk.length);
		if (bytes >= FRAME_BYTES) await flush();
	}
	await flush();
	// What is written next comes after it.
	await writer.drain();
}
