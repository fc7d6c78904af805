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
import { BLOCK, cBytes, isZero, paddedSize, TarDamage } from './fields';
import { hasContent, parseHeader, type Dialect, type HeaderType, type TarAttributes, type TarHeader } from './header';
import { parsePax, type PaxRecords } from './pax';
import { readSparseMap } from './pax-sparse';
import { parseSparseBlock, SparseCheck, type SparseRun } from './sparse';

export interface TarMember {
	/** As stored, without a trailing slash. What is no text in it is lost; `path` has it. */
	name: string;
	/** The bytes of the name, with a slash at the end where one is stored. */
	path: Buffer;
	type: 'file' | 'directory' | 'link' | 'symlink' | 'device' | 'other';
	/** Bytes of the file once unpacked. */
	size: number;
	/** Bytes that the archive holds of it: less than `size` where holes were left out. */
	storedSize: number;
	/** The pieces of a sparse file that are stored, in order. */
	runs?: readonly SparseRun[];
	/** What a link leads to. */
	target: Buffer;
	attributes: TarAttributes;
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
	/** Whether another tar may follow behind its end, which is walked on: several were joined, as `tar --ignore-zeros` reads them. */
	joined?: boolean;
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
	readonly #joined: boolean;
	/** What PAX records say of all members. */
	#global: PaxRecords = {};

	constructor(cursor: ByteCursor, options: WalkOptions) {
		const { dialect = 'files', end = Infinity, endMarkOptional = false, joined = false } = options;
		this.#cursor = cursor;
		this.#dialect = dialect;
		this.#end = end;
		this.#endMarkOptional = endMarkOptional;
		this.#joined = joined;
	}

	async run(visit: MemberVisitor): Promise<void> {
		while (!this.#endMarkOptional || this.#cursor.position < this.#end) {
			const member = await this.#nextMember();
			if (!member) {
				if (await this.#checkEnd()) continue;
				return;
			}
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
			else if (type === 'longLink') known = { target: await this.#readLongName(header), ...known };
			else if (type === 'pax') known = { ...known, ...(await this.#readPax(header)) };
			else if (type === 'globalPax') this.#global = { ...this.#global, ...(await this.#readPax(header)) };
			else if (type === 'note') await this.#skip(header);
			else return await this.#memberOf(header, type, known ?? {}, headerOffset);
		}
	}

	async #memberOf(
		header: TarHeader,
		type: Exclude<HeaderType, 'longName' | 'longLink' | 'pax' | 'globalPax' | 'note'>,
		known: PaxRecords,
		headerOffset: number,
	): Promise<TarMember> {
		const ofHeader = type === 'sparse' ? await this.#readSparseRuns(header) : undefined;
		const path = known.path ?? header.name;
		const name = path.toString('utf8').replace(/\/$/, '');
		if (this.#dialect === 'files' && leadsOut(name)) {
			throw new TarDamage(headerOffset, `holds a member with the name ${JSON.stringify(name)}`);
		}
		const storedSize = hasContent(type) ? (known.size ?? header.storedSize) : 0;
		const end = this.#cursor.position + storedSize;
		if (end > this.#end) throw new TarDamage(headerOffset, 'has a member that reaches beyond its end');
		const runs =
			ofHeader ?? (type === 'file' && known.sparse ? await this.#readPaxRuns(known, end, headerOffset) : undefined);
		const { mode, uid, gid, modified } = header.attributes;
		const { modified: globalTime, uid: globalUid, gid: globalGid } = this.#global;
		return {
			name,
			path,
			type: typeOf(type, path, storedSize),
			size: ofHeader ? header.size : (known.sparse?.size ?? storedSize),
			storedSize: end - this.#cursor.position,
			...(runs && { runs }),
			target: known.target ?? header.target,
			attributes: {
				mode,
				uid: known.uid ?? globalUid ?? uid,
				gid: known.gid ?? globalGid ?? gid,
				modified: known.modified ?? globalTime ?? modified,
			},
			headerOffset,
			end,
		};
	}

	async #readLongName(header: TarHeader): Promise<Buffer> {
		return cBytes(await this.#takeExtension(header, MAX_NAME_BYTES, 'name'));
	}

	/** The pieces of a sparse file of which records tell. */
	async #readPaxRuns({ sparse }: PaxRecords, end: number, headerOffset: number): Promise<SparseRun[]> {
		const { isMapInContent = false, runs = [], size } = sparse ?? {};
		if (size === undefined) throw new TarDamage(headerOffset, 'has a sparse file without its size');
		const check = new SparseCheck(size, headerOffset);
		check.add(isMapInContent ? await readSparseMap(this.#cursor, end, headerOffset) : runs);
		check.finish(end - this.#cursor.position);
		return check.runs;
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

	async #readSparseRuns(header: TarHeader): Promise<SparseRun[]> {
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
		return check.runs;
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

	/** Behind the first block of zeros: the second one, and nothing but zeros. Answers whether another tar follows. */
	async #checkEnd(): Promise<boolean> {
		const start = this.#cursor.position;
		if (!isZero(await this.#takeBlock())) throw new TarDamage(start, 'has only one of the two blocks that end it');
		if (this.#joined) return await this.#skipZeros();
		try {
			for await (const chunk of this.#cursor.pass(this.#end - this.#cursor.position)) {
				if (!isZero(chunk)) throw new TarDamage(start, 'has other bytes behind its end');
			}
		} catch (error) {
			// The outermost tar goes on for as long as its source does.
			if (!(error instanceof EndedEarly) || this.#end !== Infinity) throw error;
		}
		return false;
	}

	/** Up to the block in which another byte stands; false where none does to the end. */
	async #skipZeros(): Promise<boolean> {
		for (let chunk = await this.#cursor.peek(); chunk; chunk = await this.#cursor.peek()) {
			const other = chunk.findIndex((byte) => byte !== 0);
			if (other < 0) {
				this.#cursor.skip(chunk.length);
				continue;
			}
			const begin = Math.floor((this.#cursor.position + other) / BLOCK) * BLOCK;
			// A header begins with a name, so with another byte than zero.
			if (begin < this.#cursor.position) throw new TarDamage(begin, 'has other bytes behind its end');
			this.#cursor.skip(begin - this.#cursor.position);
			return true;
		}
		return false;
	}
}

/** Programs from before POSIX know a directory by the slash at the end of its name. */
function typeOf(type: TarMember['type'] | 'sparse', path: Buffer, storedSize: number): TarMember['type'] {
	if (type === 'sparse') return 'file';
	return type === 'file' && storedSize === 0 && path.at(-1) === 0x2f ? 'directory' : type;
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
