/**
 * Positions in the write-ahead log, and the names of the files that hold it.
 *
 * A position (LSN) is a number of bytes since the log began; PostgreSQL writes its two halves of 32 bits in hexadecimal: `A/3F000028`.
 * The log is cut into segments of one size, which initdb sets: a power of two from 1 MiB to 1 GiB, 16 MiB by default. A segment is
 * called after its timeline and its number, the latter cut so that the last eight digits count the segments of 4 GiB (macros XLogFileName
 * and XLByteToSeg of xlog_internal.h).
 */
import { BackupError } from '../../errors';

/** Bytes since the log began. */
export type Lsn = bigint;

const HALF = 0x1_0000_0000n;
const LARGEST = HALF * HALF - 1n;
const TEXT = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i;

/** Bytes that a segment may have. */
const SEGMENT_BYTES = { min: 1024 ** 2, max: 1024 ** 3 };
const LARGEST_TIMELINE = 0xffff_ffff;

/**
 * Reads a position as PostgreSQL writes it.
 * @throws BackupError INVALID_INPUT for what is none
 */
export function parseLsn(text: string): Lsn {
	const [, high, low] = TEXT.exec(text.trim()) ?? [];
	if (high === undefined || low === undefined)
		throw new BackupError('INVALID_INPUT', `"${text.slice(0, 40)}" is no position in the write-ahead log.`, {
			hint: 'Give an LSN as PostgreSQL writes it, two hexadecimal numbers with a slash between them: 16/B374D848.',
		});
	return BigInt(`0x${high}`) * HALF + BigInt(`0x${low}`);
}

/** As PostgreSQL writes it: `16/B374D848`. */
export function formatLsn(lsn: Lsn): string {
	if (lsn < 0n || lsn > LARGEST) throw new RangeError(`${lsn} is no position in the write-ahead log.`);
	const hex = (half: bigint) => half.toString(16).toUpperCase();
	return `${hex(lsn / HALF)}/${hex(lsn % HALF)}`;
}

/**
 * Whether segments can have this size.
 * @param bytes as `wal_segment_size` tells it
 */
export function isSegmentSize(bytes: number): boolean {
	return bytes >= SEGMENT_BYTES.min && bytes <= SEGMENT_BYTES.max && Number.isInteger(Math.log2(bytes));
}

/** The position at which the segment with a position begins. */
export function segmentStart(lsn: Lsn, segmentBytes: number): Lsn {
	return lsn - (lsn % BigInt(segmentBytes));
}

/** The segment with a position: `000000010000000A0000003F`. A position between two segments belongs to the later one. */
export function segmentName(timeline: number, lsn: Lsn, segmentBytes: number): string {
	const number = lsn / BigInt(segmentBytes);
	const inFourGigabytes = HALF / BigInt(segmentBytes);
	return hexDigits(timeline) + hexDigits(number / inFourGigabytes) + hexDigits(number % inFourGigabytes);
}

/** What the name of a segment says. */
export interface SegmentPlace {
	timeline: number;
	/** The position of its first byte. */
	startLsn: Lsn;
}

/** Reads the name of a segment, without any ending. Undefined for what is none, of this size of segments. */
export function parseSegmentName(name: string, segmentBytes: number): SegmentPlace | undefined {
	if (!/^[0-9A-F]{24}$/.test(name)) return undefined;
	const field = (at: number) => BigInt(`0x${name.slice(at, at + 8)}`);
	const timeline = Number(field(0));
	const inFourGigabytes = HALF / BigInt(segmentBytes);
	if (timeline === 0 || field(16) >= inFourGigabytes) return undefined;
	return { timeline, startLsn: (field(8) * inFourGigabytes + field(16)) * BigInt(segmentBytes) };
}

/** The file that tells where a timeline branched off: `00000002.history`. The first timeline has none. */
export function historyName(timeline: number): string {
	return `${hexDigits(timeline)}.history`;
}

/** The timeline of such a file; undefined for any other name. */
export function parseHistoryName(name: string): number | undefined {
	const [, digits] = /^([0-9A-F]{8})\.history$/.exec(name) ?? [];
	const timeline = digits === undefined ? 0 : Number.parseInt(digits, 16);
	return timeline > 0 && timeline <= LARGEST_TIMELINE ? timeline : undefined;
}

function hexDigits(number: number | bigint): string {
	return number.toString(16).toUpperCase().padStart(8, '0');
}
