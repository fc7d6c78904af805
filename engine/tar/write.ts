/**
 * The headers of tars that we write: POSIX ustar, with GNU's binary numbers for sizes and PAX records for names that have no
 * place there, which every tar of today reads.
 *
 * tar-stream's `pack` is not used for it. It gives out one stream of headers and contents, while in an archive each member's
 * content is a part (or several frames) of its own, which a restore finds by the manifest. It also keeps times in 32 bits, so
 * that from 2038 on they are wrong, and writes a number that has no room, such as the user ids of OpenShift, as another one.
 * It is what the tests read these headers with, and what they build foreign tars with.
 */
import { BLOCK } from './fields';
import { paxRecord } from './pax';

/** What eleven octal digits can say: 8 GiB. */
export const MAX_OCTAL = 8 ** 11 - 1;

/** The header of a plain file that only its owner may read and write, with the extended header before it where it needs one. */
export function tarHeader(name: string, size: number, modifiedAt: Date): Buffer {
	const seconds = Math.floor(modifiedAt.getTime() / 1000);
	// eslint-disable-next-line no-control-regex
	if (name.length <= 100 && /^[\x01-\x7f]*$/.test(name)) return headerBlock({ name, size, seconds, type: '0' });
	const records = paxRecord('path', name);
	return Buffer.concat([
		headerBlock({ name: 'PaxHeader', size: records.length, seconds, type: 'x' }),
		records,
		tarPadding(records.length),
		// For programs that do not know PAX.
		headerBlock({ name: name.replace(/[^\x20-\x7e]/g, '_').slice(0, 100), size, seconds, type: '0' }),
	]);
}

export interface HeaderFields {
	/** ASCII, up to 100 bytes. */
	name: string;
	size: number;
	/** Since 1970. */
	seconds: number;
	/** ustar's letter. */
	type: '0' | '1' | '2' | '5' | 'x';
	/** By default, only the owner may read and write. */
	mode?: number;
	uid?: number;
	gid?: number;
	/** ASCII, up to 31 bytes. */
	user?: string;
	group?: string;
	/** What a link leads to: ASCII, up to 100 bytes. */
	target?: string;
}

/** One block of 512 bytes. */
export function headerBlock(fields: HeaderFields): Buffer {
	return writeHeader(Buffer.allocUnsafe(BLOCK).fill(0), fields);
}

/** Writes a header into a block of zeros, and returns it. */
export function writeHeader(block: Buffer, fields: HeaderFields): Buffer {
	const { name, size, seconds, type, mode = 0o600, uid = 0, gid = 0, user = '', group = '', target = '' } = fields;
	block.write(name, 0, 100, 'latin1');
	writeOctal(block, mode, 100, 7);
	writeOctal(block, uid, 108, 7);
	writeOctal(block, gid, 116, 7);
	writeSize(block, size);
	writeOctal(block, seconds, 136, 11);
	block.write(type, 156, 'latin1');
	if (target !== '') block.write(target, 157, 100, 'latin1');
	block.write('ustar\x0000', 257, 'latin1');
	if (user !== '') block.write(user, 265, 32, 'latin1');
	if (group !== '') block.write(group, 297, 32, 'latin1');
	// The eight bytes of the checksum itself count as spaces; what follows the names of user and group is zeros.
	let sum = 8 * 0x20;
	for (let index = 0; index < 329; index++) sum += block[index]!;
	writeOctal(block, sum, 148, 6);
	block[155] = 0x20;
	return block;
}

function writeSize(block: Buffer, size: number): void {
	if (size <= MAX_OCTAL) {
		writeOctal(block, size, 124, 11);
		return;
	}
	block.writeBigUInt64BE(BigInt(size), 128);
	block[124] = 0x80;
}

/** Digits as ASCII; the byte behind them stays zero. */
function writeOctal(block: Buffer, value: number, offset: number, digits: number): void {
	let rest = value;
	for (let at = offset + digits - 1; at >= offset; at--) {
		block[at] = 0x30 + (rest % 8);
		rest = Math.floor(rest / 8);
	}
}

/** What fills a file's last block up. */
export function tarPadding(size: number): Buffer {
	return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}

/** What ends the archive. */
export function tarEnd(): Buffer {
	return Buffer.alloc(2 * BLOCK);
}
