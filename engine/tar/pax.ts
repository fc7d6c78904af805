/**
 * Extended headers (POSIX.1-2001, pax): records of `length key=value\n`, where the length counts all of the record, itself
 * included. They carry what a header of 512 bytes has no room for.
 */
import { TarDamage } from './fields';

/** What of the records about a member is used. */
export interface PaxRecords {
	path?: string;
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
		const [, key, value = ''] = /^(path|size)=(.*)$/s.exec(bytes.toString('utf8', space + 1, end - 1)) ?? [];
		if (key === 'path') found.path = value;
		if (key === 'size' && /^\d+$/.test(value)) found.size = Number(value);
		at = end;
	}
	return found;
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
