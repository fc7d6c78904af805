/** How the content of a file is written into a folder. */
import type { FileHandle } from 'node:fs/promises';

import { throwIfCancelled } from '../../errors';
import { giveBack } from '../../storage/lent';
import type { TreeEntry } from '../entry';

const HOLE = Buffer.alloc(4096);
/** What is to be on the disk at the end goes there in pieces, while others are written. */
const SYNCED_BYTES = 64 * 1024 * 1024;

/** Stands in the content of a file for so many zeros, which are not written. */
export class Hole {
	constructor(readonly length: number) {}
}

/** Several chunks of the content of a file that are written together. All of them stay as they are until they are given back. */
export class Chunks {
	constructor(readonly chunks: Uint8Array[]) {}
}

/**
 * Writes the content of a file, and gives its chunks back; of one with holes (`sparse`), without its blocks of zeros. While a chunk is
 * written, the next one is made: it is read and hashed meanwhile.
 * @param how.sync has what was written so far go to the disk; called again and again
 * @param content chunks stay as they are until they are given back
 * @throws what the file system answers, and what the content throws; nothing is being written any more then
 */
export async function writeContent(
	handle: FileHandle,
	content: AsyncIterable<Uint8Array | Chunks | Hole>,
	{ size, sparse }: TreeEntry,
	{ signal, sync }: { signal: AbortSignal; sync?: (() => Promise<void>) | undefined },
): Promise<void> {
	let position = 0;
	let synced = 0;
	let writing = Promise.resolve();
	let syncing = Promise.resolve();
	try {
		for await (const chunk of content) {
			throwIfCancelled(signal);
			await writing;
			if (!(chunk instanceof Hole)) {
				writing = writeChunk(handle, chunk, position, sparse ?? false);
				// Whoever waits for it meets its error.
				writing.catch(() => {});
			}
			position += lengthOf(chunk);
			if (!sync || position - synced < SYNCED_BYTES) continue;
			await syncing;
			syncing = sync();
			syncing.catch(() => {});
			synced = position;
		}
	} finally {
		await Promise.allSettled([syncing]);
		await writing;
	}
	await syncing;
	if (sparse) await handle.truncate(size);
}

function lengthOf(chunk: Uint8Array | Chunks | Hole): number {
	return chunk instanceof Chunks ? chunk.chunks.reduce((total, { length }) => total + length, 0) : chunk.length;
}

async function writeChunk(
	handle: FileHandle,
	chunk: Uint8Array | Chunks,
	position: number,
	sparse: boolean,
): Promise<void> {
	if (chunk instanceof Chunks) return await writeTogether(handle, chunk.chunks, position);
	if (sparse) await writeAroundHoles(handle, chunk, position);
	else await writeWhole(handle, chunk, position);
	giveBack(chunk);
}

/** A write may take less than it was given. */
async function writeWhole(handle: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
	for (let done = 0; done < chunk.length;) {
		const { bytesWritten } = await handle.write(chunk, done, chunk.length - done, position + done);
		done += bytesWritten;
	}
}

async function writeTogether(handle: FileHandle, chunks: Uint8Array[], position: number): Promise<void> {
	const { bytesWritten } = await handle.writev(chunks, position);
	let start = 0;
	for (const chunk of chunks) {
		// What it did not take.
		const rest = chunk.subarray(Math.max(0, bytesWritten - start));
		await writeWhole(handle, rest, position + start + chunk.length - rest.length);
		start += chunk.length;
		giveBack(chunk);
	}
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
