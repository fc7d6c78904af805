import type { ArchiveWriter } from '../archive';

/**
 * Bytes of a snapshot that become one frame. Frames are compressed on several threads, and a reader decompresses one as a
 * whole; on the benchmark's machine larger ones gain nothing.
 */
const FRAME_BYTES = 4 * 1024 * 1024;

/**
 * Writes a stream as frames of one part type and hands each chunk on to nobody else: chunks are gathered until a frame is
 * full. While one frame is compressed, the chunks of the next are gathered already, or the server would have to wait; so
 * at most two frames' chunks wait here, beside the writer's own bounded ones.
 */
export async function writeFrames(
	writer: ArchiveWriter,
	type: string,
	source: AsyncIterable<Uint8Array>,
	onBytes: (bytes: number) => void = () => {},
): Promise<void> {
	let gathered: Uint8Array[] = [];
	let bytes = 0;
	let taken = Promise.resolve();
	const flush = async () => {
		// Two at a time could land in the wrong order.
		await taken;
		if (bytes === 0) return;
		taken = writer.frame({ type }, gathered, { isGiven: true });
		// It is awaited before the next, or at the end; where the source fails first, that is what is to be told.
		taken.catch(() => {});
		gathered = [];
		bytes = 0;
	};
	for await (const chunk of source) {
		gathered.push(chunk);
		bytes += chunk.length;
		onBytes(chunk.length);
		if (bytes >= FRAME_BYTES) await flush();
	}
	await flush();
	await taken;
	// What is written next comes after it.
	await writer.drain();
}
