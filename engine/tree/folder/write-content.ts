/** How the content of a file is written into a folder. */
import type { FileHandle } from 'node:fs/promises';

import { throwIfCancelled } from '../../errors';
import { giveBack } from '../../storage/lent';
import type { TreeEntry } from '../entry';

const HOLE = Buffer.alloc(4096);

/** Stands in the content of a file for so many zeros, which are not written. */
export class Hole {
	constructor(readonly length: number) {}
}

/** Several chunks of the content of a file that are written together. All of them stay as they are until they are given back. */
export class Chunks {
	constructor(readonly chunks: Uint8Array[]) {}
}

/**
 * Writes the content of a file, and gives its chunks back; of one with holes (`sparse`), without its blocks of zeros.
 * @throws what the file system answers, and what the content throws
 */
export async function writeContent(
	handle: FileHandle,
	content: AsyncIterable<Uint8Array | Chunks | Hole>,
	{ size, sparse }: TreeEntry,
	signal: AbortSignal,
): Promise<void> {
	let position = 0;
	for await (const chunk of content) {
		throwIfCancelled(signal);
		if (chunk instanceof Hole) {
			position += chunk.length;
			continue;
		}
		if (chunk instanceof Chunks) {
			position += await writeTogether(handle, chunk.chunks, position);
			continue;
		}
		if (sparse) await writeAroundHoles(handle, chunk, position);
		else await writeWhole(handle, chunk, position);
		position += chunk.length;
		giveBack(chunk);
	}
	if (sparse) await handle.truncate(size);
}

/** A write may take less than it was given. */
async function writeWhole(handle: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
	for (let done = 0; done < chunk.length;) {
		const { bytesWritten } = await handle.write(chunk, done, chunk.length - done, position + done);
		done += bytesWritten;
	}
}

/** @returns the bytes of all of them */
async function writeTogether(handle: FileHandle, chunks: Uint8Array[], position: number): Promise<number> {
	const length = chunks.reduce((total, chunk) => total + chunk.length, 0);
	const { bytesWritten } = await handle.writev(chunks, position);
	let start = 0;
	for (const chunk of chunks) {
		// What it did not take.
		const rest = chunk.subarray(Math.max(0, bytesWritten - start));
		await writeWhole(handle, rest, position + start + chunk.length - rest.length);
		start += chunk.length;
		giveBack(chunk);
	}
	return length;
}

/** Leaves out blocks of zeros: the file system makes holes of what was never written. */
async function writeAroundHoles(handle: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
	let from = 0;
	const flush = async (to: number) => {
		if (to > from) await writeWhole(handle, chunk.subarray(from, to), position + from);
	};
	for (let at = 0; at < chunk.length; at += HOLE.length) {
		const block = chunk.subarray(at, at + HOLE.length);
		if (block.length < HOLE.length || !HOLE.equals(block)) continue;
		await flush(at);
		from = at + HOLE.length;
	}
	await flush(chunk.length);
}
