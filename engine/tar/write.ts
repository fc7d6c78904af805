/** As much of the tar format (POSIX ustar, GNU's large sizes) as an archive of a few flat files needs. */

const BLOCK = 512;
/** What eleven octal digits can say; larger files get GNU's base-256 number, which all tars of today read. */
const MAX_OCTAL = 8 ** 11 - 1;

/** The header of a plain file. Names are ASCII, up to 100 bytes. */
export function tarHeader(name: string, size: number, modifiedAt: Date): Buffer {
	const header = Buffer.alloc(BLOCK);
	header.write(name, 0, 100, 'ascii');
	header.write('0000600\0', 100);
	header.write('0000000\0', 108);
	header.write('0000000\0', 116);
	writeSize(header, size);
	header.write(`${octal(Math.floor(modifiedAt.getTime() / 1000), 11)}\0`, 136);
	header.write('        ', 148);
	header.write('0', 156);
	header.write('ustar\x0000', 257);
	let sum = 0;
	for (const byte of header) sum += byte;
	header.write(`${octal(sum, 6)}\0 `, 148);
	return header;
}

function writeSize(header: Buffer, size: number): void {
	if (size <= MAX_OCTAL) {
		header.write(`${octal(size, 11)}\0`, 124);
		return;
	}
	header.writeBigUInt64BE(BigInt(size), 128);
	header[124] = 0x80;
}

function octal(value: number, digits: number): string {
	return value.toString(8).padStart(digits, '0');
}

/** What fills a file's last block up. */
export function tarPadding(size: number): Buffer {
	return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}

/** What ends the archive. */
export function tarEnd(): Buffer {
	return Buffer.alloc(2 * BLOCK);
}
