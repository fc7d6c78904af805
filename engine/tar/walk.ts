/**
 * How bytes move through: one ByteCursor reads the stream once, front to back, and everything shares it. The walk takes a
 * header of 512 bytes, hands the member to the visitor, which reads as much of it as it wants, skips what is left and
 * checks the padding. A tar inside a tar is walked by the visitor with the same cursor, up to the member's end. So memory
 * holds a header and one chunk of the source, whatever the size, and every offset counts in the outermost file.
 *
 * tar-stream is not used for reading: it knows nothing of GNU's sparse files (every segment of Qdrant has some), and passes
 * over what is checked here, namely padding, the end of the archive and what follows it.
 */
import { EndedEarly, type ByteCursor } from '../archive/cursor';
import { BLOCK, cString, isZero, paddedSize, TarDamage } from './fields';
import { hasContent, parseHeader, type Dialect, type HeaderType, type TarHeader } from './header';
import { parsePax, type PaxRecords } from './pax';
import { parseSparseBlock, SparseCheck } from './sparse';

export interface TarMember {
	/** As stored, without a trailing slash. */
	name: string;
	type: 'file' | 'directory' | 'link' | 'symlink' | 'device' | 'other';
	/** Bytes of the file once unpacked. */
	size: number;
	/** Bytes that the archive holds of it: less than `size` where holes were left out. */
	storedSize: number;
	/** Offset of its first header in the outermost file. */
	headerOffset: number;
	/** Offset of the byte after its content. */
	end: number;
}

/** Reads none, some or all of a member's content from the cursor, never beyond `member.end`. */
export type MemberVisitor = (member: TarMember, cursor: ByteCursor) => void | Promise<void>;

const MAX_NAME_BYTES = 16 * 1024;
const MAX_PAX_BYTES = 1024 * 1024;
const MAX_SPARSE_BLOCKS = 1_000_000;

export interface WalkOptions {
	/** What the tar may hold, by default `files`, whose names may not lead out of the folder that they are unpacked into. */
	dialect?: Dialect;
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
	await new TarWalk(cursor, options).run(visit);
}

class TarWalk {
	readonly #cursor: ByteCursor;
	readonly #dialect: Dialect;
	readonly #end: number;
	readonly #endMarkOptional: boolean;

	constructor(cursor: ByteCursor, { dialect = 'files', end = Infinity, endMarkOptional = false }: WalkOptions) {
		this.#cursor = cursor;
		this.#dialect = dialect;
		this.#end = end;
		this.#endMarkOptional = endMarkOptional;
	}

