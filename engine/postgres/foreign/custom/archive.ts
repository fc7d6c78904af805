/*
 * Reads an archive in pg_dump's custom format: header, table of contents, then data blocks until the file ends.
 *
 * A block is its type (1 data, 3 large objects), the id of its entry, and pieces, each with its length in front, up to
 * a piece of length 0; a block of large objects is a sequence of oid and pieces up to the oid 0
 * (src/bin/pg_dump/pg_backup_custom.c). All pieces of a block (of one large object) are one compressed stream.
 *
 * How bytes move through: everything comes from one ByteReader, in file order. A block's contents are read while the
 * consumer reads them, through the decompressor; what the consumer leaves, and blocks not wanted, are skipped without
 * decompressing. Nothing is kept but the table of contents and the chunk at hand.
 */
import { decompress } from '../../../archive';
import { BackupError } from '../../../errors';
import { CopyDataSplitter, copyInEncoding } from '../../script';
import { ByteReader, damaged, endsEarly } from '../bytes';
import { type ArchiveCompression, ArchiveReader, checkCompression, readHeader } from './header';
import { readEntries, type Toc, type TocEntry } from './toc';

export interface LargeObject {
	oid: number;
	data: AsyncIterable<Buffer>;
}

/** The contents of one entry. Each iterable can be read once, before the next block (or object) is asked for. */
export type DataBlock =
	/** Rows for the COPY in `statement`, which is to be run on a connection whose client encoding is UTF8. */
	| { type: 'copy'; entry: TocEntry; statement: string; rows: AsyncIterable<Buffer> }
	/**
	 * SQL for `lexScript`: INSERTs (pg_dump --inserts) or comments on large objects. Where the archive is not in UTF-8, or
	 * older than standard_conforming_strings, it begins with the SETs that say so.
	 */
	| { type: 'sql'; entry: TocEntry; sql: AsyncIterable<Buffer> }
	/** They exist already: an entry of type BLOB or BLOB METADATA creates them. */
	| { type: 'large-objects'; entry: TocEntry; objects: AsyncIterable<LargeObject> };

export interface OpenOptions {
	signal?: AbortSignal;
}

const BLOCK_DATA = 1;
const BLOCK_LARGE_OBJECTS = 3;

/** Reads the header and the table of contents alone. Errors as for `openArchive`. */
export async function readToc(source: AsyncIterable<Uint8Array>, options: OpenOptions = {}): Promise<Toc> {
	const archive = await openArchive(source, options);
	await archive.close();
	return archive.toc;
}

/**
 * Reads the header and the table of contents, and stands before the data.
 * @throws BackupError INVALID_INPUT, UNSUPPORTED_VERSION, ARCHIVE_CORRUPT, ARCHIVE_INCOMPLETE, CANCELLED, and what the
 * source throws. Large sizes that a damaged archive claims cost no memory.
 */
export async function openArchive(
	source: AsyncIterable<Uint8Array>,
	options: OpenOptions = {},
): Promise<CustomArchive> {
	const reader = new ArchiveReader(new ByteReader(source, options.signal));
	try {
		const header = await readHeader(reader);
		return new CustomArchive(await readEntries(reader, header), reader);
	} catch (error) {
		await reader.bytes.close();
		throw error;
	}
}

export class CustomArchive {
	readonly #reader: ArchiveReader;
	#started = false;

	constructor(
		readonly toc: Toc,
		reader: ArchiveReader,
	) {
		this.#reader = reader;
	}

	/** Lets the source go. `blocks` does so by itself. */
	async close(): Promise<void> {
		await this.#reader.bytes.close();
	}

	/**
	 * All blocks whose entries are wanted, in file order. Can be called once. When the file ends before every wanted
	 * entry has had its block, the error names the first one that is missing.
	 */
	async *blocks(wanted: (entry: TocEntry) => boolean = () => true): AsyncGenerator<DataBlock, void, undefined> {
		if (this.#started) throw new Error('The blocks of an archive can be read once.');
		this.#started = true;
		const missing = new Map<number, TocEntry>();
		for (const entry of this.toc.entries) if (entry.hasData && wanted(entry)) missing.set(entry.id, entry);
		if (missing.size > 0) checkCompression(this.toc.compression);
		const entries = new Map(this.toc.entries.map((entry) => [entry.id, entry]));
		const { bytes } = this.#reader;
		try {
			for (;;) {
				bytes.context = 'its data';
				if (await bytes.atEnd()) break;
				const block = await this.#readBlockStart(this.#reader, entries);
				const isWanted = missing.delete(block.entry.id);
				if (isWanted) yield this.#contents(block);
				await block.skip();
			}
		} finally {
			await bytes.close();
		}
		for (const entry of missing.values()) throw endsEarly(`its data, before that of ${describeEntry(entry)}`);
	}

	async #readBlockStart(reader: ArchiveReader, entries: Map<number, TocEntry>): Promise<Block> {
		const at = reader.bytes.position;
		const type = await reader.bytes.byte();
		if (type !== BLOCK_DATA && type !== BLOCK_LARGE_OBJECTS) {
			throw damaged(`at byte ${at} stands no data block but the unknown type ${type}`);
		}
		const id = await reader.int();
		const entry = entries.get(id);
		if (!entry) throw damaged(`the data block at byte ${at} belongs to the unknown entry ${id}`);
		reader.bytes.context = `the data of ${describeEntry(entry)}`;
		return new Block(reader, entry, type === BLOCK_LARGE_OBJECTS);
	}

