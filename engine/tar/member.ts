/**
 * The headers of members of every type with all that is known of them: POSIX ustar, and in front of it an extended header (PAX)
 * for what has no room there: long names and names that are not ASCII, times below the second, large numbers, and attributes.
 * GNU tar, bsdtar and the libraries of today read them.
 */
import { BLOCK, paddedSize } from './fields';
import { paxRecord } from './pax';
import { headerBlock, MAX_OCTAL, writeHeader } from './write';

export interface MemberFacts {
	/** Bytes, for names of files need not be text; with forward slashes. A directory needs no slash at its end. */
	name: Uint8Array;
	type: 'file' | 'directory' | 'symlink' | 'link';
	/** Bytes of the content that follows; 0 for what is not a file. */
	size: number;
	/** Nanoseconds since 1970. */
	modified: bigint;
	/** Permission bits. */
	mode: number;
	uid: number;
	gid: number;
	user?: string | undefined;
	group?: string | undefined;
	/** What a symbolic link leads to, or the name of the member that has the content of a hard link. */
	target?: Uint8Array | undefined;
	/** Extended attributes, by names such as `user.comment`. */
	attributes?: Readonly<Record<string, string>> | undefined;
}

const TYPES = { file: '0', link: '1', symlink: '2', directory: '5' } as const;

/** Seven octal digits. */
const MAX_ID = 8 ** 7 - 1;
const NAME_BYTES = 100;
const SECOND = 1_000_000_000n;

/** All headers of a member: whole blocks, behind which its content stands. */
export function memberHeader(facts: MemberFacts): Buffer {
	const { type, size, modified, mode, uid, gid, user = '', group = '', target = new Uint8Array() } = facts;
	const isBare = type === 'directory' && facts.name.at(-1) !== 0x2f;
	const name = isBare ? Buffer.concat([facts.name, Buffer.from('/')]) : facts.name;
	const seconds = modified / SECOND - (modified % SECOND < 0n ? 1n : 0n);
	const records: Buffer[] = [];
	if (!fits(name)) records.push(paxRecord('path', name));
	if (!fits(target)) records.push(paxRecord('linkpath', target));
	if (modified % SECOND !== 0n || seconds < 0n || seconds > BigInt(MAX_OCTAL)) {
		records.push(paxRecord('mtime', decimal(modified)));
	}
	if (size > MAX_OCTAL) records.push(paxRecord('size', String(size)));
	if (uid > MAX_ID) records.push(paxRecord('uid', String(uid)));
	if (gid > MAX_ID) records.push(paxRecord('gid', String(gid)));
	if (!isShort(user)) records.push(paxRecord('uname', user));
	if (!isShort(group)) records.push(paxRecord('gname', group));
	// The name that star gave them, and that GNU tar, bsdtar and Python understand.
	for (const [key, value] of Object.entries(facts.attributes ?? {})) {
		records.push(paxRecord(`SCHILY.xattr.${key}`, value));
	}
	const time = Number(seconds < 0n ? 0n : seconds);
	const fields = {
		name: shortened(name),
		size,
		seconds: Math.min(time, MAX_OCTAL),
		type: TYPES[type],
		mode: mode & 0o7777,
		uid: Math.min(uid, MAX_ID),
		gid: Math.min(gid, MAX_ID),
		user: plain(user).slice(0, 31),
		group: plain(group).slice(0, 31),
		target: shortened(target),
	};
	if (records.length === 0) return headerBlock(fields);
	const length = totalLength(records);
	// All in one piece of memory: there may be a million of these.
	const header = Buffer.allocUnsafe(2 * BLOCK + paddedSize(length)).fill(0);
	writeHeader(header, { name: 'PaxHeader', size: length, seconds: Math.min(time, MAX_OCTAL), type: 'x' });
	let offset = BLOCK;
	for (const record of records) {
		header.set(record, offset);
		offset += record.length;
	}
	writeHeader(header.subarray(BLOCK + paddedSize(length)), fields);
	return header;
}

function totalLength(records: Buffer[]): number {
	return records.reduce((total, { length }) => total + length, 0);
}

/** Whether the header itself can hold a name: what is not printable stands there as `_`. */
function fits(name: Uint8Array): boolean {
	if (name.length > NAME_BYTES) return false;
	for (const byte of name) if (byte < 0x20 || byte >= 0x7f) return false;
	return true;
}

/** Whether the header itself has room for the name of a user or group, and a NUL behind it. */
function isShort(name: string): boolean {
	const bytes = Buffer.from(name);
	return bytes.length < 32 && fits(bytes);
}

/** For programs that do not know PAX. */
function shortened(name: Uint8Array): string {
	return plain(Buffer.from(name.buffer, name.byteOffset, name.length).toString('latin1')).slice(0, NAME_BYTES);
}

function plain(text: string): string {
	return text.replace(/[^\x20-\x7e]/g, '_');
}

/** Seconds with nine decimals; the minus of a time before 1970 stands in front. */
function decimal(nanoseconds: bigint): string {
	const size = nanoseconds < 0n ? -nanoseconds : nanoseconds;
	return `${nanoseconds < 0n ? '-' : ''}${size / SECOND}.${String(size % SECOND).padStart(9, '0')}`;
}
