import { TarDamage } from './damage';
import { parseSparseEntries, SPARSE_EXTENDED_OFFSET, SPARSE_HEADER_ENTRIES, type SparseRun } from './sparse';
import { parseNumber } from './number';

/** Tar counts in blocks of this many bytes. */
export const BLOCK = 512;

export type MemberType = 'file' | 'sparse' | 'directory' | 'longName';

/** What one header says of its member. */
export interface TarHeader {
	name: string;
	type: MemberType;
	/** Bytes that the archive holds of it, without the padding to whole blocks. */
	storedSize: number;
	/** Bytes of the file once unpacked; more than `storedSize` where a sparse file has holes. */
	size: number;
	/** Of a sparse file: the runs of bytes that are stored. More follow in blocks of their own when `moreRuns`. */
	runs: SparseRun[];
	moreRuns: boolean;
}

const CHECKSUM = { start: 148, end: 156 };
/** The writers in use end the six or seven digits in this way; anything else is a changed byte. */
const CHECKSUM_FORMS = [/^ *[0-7]+\0 $/, /^[0-7]{7}\0$/];

const TYPES = new Map<string, MemberType>([
	['0', 'file'],
	['\0', 'file'],
	['S', 'sparse'],
	['5', 'directory'],
	['L', 'longName'],
]);

/**
 * Reads a header block (POSIX ustar and GNU; https://www.gnu.org/software/tar/manual/html_node/Standard.html).
 * Undefined for a block of zeros, two of which end an archive.
 * @param offset of the block, for messages
 * @throws TarDamage
 */
export function parseHeader(block: Uint8Array, offset: number): TarHeader | undefined {
	if (isZero(block)) return undefined;
	assertChecksum(block, offset);
	const letter = text(block, 156, 157);
	const type = TYPES.get(letter);
	if (!type)
		throw new TarDamage(offset, `holds a member of type ${JSON.stringify(letter)}, which snapshots never have`);
	const storedSize = parseNumber(block.subarray(124, 136));
	if (storedSize === undefined) throw new TarDamage(offset, 'states a size that is not a number');
	if (type === 'directory' && storedSize > 0) throw new TarDamage(offset, 'gives a directory a size');
	const header = { name: nameIn(block), type, storedSize, size: storedSize, runs: [], moreRuns: false };
	return type === 'sparse' ? { ...header, ...sparsePart(block, offset) } : header;
}

/** The real size and the first runs stand where ustar has the prefix of the name. */
function sparsePart(block: Uint8Array, offset: number): Pick<TarHeader, 'size' | 'runs' | 'moreRuns'> {
	const size = parseNumber(block.subarray(483, 495));
	if (size === undefined) throw new TarDamage(offset, 'states a size that is not a number');
	const runs = parseSparseEntries(block.subarray(386), SPARSE_HEADER_ENTRIES, offset);
	return { size, runs, moreRuns: block[SPARSE_EXTENDED_OFFSET] === 1 };
}

/** The sum of all bytes, the checksum's own counted as spaces: every single changed bit is noticed. */
function assertChecksum(block: Uint8Array, offset: number): void {
	const field = text(block, CHECKSUM.start, CHECKSUM.end);
	let sum = 0;
	for (let index = 0; index < BLOCK; index++) {
		sum += index >= CHECKSUM.start && index < CHECKSUM.end ? 0x20 : block[index]!;
	}
	const isWellFormed = CHECKSUM_FORMS.some((form) => form.test(field));
	if (isWellFormed && Number.parseInt(field.trim(), 8) === sum) return;
	throw new TarDamage(offset, 'has a header whose checksum is wrong');
}

function nameIn(block: Uint8Array): string {
	const name = cString(block.subarray(0, 100));
	const isPosix = text(block, 257, 263) === 'ustar\0';
	const prefix = isPosix ? cString(block.subarray(345, 500)) : '';
	return prefix ? `${prefix}/${name}` : name;
}

/** UTF-8 up to the first NUL. */
export function cString(bytes: Uint8Array): string {
	const end = bytes.indexOf(0);
	return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString('utf8');
}

export function isZero(bytes: Uint8Array): boolean {
	return bytes.every((byte) => byte === 0);
}

function text(block: Uint8Array, start: number, end: number): string {
	return Buffer.from(block.subarray(start, end)).toString('latin1');
}
