/**
 * A number field of a tar header: octal digits that a NUL or a space ends, or, for large numbers, big-endian binary behind
 * a byte of 0x80 (GNU). Undefined where it is neither, or is more than a double holds exactly.
 */
export function parseNumber(field: Uint8Array): number | undefined {
	if (field[0] === 0x80) return parseBinary(field.subarray(1));
	const digits = /^ *([0-7]+)[ \0]*$/.exec(Buffer.from(field).toString('latin1'))?.[1];
	if (digits === undefined) return undefined;
	const value = Number.parseInt(digits, 8);
	return Number.isSafeInteger(value) ? value : undefined;
}

function parseBinary(bytes: Uint8Array): number | undefined {
	const value = BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
	return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : undefined;
}
