/**
 * Names of entries. A name is bytes, as file systems and S3 have it; here it is a string, which is the text that the bytes are
 * in UTF-8. A byte that belongs to no text stands as the lone surrogate U+DC00 plus the byte, as Python's `surrogateescape`
 * has it (PEP 383), so every name of a file has one string, and JSON can hold it.
 *
 * Entries are always in the order of their names' bytes: that is the order in which S3 lists, and what lets two lists of a
 * million entries be compared while both are read.
 */
import { isUtf8 } from 'node:buffer';

const ESCAPE = 0xdc00;

/** The string of a name. */
export function nameOf(bytes: Uint8Array): string {
	const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
	if (isUtf8(buffer)) return buffer.toString('utf8');
	let name = '';
	for (let at = 0; at < buffer.length;) {
		const length = characterAt(buffer, at);
		name += length > 0 ? buffer.toString('utf8', at, at + length) : String.fromCharCode(ESCAPE + buffer[at]!);
		at += Math.max(1, length);
	}
	return name;
}

/** Bytes of the character that begins here; 0 where none does. */
function characterAt(bytes: Buffer, at: number): number {
	const lead = bytes[at]!;
	const length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
	return at + length <= bytes.length && isUtf8(bytes.subarray(at, at + length)) ? length : 0;
}

/** The bytes of a name. A surrogate that stands for no byte becomes the three bytes of U+FFFD. */
export function bytesOf(name: string): Buffer {
	if (!/[\ud800-\udfff]/.test(name)) return Buffer.from(name);
	const pieces: Buffer[] = [];
	for (const character of name) {
		const code = character.charCodeAt(0);
		const isByte = character.length === 1 && code >= ESCAPE + 0x80 && code <= ESCAPE + 0xff;
		pieces.push(isByte ? Buffer.of(code - ESCAPE) : Buffer.from(character));
	}
	return Buffer.concat(pieces);
}

/** The order of names: negative where the first comes before the second. */
export function compareNames(a: string, b: string): number {
	const length = Math.min(a.length, b.length);
	for (let index = 0; index < length; index++) {
		const one = a.charCodeAt(index);
		const other = b.charCodeAt(index);
		if (one === other) continue;
		// Surrogates, whole pairs or bytes that are no text, have another place among UTF-16 than among bytes.
		return isSurrogate(one) || isSurrogate(other) ? Buffer.compare(bytesOf(a), bytesOf(b)) : one - other;
	}
	return a.length - b.length;
}

function isSurrogate(code: number): boolean {
	return code >= 0xd800 && code <= 0xdfff;
}

/** A name as a message shows it: what is no text, or no printable character, is told by its code. */
export function shownName(name: string): string {
	return JSON.stringify(name).slice(1, -1);
}
