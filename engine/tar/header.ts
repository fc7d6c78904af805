import { BLOCK, cBytes, isZero, parseNumber, parseTime, TarDamage, text } from './fields';
import { parseSparseEntries, SPARSE_EXTENDED_OFFSET, SPARSE_HEADER_ENTRIES, type SparseRun } from './sparse';

/**
 * What one header describes. `link` is a hard link, `other` whatever has content but is no ordinary file. The last five are no
 * members: `longName` and `longLink` are the name of the next member and what it leads to in GNU's way, `pax` are POSIX's records about
 * it, `globalPax` those about all members, and `note` is of no use here (a label, what Solaris adds).
 */
export type HeaderType =
	| 'file'
	| 'sparse'
	| 'directory'
	| 'link'
	| 'symlink'
	| 'device'
	| 'other'
	| 'longName'
	| 'longLink'
	| 'pax'
	| 'globalPax'
	| 'note';

/**
 * - `files`: files and directories alone, in the form in which Qdrant and this product write them. Any changed bit of a header is
 *   damage.
 * - `any`: what GNU tar, bsdtar, Python and older programs write.
 */
export type Dialect = 'files' | 'any';

/** What a header says of a member beside its name and content. */
export interface TarAttributes {
	/** Permission bits. */
	mode: number;
	uid: number;
	gid: number;
	/** Nanoseconds since 1970. */
	modified: bigint;
}

/** What one header says of its member. */
export interface TarHeader {
	name: Buffer;
	type: HeaderType;
	/** Bytes that the archive holds of it, without the padding to whole blocks. */
	storedSize: number;
	/** Bytes of the file once unpacked; more than `storedSize` where a sparse file has holes. */
	size: number;
	/** The runs of bytes of a sparse file that are stored. More follow in blocks of their own when `moreRuns`. */
	runs: SparseRun[];
	moreRuns: boolean;
	/** What a link leads to. */
	target: Buffer;
	attributes: TarAttributes;
}

const CHECKSUM = { start: 148, end: 156 };
/** The digits of a checksum as any program may write them. */
const CHECKSUM_DIGITS = /^ *([0-7]+)[ \0]*$/;
/** How the writers of the dialect `files` end the six or seven digits. */
const CHECKSUM_FORMS = [/^ *[0-7]+\0 $/, /^[0-7]{7}\0$/];

const FILES = new Map<string, HeaderType>([
	['0', 'file'],
	['\0', 'file'],
	['S', 'sparse'],
	['5', 'directory'],
	['L', 'longName'],
]);

const ANY = new Map<string, HeaderType>([
	...FILES,
	['1', 'link'],
	['2', 'symlink'],
	['3', 'device'],
	['4', 'device'],
	['6', 'device'],
	['7', 'file'],
	['x', 'pax'],
	['g', 'globalPax'],
	['K', 'longLink'],
	['X', 'note'],
	['V', 'note'],
]);

const WITHOUT_CONTENT: readonly HeaderType[] = ['directory', 'symlink', 'device'];

/** Whether a header's size is that of content behind it; others may state one all the same. */
export function hasContent(type: HeaderType): boolean {
	return !WITHOUT_CONTENT.includes(type);
}

/**
 * Reads a header block (POSIX ustar and GNU; https://www.gnu.org/software/tar/manual/html_node/Standard.html).
 * Undefined for a block of zeros, two of which end an archive.
 * @param offset of the block, for messages
 * @throws TarDamage
 */
