/**
 * The pages of the write-ahead log, and their headers (XLogPageHeaderData and XLogLongPageHeaderData of xlog_internal.h). Numbers are
 * little-endian: of the order of the server's processor, and no server of today is another.
 */
import { formatLsn, isSegmentSize, type Lsn } from '../lsn';

/** What makes the rest of the log unreadable. The message ends a sentence that begins with what is read. */
export class WalDamage extends Error {
	constructor(
		/** Where in the log it was found. */
		readonly lsn: Lsn,
		what: string,
	) {
		super(`${what}, at ${formatLsn(lsn)}`);
	}
}

/** Each page but the first of a segment has the short form. */
export const SHORT_HEADER = 24;
export const LONG_HEADER = 40;

/** By the number that pages begin with (XLOG_PAGE_MAGIC), the version of PostgreSQL that writes such. */
const VERSIONS = new Map([
	[0xd101, 12],
	[0xd106, 13],
	[0xd10d, 14],
	[0xd110, 15],
	[0xd113, 16],
	[0xd116, 17],
	[0xd118, 18],
]);

/** Flags of a header. */
const IS_CONTINUED = 0x0001;
const IS_LONG = 0x0002;
const IS_OVERWRITTEN = 0x0008;
const ALL_FLAGS = 0x000f;

export interface PageHeader {
	/** PostgreSQL's: 15. */
	version: number;
	timeline: number;
	lsn: Lsn;
	/** Bytes of the header. */
	length: number;
	/** Bytes that are left of a record which began on a page before; 0 where none did. */
	continued: number;
	/**
	 * The record that began on a page before was never finished: a server that crashed has gone on here instead, as a record of its
	 * own says.
	 */
	isOverwritten: boolean;
	/** What the first page of a segment says besides. */
	segment: SegmentHeader | undefined;
}

export interface SegmentHeader {
	systemIdentifier: string;
	segmentBytes: number;
	pageBytes: number;
}

/** Whether the page that begins here has the long form of the header, where it has one at all. */
export function hasLongHeader(page: Uint8Array): boolean {
	return (page[2]! & IS_LONG) !== 0;
}

/**
 * Reads the header of a page.
 * @param page at least as many bytes of it as its header has
 * @param lsn where the page should be
 * @throws WalDamage
 */
export function parsePageHeader(page: DataView, lsn: Lsn): PageHeader {
	const magic = page.getUint16(0, true);
	const version = VERSIONS.get(magic);
	if (version === undefined) throw new WalDamage(lsn, notAPage(magic));
	const flags = page.getUint16(2, true);
	if ((flags & ~ALL_FLAGS) !== 0) throw new WalDamage(lsn, 'holds a page with flags that do not exist');
	const stated = page.getBigUint64(8, true);
	if (stated !== lsn) throw new WalDamage(lsn, `holds a page of another place, ${formatLsn(stated)}`);
	const continued = page.getUint32(16, true);
	if (((flags & IS_CONTINUED) !== 0) !== continued > 0)
		throw new WalDamage(lsn, 'holds a page that contradicts itself on whether a record goes on there');
	const isLong = (flags & IS_LONG) !== 0;
	return {
		version,
		timeline: page.getUint32(4, true),
		lsn,
		length: isLong ? LONG_HEADER : SHORT_HEADER,
		continued,
		isOverwritten: (flags & IS_OVERWRITTEN) !== 0,
		segment: isLong ? parseSegmentHeader(page, lsn) : undefined,
	};
}

function parseSegmentHeader(page: DataView, lsn: Lsn): SegmentHeader {
	const segmentBytes = page.getUint32(32, true);
	const pageBytes = page.getUint32(36, true);
	const isPageSize = pageBytes >= 1024 && pageBytes <= 65_536 && Number.isInteger(Math.log2(pageBytes));
	if (!isSegmentSize(segmentBytes) || !isPageSize) throw new WalDamage(lsn, 'holds a segment of an impossible size');
	return { systemIdentifier: page.getBigUint64(24, true).toString(), segmentBytes, pageBytes };
}

function notAPage(magic: number): string {
	if (magic === 0) return 'holds zeros where a page should begin';
	const hex = `0x${magic.toString(16).toUpperCase()}`;
	return magic >>> 8 === 0xd1 || magic >>> 8 === 0xd0
		? `holds a page of a version of PostgreSQL that is not known here (${hex})`
		: 'holds something else where a page should begin';
}
