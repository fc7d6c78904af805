/**
 * Extended headers (POSIX.1-2001, pax): records of `length key=value\n`, where the length counts all of the record, itself
 * included. They carry what a header of 512 bytes has no room for.
 */
import { TarDamage } from './fields';
import type { SparseRun } from './sparse';

/** What of the records about a member is used. An empty value takes back what a record before it said. */
export interface PaxRecords {
	path?: Buffer | undefined;
	/** What a link leads to. */
	target?: Buffer | undefined;
	size?: number | undefined;
	/** Nanoseconds since 1970. */
	modified?: bigint | undefined;
	uid?: number | undefined;
	gid?: number | undefined;
	sparse?: PaxSparse | undefined;
}

/** What GNU tar says of a sparse file in its three PAX formats (https://www.gnu.org/software/tar/manual/html_section/Sparse-Formats.html). */
export interface PaxSparse {
	/** In format 1.0, the list of the pieces is the first content of the member. */
	isMapInContent: boolean;
	/** Formats 0.0 and 0.1. */
	runs: SparseRun[];
	size?: number;
}

/** @param offset of the records, for messages. @throws TarDamage */
export function parsePax(records: Uint8Array, offset: number): PaxRecords {
	const bytes = Buffer.from(records.buffer, records.byteOffset, records.length);
	const found: PaxRecords = {};
	for (let at = 0; at < bytes.length;) {
		const space = bytes.indexOf(0x20, at);
		const digits = bytes.toString('latin1', at, Math.max(at, space));
		const end = at + Number.parseInt(digits, 10);
		const isWhole = /^\d+$/.test(digits) && end <= bytes.length && end > space && bytes[end - 1] === 0x0a;
		if (!isWhole) throw new TarDamage(offset + at, 'has a PAX header that cannot be read');
		const equals = bytes.indexOf(0x3d, space);
		if (equals > 0 && equals < end) {
			const key = bytes.toString('latin1', space + 1, equals);
			const value = Buffer.from(bytes.subarray(equals + 1, end - 1));
			if (!addRecord(found, key, value))
				throw new TarDamage(offset + at, `has a PAX header with a ${key} that makes no sense`);
		}
		at = end;
	}
	return found;
}

/** False for a value that cannot be. */
function addRecord(found: PaxRecords, key: string, value: Buffer): boolean {
	if (key.startsWith('GNU.sparse.')) return addSparse(found, key.slice('GNU.sparse.'.length), value);
	const isTakenBack = value.length === 0;
	if (key === 'path') found.path = isTakenBack ? undefined : value;
	else if (key === 'linkpath') found.target = isTakenBack ? undefined : value;
	else if (key === 'mtime') {
		found.modified = isTakenBack ? undefined : nanoseconds(value.toString('latin1'));
		return isTakenBack || found.modified !== undefined;
	} else if (key === 'size' || key === 'uid' || key === 'gid') {
		found[key] = isTakenBack ? undefined : numberIn(value);
		return isTakenBack || found[key] !== undefined;
	}
	return true;
}

function addSparse(found: PaxRecords, key: string, value: Buffer): boolean {
	const sparse = (found.sparse ??= { isMapInContent: false, runs: [] });
	const number = numberIn(value);
	if (key === 'name') found.path = value;
	else if (key === 'major') sparse.isMapInContent = number === 1;
	else if (key === 'size' || key === 'realsize') sparse.size = number ?? -1;
	else if (key === 'offset') sparse.runs.push({ offset: number ?? -1, length: 0 });
	else if (key === 'numbytes') {
		const last = sparse.runs.at(-1);
		if (!last) return false;
		last.length = number ?? -1;
	} else if (key === 'map') return addMap(sparse, value.toString('latin1'));
	const isNumber = key === 'size' || key === 'realsize' || key === 'offset' || key === 'numbytes';
	return !isNumber || number !== undefined;
}

function addMap(sparse: PaxSparse, map: string): boolean {
	const numbers = map === '' ? [] : map.split(',').map(Number);
	if (numbers.length % 2 !== 0 || !numbers.every((number) => Number.isSafeInteger(number) && number >= 0)) return false;
	for (let at = 0; at < numbers.length; at += 2) {
		sparse.runs.push({ offset: numbers[at]!, length: numbers[at + 1]! });
	}
	return true;
}

function numberIn(value: Buffer): number | undefined {
	const digits = value.toString('latin1');
	const number = Number(digits);
	return /^\d+$/.test(digits) && Number.isSafeInteger(number) ? number : undefined;
}

/** Takes seconds with any number of decimals. */
function nanoseconds(seconds: string): bigint | undefined {
	const [, sign, whole, decimals = ''] = /^(-?)(\d{1,18})(?:\.(\d*))?$/.exec(seconds) ?? [];
	if (whole === undefined) return undefined;
	const size = BigInt(whole) * 1_000_000_000n + BigInt(decimals.slice(0, 9).padEnd(9, '0'));
	return sign === '-' ? -size : size;
}

/** One record. A value that is not text is written as its bytes. */
export function paxRecord(key: string, value: string | Uint8Array): Buffer {
	const bytes = typeof value === 'string' ? Buffer.from(value) : value;
	const rest = Buffer.byteLength(` ${key}=`) + bytes.length + 1;
	let length = rest;
	// The digits of the length count, too, and may become one more by that.
	while (length !== rest + String(length).length) length = rest + String(length).length;
	return Buffer.concat([Buffer.from(`${length} ${key}=`), bytes, Buffer.from('\n')]);
}
