/**
 * How large the frames of an archive are. Every frame takes a line of the manifest, which is read whole, so frames grow with
 * the archive, as the parts of an upload do (engine/storage/s3/part-size.ts): twice as large after every 4,000 of them. An
 * archive of 5 TB then has some 20,000 frames, and a manifest of 4 MB.
 *
 * Frames that fit into memory are compressed side by side, and a reader checks each of them before it hands it out. They
 * grow up to a limit, which the writer's memory sets, and stay there until the archive has 16,000 of them. What comes then is
 * streamed, a gibibyte and more in each frame, in constant memory: a single one is written at a time, and a reader hands
 * it out while it checks it.
 */

const FRAMES_BEFORE_GROWTH = 4000;
const FRAMES_IN_MEMORY = 16_000;
const SMALLEST_STREAM = 1024 ** 3;

/** Raw bytes of the frames that one sort of backup holds in memory: of its first ones, and of its largest ones. */
export interface FrameSizes {
	smallest: number;
	largest: number;
}

/**
 * A size of so many MiB, a little less than that: content that does not compress takes more than its own size, and must fit
 * into a buffer of so many MiB.
 */
export function frameBytes(mebibytes: number): number {
	return mebibytes * 1024 * (1024 - 16);
}

/**
 * The raw bytes of the next frame.
 * @param written raw bytes that the archive has already
 * @returns from `smallest` to `largest`; above that for a frame to be streamed
 */
export function frameSizeFor({ smallest, largest }: FrameSizes, written: number): number {
	let size = smallest;
	let frames = 0;
	let bytes = 0;
	for (;;) {
		const count = size === largest ? FRAMES_IN_MEMORY - frames : FRAMES_BEFORE_GROWTH;
		frames += count;
		bytes += count * size;
		if (written < bytes) return size;
		if (size === largest) size = Math.max(SMALLEST_STREAM, 2 * largest);
		else size = size > largest ? 2 * size : Math.min(2 * size, largest);
	}
}
