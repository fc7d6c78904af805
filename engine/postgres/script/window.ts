/*
 * The bytes of a script that the scanner keeps: the statement begun but not finished, and what came after it.
 */
import { BackupError } from '../../errors';
import { NEWLINE } from './characters';
import { StatementWords } from './words';

/** The longest string that JavaScript can hold is a little over this. */
export const DEFAULT_MAX_STATEMENT_BYTES = 512 * 1024 * 1024 - 64;

/** A comment before a statement serves for naming an object in an error: more than this is dropped. */
const MAX_COMMENT_BYTES = 64 * 1024;

/** What `next` found. The bytes are a view that the next `push` may overwrite. */
export interface Found {
	type: 'statement' | 'backslash';
	/** The statement without its semicolon; for `backslash`, nothing: the command begins at the scanner's position. */
	bytes: Buffer;
	/** What stood between the statement before and this one: white space and comments. */
	leading: Buffer;
	/** Line of the first byte, from 1. */
	line: number;
	/** Offsets into everything pushed; `end` is after the semicolon. */
	start: number;
	end: number;
	/** The first word, lower case. */
	firstWord: string;
	copyFromStdin: boolean;
}

/** Appends chunks and drops what was answered; the scanner looks for the ends of statements in it. */
export class ScriptWindow {
	protected buffer: Buffer = Buffer.alloc(0);
	#ownsBuffer = false;
	/** Where what is kept begins, where scanning goes on, where the bytes end. */
	protected base = 0;
	protected position = 0;
	protected end = 0;
	/** First byte of the statement, or -1 before it. */
	protected start = -1;
	protected finished = false;
	/** The line of the byte at `base`. */
	#line = 1;
	#offset = 0;

	protected readonly words = new StatementWords();

	constructor(readonly maxStatementBytes: number = DEFAULT_MAX_STATEMENT_BYTES) {}

	/** Line of the scanner's position, from 1. */
	get line(): number {
		return this.#line + countNewlines(this.buffer, this.base, this.position);
	}

	/** @throws BackupError INVALID_INPUT when a single statement is longer than the limit. */
	push(chunk: Buffer): void {
		this.#forgetLongComment();
		const kept = this.end - this.base;
		if (this.start >= 0 && this.end - this.start > this.maxStatementBytes) throw this.tooLong();
		if (kept === 0) {
			this.#replaceBuffer(chunk, false, chunk.length);
			return;
		}
		if (!this.#ownsBuffer || this.end + chunk.length > this.buffer.length) {
			const roomy = Buffer.allocUnsafe(Math.max(2 * (kept + chunk.length), 64 * 1024));
			this.buffer.copy(roomy, 0, this.base, this.end);
			this.#replaceBuffer(roomy, true, kept);
		}
		chunk.copy(this.buffer, this.end);
		this.end += chunk.length;
	}

	/** Gives the bytes not scanned yet to somebody else (COPY data, a backslash command) and forgets them. */
	takeRest(): Buffer {
		const rest = this.buffer.subarray(this.position, this.end);
		this.consume(this.position);
		this.end = this.position;
		return rest;
	}

	/** Counts bytes that somebody else read in the scanner's place. */
	skipped(bytes: number, lines: number): void {
		this.#offset += bytes;
		this.#line += lines;
	}

	#replaceBuffer(buffer: Buffer, owned: boolean, end: number): void {
		const moved = this.base;
		this.buffer = buffer;
		this.#ownsBuffer = owned;
		this.position -= moved;
		if (this.start >= 0) this.start -= moved;
		this.base = 0;
		this.end = end;
	}

	/** Drops everything before `position`. */
	protected consume(position: number): void {
		this.#line += countNewlines(this.buffer, this.base, position);
		this.#offset += position - this.base;
		this.base = position;
	}

	#forgetLongComment(): void {
		if (this.start < 0 && this.position - this.base > MAX_COMMENT_BYTES) this.consume(this.position);
	}

	protected tooLong(): BackupError {
		const mebibytes = Math.floor(this.maxStatementBytes / (1024 * 1024));
		const line = this.#line + countNewlines(this.buffer, this.base, Math.max(this.start, this.base));
		return new BackupError(
			'INVALID_INPUT',
			`The statement that begins in line ${line} is longer than ${mebibytes} MiB, or never ends.`,
			{ hint: 'If the file is whole, restore it with psql, or dump the table with COPY instead of INSERTs.' },
		);
	}

	protected describe(start: number, textEnd: number, end: number): Omit<Found, 'type'> {
		return {
			bytes: this.buffer.subarray(start, textEnd),
			leading: this.buffer.subarray(this.base, start),
			line: this.#line + countNewlines(this.buffer, this.base, start),
			start: this.#offset + start - this.base,
			end: this.#offset + end - this.base,
			firstWord: this.words.first,
			copyFromStdin: this.words.copyFromStdin,
		};
	}
}

function countNewlines(buffer: Buffer, start: number, end: number): number {
	let count = 0;
	for (let index = start; index < end; index++) if (buffer[index] === NEWLINE) count++;
	return count;
}