	#contents(block: Block): DataBlock {
		const { entry } = block;
		const name = `the data of ${describeEntry(entry)}`;
		const { compression, decoding } = this.toc;
		if (block.isLargeObjects) {
			return {
				type: 'large-objects',
				entry,
				objects: block.objects((pieces) => unpack(pieces, compression, name)),
			};
		}
		const data = block.lend((pieces) => unpack(pieces, compression, name));
		const statement = copyOf(entry, decoding);
		if (statement === undefined) return { type: 'sql', entry, sql: withSettings(data, this.toc) };
		return { type: 'copy', entry, statement, rows: withoutMarker(data, name) };
	}
}

/** The COPY that loads the rows of an entry; undefined where it holds no such rows. See DataBlock. */
export function copyOf({ copy }: TocEntry, decoding: Toc['decoding']): string | undefined {
	return copy ? copyInEncoding(copy.replace(/[\s;]+$/, ''), decoding) : undefined;
}

/** One block at the reader's position: reads its pieces, and skips those that nobody read. */
class Block {
	/** The generator that reads from this block now: ended before anything else is read. */
	#lent: AsyncGenerator<Buffer, void, undefined> | undefined;
	/** Bytes left of the piece at hand. */
	#left = 0;
	#inPieces: boolean;
	/** The OID of the large object at hand. */
	#oid = 0;
	#ended = false;

	constructor(
		readonly reader: ArchiveReader,
		readonly entry: TocEntry,
		readonly isLargeObjects: boolean,
	) {
		this.#inPieces = !isLargeObjects;
	}

	/** Decompressed contents of the pieces that follow. */
	lend(decode: (pieces: AsyncIterable<Buffer>) => AsyncGenerator<Buffer, void, undefined>): AsyncIterable<Buffer> {
		this.#lent = decode(this.#pieces());
		return this.#lent;
	}

	async *objects(
		decode: (pieces: AsyncIterable<Buffer>) => AsyncGenerator<Buffer, void, undefined>,
	): AsyncGenerator<LargeObject, void, undefined> {
		while (await this.#nextObject()) yield { oid: this.#oid, data: this.lend(decode) };
	}

	/** Reads on to the block's end without decompressing. */
	async skip(): Promise<void> {
		await this.#skipPieces();
		while (this.isLargeObjects && (await this.#nextObject()));
	}

	async #nextObject(): Promise<boolean> {
		await this.#skipPieces();
		if (this.#ended) return false;
		this.#oid = await this.reader.oid();
		this.#inPieces = this.#oid !== 0;
		this.#ended = !this.#inPieces;
		return this.#inPieces;
	}

	async #skipPieces(): Promise<void> {
		await this.#lent?.return();
		this.#lent = undefined;
		for await (const piece of this.#pieces()) void piece;
	}

	async *#pieces(): AsyncGenerator<Buffer, void, undefined> {
		while (this.#inPieces) {
			if (this.#left === 0) {
				const length = await this.reader.int();
				if (length < 0) throw this.reader.damaged(`a piece claims to have ${length} bytes`);
				this.#inPieces = length > 0;
				this.#left = length;
			} else {
				const piece = await this.reader.bytes.some(this.#left);
				this.#left -= piece.length;
				yield piece;
			}
		}
	}
}

async function* withSettings(sql: AsyncIterable<Buffer>, toc: Toc): AsyncGenerator<Buffer, void, undefined> {
	if (!toc.decoding.isUtf8) yield Buffer.from(`SET client_encoding = '${toc.decoding.encoding}';\n`);
	if (!toc.standardStrings) yield Buffer.from('SET standard_conforming_strings = off;\n');
	yield* sql;
}

/** What pg_dump calls gzip is zlib's format. */
async function* unpack(
	pieces: AsyncIterable<Buffer>,
	compression: ArchiveCompression,
	name: string,
): AsyncGenerator<Buffer, void, undefined> {
	checkCompression(compression);
	if (compression === 'none') yield* pieces;
	else yield* decompress(pieces, compression === 'gzip' ? 'deflate' : compression, name);
}

/** pg_dump stores COPY's end marker with the rows: it proves that they are all there. */
async function* withoutMarker(data: AsyncIterable<Buffer>, name: string): AsyncGenerator<Buffer, void, undefined> {
	const splitter = new CopyDataSplitter();
	for await (const chunk of data) {
		if (splitter.rest !== undefined) {
			checkBlank(chunk, name);
			continue;
		}
		const rows = splitter.push(chunk);
		if (rows.length > 0) yield rows;
		if (splitter.rest !== undefined) checkBlank(splitter.rest, name);
	}
	if (!splitter.finish())
		throw new BackupError('ARCHIVE_CORRUPT', `In the archive, ${name} ends without COPY's end marker.`);
}

function checkBlank(bytes: Buffer, name: string): void {
	for (const byte of bytes) if (byte !== 0x0a && byte !== 0x0d) throw damaged(`${name} goes on after its end marker`);
}

/** `TABLE DATA public.orders`, for messages. */
export function describeEntry(entry: Pick<TocEntry, 'type' | 'schema' | 'name'>): string {
	return `${entry.type} ${entry.schema === null ? '' : `${entry.schema}.`}${entry.name}`;
}
