/** What all parts of a tar are made of: blocks, and fields that hold numbers and names. */

/** Tar counts in blocks of this many bytes. */
export const BLOCK = 512;

/** What makes the rest of a tar unreadable. The message ends a sentence that begins with the tar's name. */
export class TarDamage extends Error {
	constructor(
		/** Byte of the outermost file. */
		readonly offset: number,
		message: string,
	) {
		super(message);
	}
}

/**
 * A number: octal digits that a NUL or a space ends, or, for large numbers, big-endian binary behind a byte of 0x80 (GNU).
 * Undefined where it is neither, or is more than a double holds exactly.
 */
export function parseNumber(field: Uint8Array): number | undefined {
	if (field[0] === 0x80) return parseBinary(field.subarray(1));
	const digits = /^ *([0-7]+)[ \0]*$/.exec(text(field))?.[1];
	if (digits === undefined) return undefined;
	const value = Number.parseInt(digits, 8);
	return Number.isSafeInteger(value) ? value : undefined;
}

/** A time in seconds, which may be before 1970: as `parseNumber`, or negative in GNU's binary form. Undefined where it is neither. */
export function parseTime(field: Uint8Array): bigint | undefined {
	if (field[0] === 0xff) return BigInt.asIntN(64, BigInt(`0x${Buffer.from(field.subarray(-8)).toString('hex')}`));
	const seconds = parseNumber(field);
	return seconds === undefined ? undefined : BigInt(seconds);
}

function parseBinary(bytes: Uint8Array): number | undefined {
	const value = BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
	return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : undefined;
}

/** A copy of what stands before the first NUL. */
export function cBytes(bytes: Uint8Array): Buffer {
	const end = bytes.indexOf(0);
	return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end));
}

/** The bytes of a field as characters, one for one. */
export function text(field: Uint8Array): string {
	return Buffer.from(field).toString('latin1');
}

export function isZero(bytes: Uint8Array): boolean {
	return bytes.every((byte) => byte === 0);
}

/** Bytes of a member's content with what fills its last block up. */
export function paddedSize(size: number): number {
	return Math.ceil(size / BLOCK) * BLOCK;
}
