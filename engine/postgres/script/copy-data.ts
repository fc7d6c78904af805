/*
 * Cuts the rows of a `COPY ... FROM stdin` out of a script or an archive.
 *
 * How bytes move through: chunks pass on as they are, as views, up to the end marker: a line that is `\.` alone
 * (src/bin/psql/copy.c: followed by \n or \r\n; in every format but binary). Only a beginning of that marker at the
 * end of a chunk, three bytes at most, is held back until the next chunk.
 */
import { countNewlines } from './newlines';

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const BACKSLASH = 0x5c;
const DOT = 0x2e;
const MARKER_AFTER_NEWLINE = Buffer.from('\n\\.');
const EMPTY = Buffer.alloc(0);

/** Splits a stream of chunks at COPY's end marker. */
export class CopyDataSplitter {
	/** Lines of rows passed on so far: in the text format, the number of rows. */
	lines = 0;
	/** Bytes passed on so far. */
	bytes = 0;
	/** What came after the marker's line; undefined until the marker has been seen. */
	rest: Buffer | undefined;
	/** Bytes of the marker's line. */
	markerBytes = 0;
	#held: Buffer = EMPTY;
	#atLineStart = true;

	/** Takes a chunk, answers the rows in it (perhaps none). */
	push(chunk: Buffer): Buffer {
		const data = this.#held.length > 0 ? Buffer.concat([this.#held, chunk]) : chunk;
		this.#held = EMPTY;
		let from = 0;
		if (this.#atLineStart) {
			const marker = markerAt(data, 0);
			if (marker !== 0) return this.#cut(data, 0, marker);
		}
		for (;;) {
			const found = data.indexOf(MARKER_AFTER_NEWLINE, from);
			if (found < 0) return this.#passOn(data);
			const marker = markerAt(data, found + 1);
			if (marker !== 0) return this.#cut(data, found + 1, marker);
			from = found + 1;
		}
	}

	/** Says that the input ends here; true when it ends in a marker without its newline, which psql accepts too. */
	finish(): boolean {
		if (this.rest !== undefined) return true;
		const held = this.#held.toString('latin1').replace(/\r$/, '');
		if (held !== '\\.') return false;
		this.markerBytes = this.#held.length;
		this.#held = EMPTY;
		this.rest = EMPTY;
		return true;
	}

	/** @param marker its length, or -1 when the data ends inside of what may be one. */
	#cut(data: Buffer, at: number, marker: number): Buffer {
		const rows = this.#count(data.subarray(0, at));
		this.#atLineStart = true;
		if (marker < 0) this.#held = Buffer.from(data.subarray(at));
		else {
			this.markerBytes = marker;
			this.rest = data.subarray(at + marker);
		}
		return rows;
	}

	#passOn(data: Buffer): Buffer {
		const lineStart = data.length >= 2 ? data[data.length - 2] === NEWLINE : this.#atLineStart;
		if (lineStart && data[data.length - 1] === BACKSLASH) return this.#cut(data, data.length - 1, -1);
		if (data.length > 0) this.#atLineStart = data[data.length - 1] === NEWLINE;
		return this.#count(data);
	}

	#count(rows: Buffer): Buffer {
		this.lines += countNewlines(rows);
		this.bytes += rows.length;
		return rows;
	}
}

/** Length of the end marker at the start of a line; 0 where there is none, -1 where the data ends too early to say. */
function markerAt(data: Buffer, at: number): number {
	if (at >= data.length) return 0;
	if (data[at] !== BACKSLASH) return 0;
	if (at + 1 >= data.length) return -1;
	if (data[at + 1] !== DOT) return 0;
	if (at + 2 >= data.length) return -1;
	if (data[at + 2] === NEWLINE) return 3;
	if (data[at + 2] !== RETURN) return 0;
	if (at + 3 >= data.length) return -1;
	return data[at + 3] === NEWLINE ? 4 : 0;
}
