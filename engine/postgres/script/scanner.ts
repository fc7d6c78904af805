/*
 * Finds where statements end in a psql script, over bytes.
 *
 * How bytes move through: `push` appends a chunk to the one buffer that holds the statement begun but not finished
 * (at most `maxStatementBytes`); `next` scans on from where it stopped and answers the next statement or backslash
 * command, or undefined when it needs more bytes. Long constructs (strings, comments, dollar quotes) are scanned with
 * indexOf and resumed in the middle through `#mode`; short ones (words, tags, two-byte operators) that run into the
 * buffer's end are begun again when more has come. What was answered is dropped from the buffer with the next push.
 *
 * The rules are those of PostgreSQL's lexer as psql applies it (src/fe_utils/psqlscan.l, src/backend/parser/scan.l).
 */
import { BackupError } from '../../errors';
import { StatementWords } from './words';

/** The longest string that JavaScript can hold is a little over this. */
export const DEFAULT_MAX_STATEMENT_BYTES = 512 * 1024 * 1024 - 64;

/** A comment before a statement serves for naming an object in an error: more than this is dropped. */
const MAX_COMMENT_BYTES = 64 * 1024;

/** Strings up to this many bytes are scanned by a plain loop. */
const SHORT = 64;

const NEWLINE = 0x0a;
const QUOTE = 0x27;
const DOUBLE_QUOTE = 0x22;
const DOLLAR = 0x24;
const AMPERSAND = 0x26;
const DASH = 0x2d;
const SLASH = 0x2f;
const STAR = 0x2a;
const BACKSLASH = 0x5c;
const SEMICOLON = 0x3b;

const enum Mode {
	Normal,
	/** '...' without backslash escapes; '' needs no rule, it closes and opens again. */
	String,
	/** E'...', or '...' while standard_conforming_strings is off. */
	EscapeString,
	/** After an escape string: another quote after a newline continues it. */
	AfterEscapeString,
	Identifier,
	LineComment,
	BlockComment,
	DollarQuote,
}

const enum Class {
	Other,
	Space,
	Word,
	Quote,
	DoubleQuote,
	Dollar,
	Dash,
	Slash,
	Open,
	Close,
	Semicolon,
	Backslash,
	Dot,
}

const CLASS = new Uint8Array(256);
const IS_WORD = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++) {
	const character = String.fromCharCode(byte);
	const starts = byte >= 0x80 || /[A-Za-z_]/.test(character);
	if (starts) CLASS[byte] = Class.Word;
	if (starts || /[0-9$]/.test(character)) IS_WORD[byte] = 1;
}
for (const byte of Buffer.from(' \t\n\r\f\v')) CLASS[byte] = Class.Space;
CLASS[QUOTE] = Class.Quote;
CLASS[DOUBLE_QUOTE] = Class.DoubleQuote;
CLASS[DOLLAR] = Class.Dollar;
CLASS[DASH] = Class.Dash;
CLASS[SLASH] = Class.Slash;
CLASS[0x28] = Class.Open;
CLASS[0x29] = Class.Close;
CLASS[SEMICOLON] = Class.Semicolon;
CLASS[BACKSLASH] = Class.Backslash;
CLASS[0x2e] = Class.Dot;

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

export class StatementScanner {
	/** What `SET standard_conforming_strings` says; on since PostgreSQL 9.1. */
	standardStrings = true;

	#buffer: Buffer = Buffer.alloc(0);
	#ownsBuffer = false;
	/** Where what is kept begins, where scanning goes on, where the bytes end. */
	#base = 0;
	#position = 0;
	#end = 0;
	/** First byte of the statement, or -1 before it. */
	#start = -1;
	#finished = false;
	/** Of the byte at `#base`. */
	#line = 1;
	#offset = 0;

	#mode: Mode = Mode.Normal;
	#modeAfterComment: Mode = Mode.Normal;
	#commentDepth = 0;
	#parentheses = 0;
	#delimiter: Buffer = Buffer.alloc(0);
	#afterDot = false;
	#newlineSeen = false;
	readonly #words = new StatementWords();

	/** @param backslashCommands whether a backslash outside of quotes begins a command, as it does for psql. */
	constructor(
		readonly maxStatementBytes: number = DEFAULT_MAX_STATEMENT_BYTES,
		readonly backslashCommands = true,
	) {}

	/** Line of the scanner's position, from 1. */
	get line(): number {
		return this.#line + countNewlines(this.#buffer, this.#base, this.#position);
	}

