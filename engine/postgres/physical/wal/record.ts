/**
 * Which records of the write-ahead log tell when something happened: the ends of transactions, and restore points (rmgrlist.h, xact.h,
 * pg_control.h, xlogrecord.h). These numbers have been the same from version 12 to 18.
 */

/** Bytes of a record's header (XLogRecord). */
export const RECORD_HEADER = 24;

/** Resource managers, of which a record's header names one. */
const XLOG = 0;
const TRANSACTION = 1;

/** What a record of the log itself is, by the upper half of its flags. */
const SWITCH = 0x40;
const RESTORE_POINT = 0x70;
const OVERWRITES = 0xd0;

/** What a record of a transaction is, by the upper half of its flags without the highest bit. */
const TRANSACTION_ENDS = new Map<number, 'commit' | 'abort'>([
	[0x00, 'commit'],
	[0x20, 'abort'],
	[0x30, 'commit'],
	[0x40, 'abort'],
]);

/** Bytes behind the header in which everything stands that is read of a record. */
export const HEAD_BYTES = 96;

/** What stands in front of a record's own data. */
const DATA_SHORT = 255;
const DATA_LONG = 254;
const ORIGIN = 253;
const TOP_TRANSACTION = 252;

/** Microseconds from 1970 to 2000, with which PostgreSQL's times begin. */
const EPOCH_2000 = 946_684_800_000_000;

export type RecordType = 'commit' | 'abort' | 'restorePoint' | 'switch' | 'overwrites';

/** What sort of record has this header; undefined for those that tell nothing here. */
export function recordType(manager: number, info: number): RecordType | undefined {
	if (manager === TRANSACTION) return TRANSACTION_ENDS.get(info & 0x70);
	if (manager !== XLOG) return undefined;
	const sort = info & 0xf0;
	if (sort === RESTORE_POINT) return 'restorePoint';
	if (sort === OVERWRITES) return 'overwrites';
	return sort === SWITCH ? 'switch' : undefined;
}

/** What a commit, an abort or a restore point says. */
export interface TimedFacts {
	/** Microseconds since 1970, by the server's clock. */
	time: number;
	/** Of a restore point. */
	name?: string;
}

/**
 * Reads the time, and a restore point's name, in the bytes behind a record's header.
 * @param length how many of them there are
 * @returns undefined where they do not have the form that such records have
 */
export function timedFacts(head: Buffer, length: number, type: RecordType): TimedFacts | undefined {
	const at = dataOffset(head);
	if (at === undefined || at + 8 > length) return undefined;
	const time = Number(head.readBigInt64LE(at)) + EPOCH_2000;
	if (type !== 'restorePoint') return { time };
	const text = head.subarray(at + 8, Math.min(at + 72, length));
	const end = text.indexOf(0);
	return { time, name: text.toString('utf8', 0, end < 0 ? text.length : end) };
}

/** Where a record's own data begins; undefined where blocks come before it, which no such record has. */
function dataOffset(head: Buffer): number | undefined {
	for (let at = 0; at < head.length;) {
		const id = head[at];
		if (id === DATA_SHORT) return at + 2;
		if (id === DATA_LONG) return at + 5;
		if (id === ORIGIN) at += 3;
		else if (id === TOP_TRANSACTION) at += 5;
		else return undefined;
	}
	return undefined;
}
