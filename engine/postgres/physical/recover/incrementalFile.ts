/**
 * Applies a file of an incremental backup, `INCREMENTAL.<name>` (../incrementalHead.ts), to the file of the backup before.
 *
 * The truncation length is the shortest that the file has been since the backup before: what lay behind it there is gone. So the file is
 * cut to that length, which also makes a shorter one longer with zeros, then extended with zeros to its last block that is stored, and the
 * blocks are written. That is what pg_combinebackup comes to when it puts a whole chain together at once.
 */
import type { FileHandle } from 'node:fs/promises';

import { ByteCursor, EndedEarly } from '../../../archive/cursor';
import { BackupError } from '../../../errors';
import { shownName } from '../../../tree';
import { INCREMENTAL_HEAD_BYTES, readIncrementalHead } from '../incrementalHead';

const PREFIX = 'INCREMENTAL.';
const NUMBER_BYTES = 4;
/** A file of a relation has a gigabyte, so 131,072 blocks of the usual size; servers that were built otherwise have more. */
const MOST_BLOCKS = 16 * 1024 * 1024;

/** The file that an increment of one is of; of any other file, that file. */
export function wholeName(name: string): string {
	const at = name.lastIndexOf('/') + 1;
	return name.startsWith(PREFIX, at) ? name.slice(0, at) + name.slice(at + PREFIX.length) : name;
}

export interface IncrementalFile {
	/** Of the file in the data directory, for messages. */
	name: string;
	/** Bytes of the content. */
	size: number;
	content: AsyncIterable<Uint8Array>;
}

/**
 * Changes an open file into what it was when the incremental backup was made.
 * @param blockBytes of a page of the server
 * @throws BackupError ARCHIVE_CORRUPT, what the content and the file system throw
 */
export async function applyIncremental(
	{ name, size, content }: IncrementalFile,
	handle: FileHandle,
	blockBytes: number,
): Promise<void> {
	const cursor = new ByteCursor(content);
	cursor.releasesSlices = true;
	try {
		const { blocks, truncationLength } = await readHeader(cursor, name, size, blockBytes);
		const highest = blocks.at(-1) ?? -1;
		await handle.truncate(truncationLength * blockBytes);
		if (highest >= truncationLength) await handle.truncate((highest + 1) * blockBytes);
		for (let at = 0; at < blocks.length;) {
			const first = at;
			while (blocks[at + 1] === blocks[at]! + 1) at++;
			at++;
			await writeRun(cursor, handle, blocks[first]! * blockBytes, (at - first) * blockBytes);
		}
		if (!(await cursor.atEnd())) throw damaged(name, 'it goes on behind its last block');
	} catch (error) {
		throw error instanceof EndedEarly ? damaged(name, error.message) : error;
	}
}

async function readHeader(
	cursor: ByteCursor,
	name: string,
	size: number,
	blockBytes: number,
): Promise<{ blocks: Uint32Array; truncationLength: number }> {
	const head = readIncrementalHead(await cursor.take(INCREMENTAL_HEAD_BYTES), blockBytes, MOST_BLOCKS);
	if (!head) throw damaged(name, 'it does not begin as one');
	const { blocks: count, truncationBlock: truncationLength, headerBytes } = head;
	if (headerBytes + count * blockBytes !== size) throw damaged(name, 'its size is wrong');
	const numbers = asBuffer(await cursor.take(count * NUMBER_BYTES));
	const blocks = Uint32Array.from({ length: count }, (_, index) => numbers.readUInt32LE(index * NUMBER_BYTES));
	if (blocks.some((block, index) => index > 0 && block <= blocks[index - 1]!)) {
		throw damaged(name, 'its blocks are in disorder');
	}
	await cursor.skipTo(headerBytes);
	return { blocks, truncationLength };
}

/** Blocks that follow one another, as they come. */
async function writeRun(cursor: ByteCursor, handle: FileHandle, start: number, length: number): Promise<void> {
	let position = start;
	for await (const chunk of cursor.pass(length)) {
		await writeAt(handle, chunk, position);
		position += chunk.length;
	}
}

/** A write may take less than it was given. */
export async function writeAt(handle: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
	for (let done = 0; done < chunk.length;) {
		const { bytesWritten } = await handle.write(chunk, done, chunk.length - done, position + done);
		done += bytesWritten;
	}
}

function asBuffer(bytes: Uint8Array): Buffer {
	return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function damaged(name: string, what: string): BackupError {
	return new BackupError('ARCHIVE_CORRUPT', `The increment of ${shownName(name)} is damaged: ${what}.`, {
		hint: 'Choose a base backup that was made before.',
	});
}
