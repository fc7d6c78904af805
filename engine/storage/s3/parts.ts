import { BackupError } from '../../errors';
import { untilAborted } from '../chunks';
import { giveBack } from '../lent';
import type { PartBuffers } from './part-buffers';
import { largestObject, LARGEST_PART_BYTES } from './part-size';

const MIB = 1024 ** 2;

export interface Part {
	/** Counted from 1. */
	number: number;
	/** The part's bytes: the beginning of the buffer. */
	bytes: Buffer;
	/** To be released when the part is stored. */
	buffer: Buffer;
	isLast: boolean;
}

/** How a stream is cut. */
export interface PartPlan {
	/** Bytes of every part but the last. */
	size: number;
	/** Bytes that the whole stream is likely to have, where they are few: then it gets no more memory. */
	expected?: number;
	/** Parts that the server takes. */
	maxParts: number;
}

/**
 * Cuts a stream into parts of one size. Each part is handed out when the next byte arrives or the stream ends, so the last
 * one is known to be the last; an empty stream is one empty part. The caller releases the buffers of the parts it got.
 * @throws the source's error; BackupError INVALID_INPUT where it is longer than the parts hold, CANCELLED once the signal
 * has fired
 */
export async function* cutIntoParts(
	source: AsyncIterable<Uint8Array>,
	{ size, expected = size, maxParts }: PartPlan,
	buffers: PartBuffers,
	signal: AbortSignal,
): AsyncGenerator<Part, void, undefined> {
	let number = 1;
	let used = 0;
	let buffer = await buffers.acquire(Math.min(size, expected));
	let handedOut = false;
	try {
		for await (const chunk of untilAborted(source, signal)) {
			let offset = 0;
			while (offset < chunk.length) {
				if (used === buffer.length && used < size) {
					const larger = await buffers.acquire(size);
					larger.set(buffer);
					buffers.release(buffer);
					buffer = larger;
				}
				if (used === buffer.length) {
					handedOut = true;
					yield { number, bytes: buffer, buffer, isLast: false };
					if (++number > maxParts) throw tooLong(size, maxParts);
					buffer = await buffers.acquire(size);
					handedOut = false;
					used = 0;
				}
				const taken = chunk.subarray(offset, offset + buffer.length - used);
				buffer.set(taken, used);
				used += taken.length;
				offset += taken.length;
			}
			giveBack(chunk);
		}
		handedOut = true;
		yield { number, bytes: buffer.subarray(0, used), buffer, isLast: true };
	} finally {
		if (!handedOut) buffers.release(buffer);
	}
}

/** Larger parts now would come too late: some servers refuse parts of several sizes, at the very end. */
function tooLong(size: number, maxParts: number): BackupError {
	const enough = Math.min(LARGEST_PART_BYTES, Math.ceil(largestObject(maxParts) / maxParts / MIB) * MIB);
	return new BackupError(
		'INVALID_INPUT',
		`The upload is larger than expected: it does not fit into ${maxParts} parts of ${Math.floor(size / MIB)} MiB, and no more are taken.`,
		{
			hint:
				size < enough
					? `Set a larger Part Size (MiB) in the Backup Storage credential (Advanced); ${enough / MIB} is always enough. An upload takes up twice that in memory.`
					: 'The server takes no larger object in so many parts. Back up less at once, or compress it.',
			details: { partBytes: size, maxParts },
		},
	);
}
