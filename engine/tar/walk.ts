/**
 * How bytes move through: one ByteCursor reads the stream once, front to back, and everything shares it. The walk takes a
 * header of 512 bytes, hands the member to the visitor, which reads as much of it as it wants, skips what is left and
 * checks the padding. A tar inside a tar is walked by the visitor with the same cursor, up to the member's end. So memory
 * holds a header and one chunk of the source, whatever the size, and every offset counts in the outermost file.
 *
 * tar-stream is not used: it knows nothing of GNU's sparse files (every segment of Qdrant has some), and passes over
 * what is checked here, namely padding, the end of the archive and what follows it.
 */
import { EndedEarly, type ByteCursor } from '../archive/cursor';
import { TarDamage } from './damage';
import { BLOCK, cString, isZero, parseHeader, type TarHeader } from './header';
import { parseSparseBlock, SparseCheck } from './sparse';

export interface TarMember {
	/** As stored, without a trailing slash. */
	name: string;
	type: 'file' | 'directory';
	/** Bytes of the file once unpacked. */
	size: number;
	/** Bytes that the archive holds of it: less than `size` where holes were left out. */
	storedSize: number;
	/** Offset of its header in the outermost file. */
	headerOffset: number;
	/** Offset of the byte after its content. */
	end: number;
}

/** Reads none, some or all of a member's content from the cursor, never beyond `member.end`. */
export type MemberVisitor = (member: TarMember, cursor: ByteCursor) => Promise<void>;

const MAX_NAME_BYTES = 16 * 1024;
const MAX_SPARSE_BLOCKS = 1_000_000;

export interface WalkOptions {
	/** Offset of the byte after a tar inside another one; by default the end of the source. */
	end?: number;
	/** Whether the two blocks of zeros that end a tar may be missing; Qdrant leaves them out of its segments. */
	endMarkOptional?: boolean;
}

/**
 * Walks a tar to its end, behind which nothing but zeros may stand.
 * @throws TarDamage; EndedEarly where the source ends before the tar does
 */
export async function walkTar(cursor: ByteCursor, visit: MemberVisitor, options: WalkOptions = {}): Promise<void> {
	const { end = Infinity, endMarkOptional = false } = options;
	while (!endMarkOptional || cursor.position < end) {
		const found = await nextMember(cursor, end);
		if (!found) return await checkEnd(cursor, end);
		await visit(found, cursor);
		await cursor.skipTo(found.end);
		await checkPadding(cursor, end);
	}
}

/** The next member, long name and sparse runs read; undefined at the first block of zeros. */
async function nextMember(cursor: ByteCursor, end: number): Promise<TarMember | undefined> {
	const headerOffset = cursor.position;
	let longName: string | undefined;
	for (;;) {
		const offset = cursor.position;
		const header = parseHeader(await takeBlock(cursor, end), offset);
		if (!header && longName !== undefined) throw new TarDamage(offset, 'ends behind the name of a member');
		if (!header) return undefined;
		if (offset + header.storedSize > end) throw new TarDamage(offset, 'has a member that reaches beyond its end');
		if (header.type !== 'longName') return await memberOf(header, longName, { cursor, end, headerOffset });
		longName = await readLongName(cursor, end, header);
	}
}

async function memberOf(
	header: TarHeader,
	longName: string | undefined,
	{ cursor, end, headerOffset }: { cursor: ByteCursor; end: number; headerOffset: number },
): Promise<TarMember> {
	if (header.type === 'sparse') await readSparseRuns(cursor, end, header);
	const name = (longName ?? header.name).replace(/\/$/, '');
	if (name === '' || name.startsWith('/') || name.split('/').includes('..')) {
		throw new TarDamage(headerOffset, `holds a member with the name ${JSON.stringify(name)}`);
	}
	const contentEnd = cursor.position + header.storedSize;
	if (contentEnd > end) throw new TarDamage(headerOffset, 'has a member that reaches beyond its end');
	return {
		name,
		type: header.type === 'directory' ? 'directory' : 'file',
		size: header.size,
		storedSize: header.storedSize,
		headerOffset,
		end: contentEnd,
	};
}

async function readLongName(cursor: ByteCursor, end: number, header: TarHeader): Promise<string> {
	if (header.storedSize > MAX_NAME_BYTES) throw new TarDamage(cursor.position, 'has a name of unlikely length');
	const bytes = await cursor.take(header.storedSize);
	await checkPadding(cursor, end);
	return cString(bytes);
}

async function readSparseRuns(cursor: ByteCursor, end: number, header: TarHeader): Promise<void> {
	const check = new SparseCheck(header.size, cursor.position - BLOCK);
	check.add(header.runs);
	let more = header.moreRuns;
	for (let blocks = 0; more; blocks++) {
		const offset = cursor.position;
		if (blocks === MAX_SPARSE_BLOCKS) throw new TarDamage(offset, 'has a sparse file in unlikely many pieces');
		const block = parseSparseBlock(await takeBlock(cursor, end), offset);
		check.add(block.runs);
		more = block.more;
	}
	check.finish(header.storedSize);
}

async function takeBlock(cursor: ByteCursor, end: number): Promise<Uint8Array> {
	if (cursor.position + BLOCK > end) throw new TarDamage(cursor.position, 'ends in the middle of a block');
	return await cursor.take(BLOCK);
}

async function checkPadding(cursor: ByteCursor, end: number): Promise<void> {
	const padding = -cursor.position & (BLOCK - 1);
	const start = cursor.position;
	if (start + padding > end) throw new TarDamage(start, 'ends in the middle of a block');
	if (!isZero(await cursor.take(padding))) throw new TarDamage(start, 'has bytes other than zeros after a member');
}

/** Behind the first block of zeros: the second one, and nothing but zeros. */
async function checkEnd(cursor: ByteCursor, end: number): Promise<void> {
	const start = cursor.position;
	if (!isZero(await takeBlock(cursor, end))) throw new TarDamage(start, 'has only one of the two blocks that end it');
	try {
		for await (const chunk of cursor.pass(end - cursor.position)) {
			if (!isZero(chunk)) throw new TarDamage(start, 'has other bytes behind its end');
		}
	} catch (error) {
		// The outermost tar goes on for as long as its source does.
		if (!(error instanceof EndedEarly) || end !== Infinity) throw error;
	}
}
