/**
 * How bytes move through: a frame with the contents of large objects holds one statement a line, each of which puts one piece
 * back. Lines are cut from the chunks as they come; nothing is kept but the one that is not complete.
 */
import { BackupError } from '../errors';

/** `pg_catalog.lo_put(id, offset, bytes)`, letter for letter as dump/largeObjects.ts writes it. */
const PUT = /^SELECT pg_catalog\.lo_put\(\d{1,10}, \d{1,13}, pg_catalog\.decode\('[0-9a-f]*', 'hex'\)\);$/;

/** Twice the bytes of a piece, for they are written in hexadecimal, and room for what stands around it. */
const MAX_LINE_BYTES = 1024 * 1024;

const NEWLINE = 0x0a;

/**
 * The statements of a frame, each with its semicolon. Nothing but these is ever handed out, for they are run as they are.
 * @throws BackupError ARCHIVE_CORRUPT where anything else stands there; what the source throws
 */
export async function* largeObjectPieces(frame: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
	let begun: Buffer[] = [];
	let length = 0;
	const take = (end: Buffer): string => {
		if (length + end.length > MAX_LINE_BYTES) throw notOnlyContents();
		const line = begun.length === 0 ? end : Buffer.concat([...begun, end]);
		begun = [];
		length = 0;
		const text = line.toString('latin1');
		if (!PUT.test(text)) throw notOnlyContents();
		return text;
	};
	for await (const bytes of frame) {
		const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
		let from = 0;
		for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
			const line = chunk.subarray(from, end);
			from = end + 1;
			// The frame ends in an empty line.
			if (line.length > 0 || length > 0) yield take(line);
		}
		const rest = chunk.subarray(from);
		length += rest.length;
		if (length > MAX_LINE_BYTES) throw notOnlyContents();
		if (rest.length > 0) begun.push(Buffer.from(rest));
	}
	if (length > 0) yield take(Buffer.alloc(0));
}

function notOnlyContents(): BackupError {
	return new BackupError('ARCHIVE_CORRUPT', 'Among the contents of large objects stands something else.', {
		hint: 'The archive was edited after it was made. Do not rely on it: choose another backup.',
	});
}
