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
import {
	Class,
	NEWLINE,
	QUOTE,
	DOUBLE_QUOTE,
	DOLLAR,
	AMPERSAND,
	DASH,
	SLASH,
	STAR,
	BACKSLASH,
	CLASS,
	IS_WORD,
} from './characters';
import { type Found, ScriptWindow } from './window';

/** Strings up to this many bytes are scanned by a plain loop. */
const SHORT = 64;

enum Mode {
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

/** Enough to recognise the first words of a comment. */
const LONGEST_TOLD = 64;

export class StatementScanner extends ScriptWindow {
	/** What `SET standard_conforming_strings` says; on since PostgreSQL 9.1. */
	standardStrings = true;

	#mode: Mode = Mode.Normal;
	#modeAfterComment: Mode = Mode.Normal;
	#commentDepth = 0;
	#parentheses = 0;
	#delimiter: Buffer = Buffer.alloc(0);
	#afterDot = false;
	#newlineSeen = false;
	/** The line comment that is being passed, as far as it is told. */
	#comment = '';

	/**
	 * Told of each line comment between statements, without its dashes: its first characters, LONGEST_TOLD of them, each
	 * byte as one.
	 */
	onComment: ((text: string) => void) | undefined;

	/** @param backslashCommands whether a backslash outside of quotes begins a command, as it does for psql. */
	constructor(
		maxStatementBytes?: number,
		readonly backslashCommands = true,
	) {
		super(maxStatementBytes);
	}