	async run(visit: MemberVisitor): Promise<void> {
		while (!this.#endMarkOptional || this.#cursor.position < this.#end) {
			const member = await this.#nextMember();
			if (!member) return await this.#checkEnd();
			await visit(member, this.#cursor);
			await this.#cursor.skipTo(member.end);
			await this.#checkPadding();
		}
	}

	/** The next member, with what stands before its header; undefined at the first block of zeros. */
	async #nextMember(): Promise<TarMember | undefined> {
		const headerOffset = this.#cursor.position;
		let known: PaxRecords | undefined;
		for (;;) {
			const offset = this.#cursor.position;
			const header = parseHeader(await this.#takeBlock(), offset, this.#dialect);
			if (!header && known) throw new TarDamage(offset, 'ends behind the name of a member');
			if (!header) return undefined;
			if (offset + header.storedSize > this.#end) {
				throw new TarDamage(offset, 'has a member that reaches beyond its end');
			}
			const { type } = header;
			// POSIX's name comes before GNU's, whichever stands first.
			if (type === 'longName') known = { path: await this.#readLongName(header), ...known };
			else if (type === 'pax') known = { ...known, ...(await this.#readPax(header)) };
			else if (type === 'globalPax') await this.#readPax(header);
			else if (type === 'note') await this.#skip(header);
			else return await this.#memberOf(header, type, known ?? {}, headerOffset);
		}
	}

	async #memberOf(
		header: TarHeader,
		type: Exclude<HeaderType, 'longName' | 'pax' | 'globalPax' | 'note'>,
		known: PaxRecords,
		headerOffset: number,
	): Promise<TarMember> {
		if (type === 'sparse') await this.#readSparseRuns(header);
		const name = (known.path ?? header.name).replace(/\/$/, '');
		if (this.#dialect === 'files' && leadsOut(name)) {
			throw new TarDamage(headerOffset, `holds a member with the name ${JSON.stringify(name)}`);
		}
		const storedSize = hasContent(type) ? (known.size ?? header.storedSize) : 0;
		const end = this.#cursor.position + storedSize;
		if (end > this.#end) throw new TarDamage(headerOffset, 'has a member that reaches beyond its end');
		const isSparse = type === 'sparse';
		return {
			name,
			type: isSparse ? 'file' : type,
			size: isSparse ? header.size : storedSize,
			storedSize,
			headerOffset,
			end,
		};
	}

	async #readLongName(header: TarHeader): Promise<string> {
		return cString(await this.#takeExtension(header, MAX_NAME_BYTES, 'name'));
	}

	async #readPax(header: TarHeader): Promise<PaxRecords> {
		const offset = this.#cursor.position;
		return parsePax(await this.#takeExtension(header, MAX_PAX_BYTES, 'PAX header'), offset);
	}

	async #takeExtension({ storedSize }: TarHeader, limit: number, what: string): Promise<Uint8Array> {
		if (storedSize > limit) throw new TarDamage(this.#cursor.position, `has a ${what} of unlikely length`);
		const bytes = await this.#cursor.take(storedSize);
		await this.#checkPadding();
		return bytes;
	}

	async #skip({ storedSize }: TarHeader): Promise<void> {
		await this.#cursor.skipTo(this.#cursor.position + storedSize);
		await this.#checkPadding();
	}

	async #readSparseRuns(header: TarHeader): Promise<void> {
		const check = new SparseCheck(header.size, this.#cursor.position - BLOCK);
		check.add(header.runs);
		let more = header.moreRuns;
		for (let blocks = 0; more; blocks++) {
			const offset = this.#cursor.position;
			if (blocks === MAX_SPARSE_BLOCKS) throw new TarDamage(offset, 'has a sparse file in unlikely many pieces');
			const block = parseSparseBlock(await this.#takeBlock(), offset);
			check.add(block.runs);
			more = block.more;
		}
		check.finish(header.storedSize);
	}

	async #takeBlock(): Promise<Uint8Array> {
		const { position } = this.#cursor;
		if (position + BLOCK > this.#end) throw new TarDamage(position, 'ends in the middle of a block');
		return await this.#cursor.take(BLOCK);
	}

	async #checkPadding(): Promise<void> {
		const start = this.#cursor.position;
		const padding = (BLOCK - (start % BLOCK)) % BLOCK;
		if (start + padding > this.#end) throw new TarDamage(start, 'ends in the middle of a block');
		if (isZero(await this.#cursor.take(padding))) return;
		throw new TarDamage(start, 'has bytes other than zeros after a member');
	}

	/** Behind the first block of zeros: the second one, and nothing but zeros. */
	async #checkEnd(): Promise<void> {
		const start = this.#cursor.position;
		if (!isZero(await this.#takeBlock())) throw new TarDamage(start, 'has only one of the two blocks that end it');
		try {
			for await (const chunk of this.#cursor.pass(this.#end - this.#cursor.position)) {
				if (!isZero(chunk)) throw new TarDamage(start, 'has other bytes behind its end');
			}
		} catch (error) {
			// The outermost tar goes on for as long as its source does.
			if (!(error instanceof EndedEarly) || this.#end !== Infinity) throw error;
		}
	}
}

/** Whether a name is none, or stands for something outside the folder that it is unpacked into. */
function leadsOut(name: string): boolean {
	return name === '' || name.startsWith('/') || name.split('/').includes('..');
}

/**
 * The content of a plain file that fills some bytes with its one header; undefined where they are not that.
 * @throws TarDamage
 */
export function parseMember(bytes: Uint8Array): Uint8Array | undefined {
	if (bytes.length < BLOCK) return undefined;
	const header = parseHeader(bytes.subarray(0, BLOCK), 0, 'files');
	if (header?.type !== 'file' || BLOCK + paddedSize(header.size) !== bytes.length) return undefined;
	return bytes.subarray(BLOCK, BLOCK + header.size);
}
