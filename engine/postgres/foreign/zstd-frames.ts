/*
 * Finds where the frames of a zstd stream end (RFC 8878, section 3.1): the decoder has to be told. Frames are walked
 * block by block, by their headers; nothing is kept.
 */
import { ByteReader, damaged } from './bytes';

const FRAME_MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4] as const;
const CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const;
const BLOCK_RLE = 1;
const BLOCK_RESERVED = 3;

/**
 * Each frame's bytes, to be read to their end before the next frame is asked for. Frames that hold no data are left out.
 * @throws BackupError ARCHIVE_INCOMPLETE, ARCHIVE_CORRUPT
 */
export async function* zstdFrames(
	source: AsyncIterable<Uint8Array>,
	name: string,
): AsyncGenerator<AsyncGenerator<Buffer, void, undefined>, void, undefined> {
	const bytes = new ByteReader(source);
	bytes.context = name;
	try {
		while (!(await bytes.atEnd())) {
			const magic = await bytes.read(4);
			const number = magic.readUInt32LE();
			if ((number & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC) {
				for (let left = (await bytes.read(4)).readUInt32LE(); left > 0;) left -= (await bytes.some(left)).length;
				continue;
			}
			if (number !== FRAME_MAGIC) throw damaged(`${name} has bytes after its end that are no zstd frame`);
			yield frame(bytes, magic, name);
		}
	} finally {
		await bytes.close();
	}
}

async function* frame(bytes: ByteReader, magic: Buffer, name: string): AsyncGenerator<Buffer, void, undefined> {
	const descriptor = await bytes.read(1);
	const flags = descriptor[0]!;
	const isSingleSegment = (flags & 0x20) !== 0;
	const sizeFlag = flags >> 6;
	const contentSize = sizeFlag === 0 && isSingleSegment ? 1 : CONTENT_SIZE_BYTES[sizeFlag]!;
	const header = (isSingleSegment ? 0 : 1) + DICTIONARY_ID_BYTES[flags & 3]! + contentSize;
	yield Buffer.concat([magic, descriptor, await bytes.read(header)]);
	for (let isLast = false; !isLast;) {
		const block = await bytes.read(3);
		const value = block.readUIntLE(0, 3);
		const type = (value >> 1) & 3;
		if (type === BLOCK_RESERVED) throw damaged(`${name} holds a zstd block of an unknown type`);
		isLast = (value & 1) === 1;
		yield block;
		for (let left = type === BLOCK_RLE ? 1 : value >> 3; left > 0;) {
			const piece = await bytes.some(left);
			left -= piece.length;
			yield piece;
		}
	}
	if ((flags & 0x04) !== 0) yield await bytes.read(4);
}
