/*
 * Finds where the frames of a zstd stream end (RFC 8878, section 3.1), because Node's decoder has to be told. Frames are
 * walked block by block, by their headers; nothing is kept.
 */
import { ByteCursor, EndedEarly } from '../cursor';
import { damaged, endsEarly } from './errors';

const FRAME_MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4] as const;
const CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const;
const BLOCK_RLE = 1;
const BLOCK_RESERVED = 3;

/**
 * Each frame's bytes, to be read to their end before the next frame is asked for. Frames that hold no data are left out.
 * @param name what the data is, for errors: `its zstd data`
 * @throws BackupError ARCHIVE_INCOMPLETE, ARCHIVE_CORRUPT; what the source throws
 */
export async function* zstdFrames(
	source: AsyncIterable<Uint8Array>,
	name: string,
): AsyncGenerator<AsyncGenerator<Buffer, void, undefined>, void, undefined> {
	const cursor = new ByteCursor(source);
	try {
		while (!(await cursor.atEnd())) {
			const magic = await taken(cursor, 4);
			const number = magic.readUInt32LE();
			if ((number & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC) {
				const length = (await taken(cursor, 4)).readUInt32LE();
				await cursor.skipTo(cursor.position + length);
				continue;
			}
			if (number !== FRAME_MAGIC) throw damaged(`${name} has bytes after its end that are no zstd frame`);
			yield frame(cursor, magic, name);
		}
	} catch (error) {
		throw error instanceof EndedEarly ? endsEarly(name) : error;
	} finally {
		await cursor.close();
	}
}

async function* frame(cursor: ByteCursor, magic: Buffer, name: string): AsyncGenerator<Buffer, void, undefined> {
	try {
		const descriptor = await taken(cursor, 1);
		const flags = descriptor[0]!;
		const isSingleSegment = (flags & 0x20) !== 0;
		const sizeFlag = flags >> 6;
		const contentSize = sizeFlag === 0 && isSingleSegment ? 1 : CONTENT_SIZE_BYTES[sizeFlag]!;
		const header = (isSingleSegment ? 0 : 1) + DICTIONARY_ID_BYTES[flags & 3]! + contentSize;
		yield Buffer.concat([magic, descriptor, await taken(cursor, header)]);
		for (let isLast = false; !isLast;) {
			const block = await taken(cursor, 3);
			const value = block.readUIntLE(0, 3);
			const type = (value >> 1) & 3;
			if (type === BLOCK_RESERVED) throw damaged(`${name} holds a zstd block of an unknown type`);
			isLast = (value & 1) === 1;
			yield block;
			for await (const piece of cursor.pass(type === BLOCK_RLE ? 1 : value >> 3)) yield asBuffer(piece);
		}
		if ((flags & 0x04) !== 0) yield await taken(cursor, 4);
	} catch (error) {
		throw error instanceof EndedEarly ? endsEarly(name) : error;
	}
}

async function taken(cursor: ByteCursor, length: number): Promise<Buffer> {
	return asBuffer(await cursor.take(length));
}

function asBuffer(bytes: Uint8Array): Buffer {
	return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
