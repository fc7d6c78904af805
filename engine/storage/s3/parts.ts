import { untilAborted } from '../chunks';
import { giveBack } from '../lent';
import type { PartBuffers } from './part-buffers';
import { partSizeOf } from './part-size';

export interface Part {
	/** Counted from 1. */
	number: number;
	/** The part's bytes: the beginning of the buffer. */
	bytes: Buffer;
	/** To be released when the part is stored. */
	buffer: Buffer;
	isLast: boolean;
}

/**
 * Cuts a stream into parts. Each part is handed out when the next byte arrives or the stream ends, so the last one is
 * known to be the last; an empty stream is one empty part. The caller releases the buffers of the parts it got.
 * @throws the source's error; BackupError CANCELLED once the signal has fired
 */
export async function* cutIntoParts(
	source: AsyncIterable<Uint8Array>,
	firstSize: number,
	buffers: PartBuffers,
	signal: AbortSignal,
): AsyncGenerator<Part, void, undefined> {
	let number = 1;
	let used = 0;
	let buffer = await buffers.acquire(partSizeOf(firstSize, number));
	let handedOut = false;
	try {
		for await (const chunk of untilAborted(source, signal)) {
			let offset = 0;
			while (offset < chunk.length) {
				if (used === buffer.length) {
					handedOut = true;
					yield { number, bytes: buffer, buffer, isLast: false };
					buffer = await buffers.acquire(partSizeOf(firstSize, ++number));
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