export function parseHeader(block: Uint8Array, offset: number, dialect: Dialect): TarHeader | undefined {
	if (isZero(block)) return undefined;
	assertChecksum(block, offset, dialect);
	const letter = text(block.subarray(156, 157));
	const type = dialect === 'any' ? (ANY.get(letter) ?? 'other') : FILES.get(letter);
	if (!type) throw new TarDamage(offset, `holds a member of the type ${JSON.stringify(letter)}, which is not expected`);
	const stated = statedSize(block, offset, dialect);
	if (dialect === 'files' && !hasContent(type) && stated > 0) throw new TarDamage(offset, 'gives a directory a size');
	const storedSize = hasContent(type) ? stated : 0;
	const header = {
		name: nameIn(block),
		type,
		storedSize,
		size: storedSize,
		runs: [],
		moreRuns: false,
		target: cBytes(block.subarray(157, 257)),
		attributes: attributesIn(block),
	};
	return type === 'sparse' ? { ...header, ...sparsePart(block, offset) } : header;
}

/** Old programs leave the size of what has no content blank. */
function statedSize(block: Uint8Array, offset: number, dialect: Dialect): number {
	const field = block.subarray(124, 136);
	const size = dialect === 'any' && /^[ \0]*$/.test(text(field)) ? 0 : parseNumber(field);
	if (size === undefined) throw new TarDamage(offset, 'states a size that is not a number');
	return size;
}

/** The real size and the first runs stand where ustar has the prefix of the name. */
function sparsePart(block: Uint8Array, offset: number): Pick<TarHeader, 'size' | 'runs' | 'moreRuns'> {
	const size = parseNumber(block.subarray(483, 495));
	if (size === undefined) throw new TarDamage(offset, 'states a size that is not a number');
	const runs = parseSparseEntries(block.subarray(386), SPARSE_HEADER_ENTRIES, offset);
	return { size, runs, moreRuns: block[SPARSE_EXTENDED_OFFSET] === 1 };
}

function assertChecksum(block: Uint8Array, offset: number, dialect: Dialect): void {
	const field = text(block.subarray(CHECKSUM.start, CHECKSUM.end));
	const isWellFormed = dialect === 'any' || CHECKSUM_FORMS.some((form) => form.test(field));
	if (isWellFormed && statedChecksum(field) === checksumOf(block)) return;
	throw new TarDamage(offset, 'has a header whose checksum is wrong');
}

function statedChecksum(field: string): number | undefined {
	const digits = CHECKSUM_DIGITS.exec(field)?.[1];
	return digits === undefined ? undefined : Number.parseInt(digits, 8);
}

/** The sum of all bytes, those of the checksum itself counted as spaces: every single changed bit is noticed. */
export function checksumOf(block: Uint8Array): number {
	let sum = 0;
	for (let index = 0; index < BLOCK; index++) {
		sum += index >= CHECKSUM.start && index < CHECKSUM.end ? 0x20 : block[index]!;
	}
	return sum;
}

/**
 * Whether bytes are the beginning of a tar, however damaged: by the name of the format or by the checksum of the first
 * header, which tars from before POSIX have, too. An empty tar begins with zeros.
 */
export function isTar(head: Uint8Array): boolean {
	if (head.length < BLOCK) return false;
	const block = head.subarray(0, BLOCK);
	if (isZero(block) || text(block.subarray(257, 262)) === 'ustar') return true;
	return statedChecksum(text(block.subarray(CHECKSUM.start, CHECKSUM.end))) === checksumOf(block);
}

function nameIn(block: Uint8Array): Buffer {
	const name = cBytes(block.subarray(0, 100));
	const isPosix = text(block.subarray(257, 263)) === 'ustar\0';
	const prefix = isPosix ? cBytes(block.subarray(345, 500)) : Buffer.alloc(0);
	return prefix.length > 0 ? Buffer.concat([prefix, Buffer.from('/'), name]) : name;
}

/** A field that makes no sense counts as 0: neither a name nor content is wrong by it. */
function attributesIn(block: Uint8Array): TarAttributes {
	return {
		mode: (parseNumber(block.subarray(100, 108)) ?? 0) & 0o7777,
		uid: parseNumber(block.subarray(108, 116)) ?? 0,
		gid: parseNumber(block.subarray(116, 124)) ?? 0,
		modified: (parseTime(block.subarray(136, 148)) ?? 0n) * 1_000_000_000n,
	};
}