	/** @throws BackupError INVALID_INPUT when a single statement is longer than the limit. */
	push(chunk: Buffer): void {
		this.#forgetLongComment();
		const kept = this.#end - this.#base;
		if (this.#start >= 0 && this.#end - this.#start > this.maxStatementBytes) throw this.#tooLong();
		if (kept === 0) {
			this.#replaceBuffer(chunk, false, chunk.length);
			return;
		}
		if (!this.#ownsBuffer || this.#end + chunk.length > this.#buffer.length) {
			const roomy = Buffer.allocUnsafe(Math.max(2 * (kept + chunk.length), 64 * 1024));
			this.#buffer.copy(roomy, 0, this.#base, this.#end);
			this.#replaceBuffer(roomy, true, kept);
		}
		chunk.copy(this.#buffer, this.#end);
		this.#end += chunk.length;
	}

	/** Says that no more bytes come: what stands at the end is judged as it is. */
	finish(): void {
		this.#finished = true;
	}

	/** The next statement or backslash command; undefined when more bytes are needed (or, after `finish`, at the end). */
	next(): Found | undefined {
		while (this.#position < this.#end) {
			const before = this.#position;
			const modeBefore = this.#mode;
			const found = this.#mode === Mode.Normal ? this.#scanNormal() : this.#scanLong();
			if (found) return found;
			if (this.#position === before && this.#mode === modeBefore) return undefined;
		}
		return undefined;
	}

	/** Gives the bytes not scanned yet to somebody else (COPY data, a backslash command) and forgets them. */
	takeRest(): Buffer {
		const rest = this.#buffer.subarray(this.#position, this.#end);
		this.#consume(this.#position);
		this.#end = this.#position;
		return rest;
	}

	/** Counts bytes that somebody else read in the scanner's place. */
	skipped(bytes: number, lines: number): void {
		this.#offset += bytes;
		this.#line += lines;
	}

	/** The statement that has begun and is not finished, or undefined between statements. */
	unfinished(): (Omit<Found, 'type'> & { why: string; whole: boolean }) | undefined {
		const inComment = this.#mode === Mode.LineComment || this.#mode === Mode.AfterEscapeString;
		const open = this.#mode !== Mode.Normal && !inComment;
		if (this.#start < 0 && !open) return undefined;
		let start = this.#start;
		// An open comment before the statement: it begins after the white space.
		for (let at = this.#base; start < 0; at++) if (CLASS[this.#buffer[at]!] !== Class.Space) start = at;
		return {
			...this.#describe(start, this.#end, this.#end),
			whole: !open && this.#parentheses === 0 && this.#words.bodyDepth === 0,
			why: this.#whyUnfinished(),
		};
	}

	#whyUnfinished(): string {
		switch (this.#mode) {
			case Mode.String:
			case Mode.EscapeString:
				return 'a string that is not closed';
			case Mode.Identifier:
				return 'a quoted name that is not closed';
			case Mode.BlockComment:
				return 'a comment that is not closed';
			case Mode.DollarQuote:
				return `a ${this.#delimiter.toString()} quote that is not closed`;
			default:
				if (this.#parentheses > 0) return 'a parenthesis that is not closed';
				return this.#words.bodyDepth > 0 ? 'a BEGIN ATOMIC body without its END' : 'a statement without its semicolon';
		}
	}

	#replaceBuffer(buffer: Buffer, owned: boolean, end: number): void {
		const moved = this.#base;
		this.#buffer = buffer;
		this.#ownsBuffer = owned;
		this.#position -= moved;
		if (this.#start >= 0) this.#start -= moved;
		this.#base = 0;
		this.#end = end;
	}

	/** Drops everything before `position`. */
	#consume(position: number): void {
		this.#line += countNewlines(this.#buffer, this.#base, position);
		this.#offset += position - this.#base;
		this.#base = position;
	}

	#forgetLongComment(): void {
		if (this.#start < 0 && this.#position - this.#base > MAX_COMMENT_BYTES) this.#consume(this.#position);
	}

	#tooLong(): BackupError {
		const mebibytes = Math.floor(this.maxStatementBytes / (1024 * 1024));
		const line = this.#line + countNewlines(this.#buffer, this.#base, Math.max(this.#start, this.#base));
		return new BackupError(
			'INVALID_INPUT',
			`The statement that begins in line ${line} is longer than ${mebibytes} MiB, or never ends.`,
			{ hint: 'If the file is whole, restore it with psql, or dump the table with COPY instead of INSERTs.' },
		);
	}

	#describe(start: number, textEnd: number, end: number): Omit<Found, 'type'> {
		return {
			bytes: this.#buffer.subarray(start, textEnd),
			leading: this.#buffer.subarray(this.#base, start),
			line: this.#line + countNewlines(this.#buffer, this.#base, start),
			start: this.#offset + start - this.#base,
			end: this.#offset + end - this.#base,
			firstWord: this.#words.first,
			copyFromStdin: this.#words.copyFromStdin,
		};
	}

	#takeStatement(semicolon: number): Found | undefined {
		const empty = this.#start < 0;
		if (!empty && semicolon - this.#start > this.maxStatementBytes) throw this.#tooLong();
		const found = empty
			? undefined
			: { type: 'statement' as const, ...this.#describe(this.#start, semicolon, semicolon + 1) };
		this.#position = semicolon + 1;
		this.#consume(this.#position);
		this.#start = -1;
		this.#words.reset();
		this.#afterDot = false;
		return found;
	}

	/** Scans tokens outside of quotes and comments until something is found or the mode changes. */
	#scanNormal(): Found | undefined {
		const buffer = this.#buffer;
		const end = this.#end;
		let position = this.#position;
		while (position < end) {
			const kind: Class = CLASS[buffer[position]!]!;
			if (kind === Class.Space) {
				position++;
				continue;
			}
			if (kind === Class.Dash || kind === Class.Slash) {
				if (position + 1 >= end && !this.#finished) break;
				if (position + 1 < end && this.#startsComment(kind, buffer[position + 1]!)) {
					this.#position = position + 2;
					return undefined;
				}
			}
			if (kind === Class.Semicolon && this.#parentheses === 0 && this.#words.bodyDepth === 0) {
				const found = this.#takeStatement(position);
				if (found) return found;
				position++;
				continue;
			}
			if (kind === Class.Backslash && this.backslashCommands) {
				this.#position = position;
				return this.#backslash();
			}
			if (this.#start < 0) this.#start = position;
			if (kind === Class.Other) {
				while (position < end && CLASS[buffer[position]!] === Class.Other) position++;
				this.#words.interrupt();
				this.#afterDot = false;
				continue;
			}
			const next = kind === Class.Word ? this.#scanWord(position) : this.#scanToken(position, kind);
			if (next < 0) break;
			position = next;
			if (this.#mode !== Mode.Normal) break;
		}
		this.#position = position;
		return undefined;
	}

	#startsComment(kind: Class, second: number): boolean {
		if (kind === Class.Dash && second === DASH) this.#mode = Mode.LineComment;
		else if (kind === Class.Slash && second === STAR) {
			this.#mode = Mode.BlockComment;
			this.#commentDepth = 1;
		} else return false;
		this.#modeAfterComment = Mode.Normal;
		return true;
	}

	/** Answers the position after the token, or -1 when its end has not come yet. */
	#scanToken(position: number, kind: Class): number {
		this.#words.interrupt();
		this.#afterDot = kind === Class.Dot;
		switch (kind) {
			case Class.Quote:
				this.#mode = this.standardStrings ? Mode.String : Mode.EscapeString;
				break;
			case Class.DoubleQuote:
				this.#mode = Mode.Identifier;
				break;
			case Class.Open:
				this.#parentheses++;
				break;
			case Class.Close:
				if (this.#parentheses > 0) this.#parentheses--;
				break;
			case Class.Dollar:
				return this.#scanDollar(position);
		}
		return position + 1;
	}

	#scanWord(position: number): number {
		const buffer = this.#buffer;
		let end = position + 1;
		while (end < this.#end && IS_WORD[buffer[end]!]) end++;
		if (end === this.#end && !this.#finished) return -1;
		if (end - position === 1) {
			const opened = this.#scanPrefix(buffer[position]! | 0x20, end);
			if (opened !== 0) return opened;
		}
		if (this.#parentheses > 0) this.#words.interrupt();
		if (this.#words.watching && this.#parentheses === 0) {
			this.#words.add(buffer.toString('latin1', position, Math.min(end, position + 12)).toLowerCase(), this.#afterDot);
		}
		this.#afterDot = false;
		return end;
	}

	/**
	 * Strings with a letter before the quote: E'', B'', X'', U&''. (N'' is an ordinary string.)
	 * Answers the position after the opening quote, 0 when it is a word like others, -1 when more is needed.
	 */
	#scanPrefix(letter: number, end: number): number {
		let quote = end;
		if (letter === 0x75 && this.#buffer[end] === AMPERSAND && end < this.#end) {
			quote = end + 1;
			if (quote === this.#end && !this.#finished) return -1;
		} else if (letter !== 0x65 && letter !== 0x62 && letter !== 0x78) return 0;
		if (quote >= this.#end || this.#buffer[quote] !== QUOTE) return 0;
		this.#words.interrupt();
		this.#afterDot = false;
		this.#mode = letter === 0x65 ? Mode.EscapeString : Mode.String;
		return quote + 1;
	}

	/** `$tag$` opens a quote; a lone `$` (a parameter, an error) is skipped. */
	#scanDollar(position: number): number {
		const buffer = this.#buffer;
		let end = position + 1;
		if (end < this.#end && CLASS[buffer[end]!] === Class.Word) {
			while (end < this.#end && IS_WORD[buffer[end]!] && buffer[end] !== DOLLAR) end++;
		}
		if (end === this.#end) return this.#finished ? position + 1 : -1;
		if (buffer[end] !== DOLLAR) return position + 1;
		this.#delimiter = Buffer.from(buffer.subarray(position, end + 1));
		this.#mode = Mode.DollarQuote;
		return end + 1;
	}

	#backslash(): Found {
		const start = this.#start < 0 ? this.#position : this.#start;
		return { type: 'backslash', ...this.#describe(start, this.#position, this.#position) };
	}

	#scanLong(): undefined {
		switch (this.#mode) {
			case Mode.String:
				return this.#scanTo(QUOTE);
			case Mode.Identifier:
				return this.#scanTo(DOUBLE_QUOTE);
			case Mode.EscapeString:
				return this.#scanEscapeString();
			case Mode.AfterEscapeString:
				return this.#scanContinuation();
			case Mode.LineComment:
				return this.#scanLineComment();
			case Mode.BlockComment:
				return this.#scanBlockComment();
			default:
				return this.#scanDollarQuote();
		}
	}

	#scanTo(quote: number): undefined {
		const buffer = this.#buffer;
		// Most strings are short; for the others indexOf is many times faster than this loop.
		const near = Math.min(this.#end, this.#position + SHORT);
		let position = this.#position;
		while (position < near && buffer[position] !== quote) position++;
		if (position === near && near < this.#end) {
			const found = buffer.subarray(near, this.#end).indexOf(quote);
			position = found < 0 ? this.#end : near + found;
		}
		if (position < this.#end) {
			position++;
			this.#mode = Mode.Normal;
		}
		this.#position = position;
	}

	#scanEscapeString(): undefined {
		const buffer = this.#buffer;
		let position = this.#position;
		while (position < this.#end) {
			const byte = buffer[position];
			if (byte === BACKSLASH) {
				if (position + 1 >= this.#end) break;
				position += 2;
			} else if (byte === QUOTE) {
				if (position + 1 >= this.#end && !this.#finished) break;
				if (buffer[position + 1] !== QUOTE || position + 1 >= this.#end) {
					this.#position = position + 1;
					this.#newlineSeen = false;
					this.#mode = Mode.AfterEscapeString;
					return;
				}
				position += 2;
			} else position++;
		}
		this.#position = position;
	}

	/** White space with a newline in it, and line comments, may stand between the pieces of one string. */
	#scanContinuation(): undefined {
		const buffer = this.#buffer;
		for (; this.#position < this.#end; this.#position++) {
			const byte = buffer[this.#position]!;
			if (byte === NEWLINE || byte === 0x0d) this.#newlineSeen = true;
			else if (byte === DASH) {
				if (this.#position + 1 >= this.#end && !this.#finished) return;
				if (this.#position + 1 >= this.#end || buffer[this.#position + 1] !== DASH) break;
				this.#position += 2;
				this.#mode = Mode.LineComment;
				this.#modeAfterComment = Mode.AfterEscapeString;
				return;
			} else if (CLASS[byte] !== Class.Space) {
				if (byte !== QUOTE || !this.#newlineSeen) break;
				this.#position++;
				this.#mode = Mode.EscapeString;
				return;
			}
		}
		if (this.#position < this.#end) this.#mode = Mode.Normal;
	}

	#scanLineComment(): undefined {
		const buffer = this.#buffer;
		let position = this.#position;
		while (position < this.#end && buffer[position] !== NEWLINE && buffer[position] !== 0x0d) position++;
		this.#position = position;
		if (position < this.#end) this.#mode = this.#modeAfterComment;
	}

	#scanBlockComment(): undefined {
		const buffer = this.#buffer;
		let position = this.#position;
		while (position + 1 < this.#end) {
			if (buffer[position] === SLASH && buffer[position + 1] === STAR) {
				this.#commentDepth++;
				position += 2;
			} else if (buffer[position] === STAR && buffer[position + 1] === SLASH) {
				position += 2;
				if (--this.#commentDepth === 0) {
					this.#position = position;
					this.#mode = Mode.Normal;
					return;
				}
			} else position++;
		}
		this.#position = position;
	}

	#scanDollarQuote(): undefined {
		const found = this.#buffer.subarray(this.#position, this.#end).indexOf(this.#delimiter);
		if (found < 0) {
			// The delimiter may have begun in the last bytes.
			this.#position = Math.max(this.#position, this.#end - this.#delimiter.length + 1);
			return;
		}
		this.#position += found + this.#delimiter.length;
		this.#mode = Mode.Normal;
	}
}

function countNewlines(buffer: Buffer, start: number, end: number): number {
	let count = 0;
	for (let index = start; index < end; index++) if (buffer[index] === NEWLINE) count++;
	return count;
}