	/** Says that no more bytes come: what stands at the end is judged as it is. */
	finish(): void {
		this.finished = true;
		if (this.#mode === Mode.LineComment) this.#tellComment();
	}

	/** The next statement or backslash command; undefined when more bytes are needed (or, after `finish`, at the end). */
	next(): Found | undefined {
		while (this.position < this.end) {
			const before = this.position;
			const modeBefore = this.#mode;
			const found = this.#mode === Mode.Normal ? this.#scanNormal() : this.#scanLong();
			if (found) return found;
			if (this.position === before && this.#mode === modeBefore) return undefined;
		}
		return undefined;
	}

	/** The statement that has begun and is not finished, or undefined between statements. */
	unfinished(): (Omit<Found, 'type'> & { why: string; whole: boolean }) | undefined {
		const inComment = this.#mode === Mode.LineComment || this.#mode === Mode.AfterEscapeString;
		const open = this.#mode !== Mode.Normal && !inComment;
		if (this.start < 0 && !open) return undefined;
		let start = this.start;
		// An open comment before the statement: it begins after the white space.
		for (let at = this.base; start < 0; at++) if (CLASS[this.buffer[at]!] !== Class.Space) start = at;
		return {
			...this.describe(start, this.end, this.end),
			whole: !open && this.#parentheses === 0 && this.words.bodyDepth === 0,
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
				return this.words.bodyDepth > 0 ? 'a BEGIN ATOMIC body without its END' : 'a statement without its semicolon';
		}
	}

	#takeStatement(semicolon: number): Found | undefined {
		const empty = this.start < 0;
		if (!empty && semicolon - this.start > this.maxStatementBytes) throw this.tooLong();
		const found = empty
			? undefined
			: { type: 'statement' as const, ...this.describe(this.start, semicolon, semicolon + 1) };
		this.position = semicolon + 1;
		this.consume(this.position);
		this.start = -1;
		this.words.reset();
		this.#afterDot = false;
		return found;
	}

	/** Scans tokens outside of quotes and comments until something is found or the mode changes. */
	#scanNormal(): Found | undefined {
		const buffer = this.buffer;
		const end = this.end;
		let position = this.position;
		while (position < end) {
			const kind: Class = CLASS[buffer[position]!]!;
			if (kind === Class.Space) {
				position++;
				continue;
			}
			if (kind === Class.Dash || kind === Class.Slash) {
				if (position + 1 >= end && !this.finished) break;
				if (position + 1 < end && this.#startsComment(kind, buffer[position + 1]!)) {
					this.position = position + 2;
					return undefined;
				}
			}
			if (kind === Class.Semicolon && this.#parentheses === 0 && this.words.bodyDepth === 0) {
				const found = this.#takeStatement(position);
				if (found) return found;
				position++;
				continue;
			}
			if (kind === Class.Backslash && this.backslashCommands) {
				this.position = position;
				return this.#backslash();
			}
			if (this.start < 0) this.start = position;
			if (kind === Class.Other) {
				while (position < end && CLASS[buffer[position]!] === Class.Other) position++;
				this.words.interrupt();
				this.#afterDot = false;
				continue;
			}
			const next = kind === Class.Word ? this.#scanWord(position) : this.#scanToken(position, kind);
			if (next < 0) break;
			position = next;
			if (this.#mode !== Mode.Normal) break;
		}
		this.position = position;
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
		this.words.interrupt();
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
		const buffer = this.buffer;
		let end = position + 1;
		while (end < this.end && IS_WORD[buffer[end]!]) end++;
		if (end === this.end && !this.finished) return -1;
		if (end - position === 1) {
			const opened = this.#scanPrefix(buffer[position]! | 0x20, end);
			if (opened !== 0) return opened;
		}
		if (this.#parentheses > 0) this.words.interrupt();
		if (this.words.watching && this.#parentheses === 0) {
			this.words.add(buffer.toString('latin1', position, Math.min(end, position + 12)).toLowerCase(), this.#afterDot);
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
		if (letter === 0x75 && this.buffer[end] === AMPERSAND && end < this.end) {
			quote = end + 1;
			if (quote === this.end && !this.finished) return -1;
		} else if (letter !== 0x65 && letter !== 0x62 && letter !== 0x78) return 0;
		if (quote >= this.end || this.buffer[quote] !== QUOTE) return 0;
		this.words.interrupt();
		this.#afterDot = false;
		this.#mode = letter === 0x65 ? Mode.EscapeString : Mode.String;
		return quote + 1;
	}

	/** `$tag$` opens a quote; a lone `$` (a parameter, an error) is skipped. */
	#scanDollar(position: number): number {
		const buffer = this.buffer;
		let end = position + 1;
		if (end < this.end && CLASS[buffer[end]!] === Class.Word) {
			while (end < this.end && IS_WORD[buffer[end]!] && buffer[end] !== DOLLAR) end++;
		}
		if (end === this.end) return this.finished ? position + 1 : -1;
		if (buffer[end] !== DOLLAR) return position + 1;
		this.#delimiter = Buffer.from(buffer.subarray(position, end + 1));
		this.#mode = Mode.DollarQuote;
		return end + 1;
	}

	#backslash(): Found {
		const start = this.start < 0 ? this.position : this.start;
		return { type: 'backslash', ...this.describe(start, this.position, this.position) };
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
		const buffer = this.buffer;
		// Most strings are short; for the others indexOf is many times faster than this loop.
		const near = Math.min(this.end, this.position + SHORT);
		let position = this.position;
		while (position < near && buffer[position] !== quote) position++;
		if (position === near && near < this.end) {
			const found = buffer.subarray(near, this.end).indexOf(quote);
			position = found < 0 ? this.end : near + found;
		}
		if (position < this.end) {
			position++;
			this.#mode = Mode.Normal;
		}
		this.position = position;
	}

	#scanEscapeString(): undefined {
		const buffer = this.buffer;
		let position = this.position;
		while (position < this.end) {
			const byte = buffer[position];
			if (byte === BACKSLASH) {
				if (position + 1 >= this.end) break;
				position += 2;
			} else if (byte === QUOTE) {
				if (position + 1 >= this.end && !this.finished) break;
				if (buffer[position + 1] !== QUOTE || position + 1 >= this.end) {
					this.position = position + 1;
					this.#newlineSeen = false;
					this.#mode = Mode.AfterEscapeString;
					return;
				}
				position += 2;
			} else position++;
		}
		this.position = position;
	}

	/** White space with a newline in it, and line comments, may stand between the pieces of one string. */
	#scanContinuation(): undefined {
		const buffer = this.buffer;
		for (; this.position < this.end; this.position++) {
			const byte = buffer[this.position]!;
			if (byte === NEWLINE || byte === 0x0d) this.#newlineSeen = true;
			else if (byte === DASH) {
				if (this.position + 1 >= this.end && !this.finished) return;
				if (this.position + 1 >= this.end || buffer[this.position + 1] !== DASH) break;
				this.position += 2;
				this.#mode = Mode.LineComment;
				this.#modeAfterComment = Mode.AfterEscapeString;
				return;
			} else if (CLASS[byte] !== Class.Space) {
				if (byte !== QUOTE || !this.#newlineSeen) break;
				this.position++;
				this.#mode = Mode.EscapeString;
				return;
			}
		}
		if (this.position < this.end) this.#mode = Mode.Normal;
	}

	#scanLineComment(): undefined {
		const buffer = this.buffer;
		let position = this.position;
		while (position < this.end && buffer[position] !== NEWLINE && buffer[position] !== 0x0d) position++;
		const room = LONGEST_TOLD - this.#comment.length;
		if (room > 0 && this.onComment)
			this.#comment += buffer.toString('latin1', this.position, Math.min(position, this.position + room));
		this.position = position;
		if (position === this.end) return;
		this.#mode = this.#modeAfterComment;
		this.#tellComment();
	}

	#tellComment(): void {
		if (this.start < 0) this.onComment?.(this.#comment);
		this.#comment = '';
	}

	#scanBlockComment(): undefined {
		const buffer = this.buffer;
		let position = this.position;
		while (position + 1 < this.end) {
			if (buffer[position] === SLASH && buffer[position + 1] === STAR) {
				this.#commentDepth++;
				position += 2;
			} else if (buffer[position] === STAR && buffer[position + 1] === SLASH) {
				position += 2;
				if (--this.#commentDepth === 0) {
					this.position = position;
					this.#mode = Mode.Normal;
					return;
				}
			} else position++;
		}
		this.position = position;
	}

	#scanDollarQuote(): undefined {
		const found = this.buffer.subarray(this.position, this.end).indexOf(this.#delimiter);
		if (found < 0) {
			// The delimiter may have begun in the last bytes.
			this.position = Math.max(this.position, this.end - this.#delimiter.length + 1);
			return;
		}
		this.position += found + this.#delimiter.length;
		this.#mode = Mode.Normal;
	}
}
