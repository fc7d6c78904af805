/**
 * Words, names and punctuation of one SQL statement, as far as it takes to see what the statement is about. Strings,
 * dollar-quoted bodies and comments are passed over; nothing here executes anything, so what is not understood is merely
 * not recognised. Strings may be hundreds of megabytes long: they are skipped by indexOf, without copying.
 */
export interface Token {
	/** Upper case for a bare word; for a quoted name as it is inside of the quotes. */
	text: string;
	/** As a name: folded to lower case unless quoted. */
	name: string;
	kind: 'word' | 'quoted' | 'mark';
}

/** What PostgreSQL takes for white space (src/backend/parser/scan.l); other blanks may stand in names. */
const BLANK = /[ \t\n\r\f\v]/;
const LINE_END = /[\n\r]/g;
const DIGITS = /\d+/y;
const WORD = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y;
const DOLLAR_TAG = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y;

/** What a sticky expression matches at a position. */
function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
	pattern.lastIndex = at;
	return pattern.exec(text)?.[0];
}

/** Position after the next `end`, or the text's own end. */
function after(text: string, end: string, from: number): number {
	const at = text.indexOf(end, from);
	return at < 0 ? text.length : at + end.length;
}

/** A carriage return ends a comment as well. */
function afterLine(text: string, from: number): number {
	LINE_END.lastIndex = from;
	return LINE_END.test(text) ? LINE_END.lastIndex : text.length;
}

/** Index of the quote that closes what was opened before `from`, or -1; a doubled quote closes nothing. */
function closingQuote(text: string, quote: string, from: number): number {
	for (let at = from; ;) {
		const close = text.indexOf(quote, at);
		if (close < 0 || text[close + 1] !== quote) return close;
		at = close + 2;
	}
}

function afterString(text: string, from: number): number {
	const close = closingQuote(text, "'", from);
	return close < 0 ? text.length : close + 1;
}

/** As afterString, for a string in which a backslash takes the character after it as it is. */
function afterEscapeString(text: string, from: number): number {
	const next = (character: string, at: number) => {
		const found = text.indexOf(character, at);
		return found < 0 ? text.length : found;
	};
	let quote = next("'", from);
	let backslash = next('\\', from);
	while (quote < text.length) {
		let at = quote + 1;
		if (backslash < quote) at = backslash + 2;
		else if (text[at] === "'") at++;
		else return at;
		if (quote < at) quote = next("'", at);
		if (backslash < at) backslash = next('\\', at);
	}
	return text.length;
}

/** Comments nest. */
function afterBlockComment(text: string, from: number): number {
	let depth = 1;
	for (let at = from; at < text.length; at++) {
		if (text.startsWith('*/', at)) depth--;
		else if (text.startsWith('/*', at)) depth++;
		else continue;
		at++;
		if (depth === 0) return at + 1;
	}
	return text.length;
}

/**
 * Position after the white space, the comment or the string at a position; the position itself where there is none.
 * @param standardStrings false while `standard_conforming_strings` is off: then every string knows escapes.
 */
export function skipAt(text: string, at: number, standardStrings: boolean): number {
	const character = text[at] as string;
	switch (character) {
		case ' ':
		case '\n':
			return at + 1;
		case "'":
			return standardStrings ? afterString(text, at + 1) : afterEscapeString(text, at + 1);
		case 'e':
		case 'E':
			return text[at + 1] === "'" ? afterEscapeString(text, at + 2) : at;
		case '-':
			return text[at + 1] === '-' ? afterLine(text, at) : at;
		case '/':
			return text[at + 1] === '*' ? afterBlockComment(text, at + 2) : at;
		case '$': {
			const tag = matchAt(DOLLAR_TAG, text, at);
			return tag === undefined ? at : after(text, tag, at + tag.length);
		}
		default:
			return BLANK.test(character) ? at + 1 : at;
	}
}

/** A statement with its comments as blanks. */
export function withoutComments(text: string): string {
	if (!text.includes('--') && !text.includes('/*')) return text;
	let result = '';
	for (let at = 0; at < text.length;) {
		const isComment = text.startsWith('--', at) || text.startsWith('/*', at);
		const quoted = text[at] === '"' ? closingQuote(text, '"', at + 1) + 1 : 0;
		const next = quoted > 0 ? quoted : Math.max(skipAt(text, at, true), at + (wordAt(text, at)?.length ?? 1));
		result += isComment ? ' ' : text.slice(at, next);
		at = next;
	}
	return result;
}

/** The word at a position, or undefined. */
export function wordAt(text: string, at: number): string | undefined {
	return matchAt(WORD, text, at);
}

export interface TokenOptions {
	/** All that count may stand at the head. */
	limit?: number;
	/** See skipAt. */
	standardStrings?: boolean;
}

/** Longer statements are not kept: whoever reads them has most of their bytes in strings, and these are skipped. */
const KEPT_CHARACTERS = 64 * 1024;

/** What was read last: one statement after the other is judged, described and surveyed, each of which asks for its tokens. */
let last: { text: string; limit: number; standardStrings: boolean; tokens: readonly Token[] } | undefined;

/** The tokens of a statement. */
export function tokenize(
	text: string,
	{ limit = Infinity, standardStrings = true }: TokenOptions = {},
): readonly Token[] {
	if (last?.text === text && last.limit === limit && last.standardStrings === standardStrings) return last.tokens;
	const tokens = read(text, limit, standardStrings);
	if (text.length <= KEPT_CHARACTERS) last = { text, limit, standardStrings, tokens };
	return tokens;
}

function read(text: string, limit: number, standardStrings: boolean): Token[] {
	const tokens: Token[] = [];
	for (let at = 0; at < text.length && tokens.length < limit;) {
		const next = skipAt(text, at, standardStrings);
		if (next > at) {
			at = next;
			continue;
		}
		const character = text[at] as string;
		const word = wordAt(text, at);
		if (word !== undefined) {
			tokens.push({ text: word.toUpperCase(), name: word.toLowerCase(), kind: 'word' });
			at += word.length;
		} else if (character === '"') {
			const close = closingQuote(text, '"', at + 1);
			if (close >= 0) tokens.push(quotedName(text.slice(at + 1, close)));
			else tokens.push({ text: character, name: character, kind: 'mark' });
			at = close < 0 ? at + 1 : close + 1;
		} else {
			const number = matchAt(DIGITS, text, at);
			if (number === undefined) tokens.push({ text: character, name: character, kind: 'mark' });
			at += (number ?? character).length;
		}
	}
	return tokens;
}

function quotedName(quoted: string): Token {
	const name = quoted.replaceAll('""', '"');
	return { text: name, name, kind: 'quoted' };
}

/** A name in SQL's parts: `public.users` or `public.users.id`. */
export interface ParsedName {
	parts: string[];
	/** Index of the token after it. */
	end: number;
}

const isDot = (token: Token | undefined): boolean => token?.kind === 'mark' && token.text === '.';

/** Reads a dotted name at a token. */
export function parseName(tokens: readonly Token[], at: number): ParsedName | undefined {
	const parts: string[] = [];
	let index = at;
	for (;;) {
		const token = tokens[index];
		if (!token || token.kind === 'mark') return undefined;
		parts.push(token.name);
		if (!isDot(tokens[index + 1])) return { parts, end: index + 1 };
		index += 2;
	}
}

/** Reads the name of an operator at a token, which ends in marks: `public.+++`. */
export function parseOperatorName(tokens: readonly Token[], at: number): ParsedName | undefined {
	const parts: string[] = [];
	let index = at;
	for (; tokens[index] && tokens[index]?.kind !== 'mark' && isDot(tokens[index + 1]); index += 2)
		parts.push((tokens[index] as Token).name);
	let name = '';
	for (; tokens[index]?.kind === 'mark' && tokens[index]?.text !== '('; index++) name += (tokens[index] as Token).text;
	return name === '' ? undefined : { parts: [...parts, name], end: index };
}

/** True where the bare words stand at the position, one after the other. */
export function wordsAt(tokens: readonly Token[], at: number, ...words: string[]): boolean {
	return words.every((word, index) => tokens[at + index]?.kind === 'word' && tokens[at + index]?.text === word);
}

/** Index of the first token from a position on that is none of the bare words. */
export function skipWords(tokens: readonly Token[], from: number, ...words: string[]): number {
	let at = from;
	while (tokens[at]?.kind === 'word' && words.includes((tokens[at] as Token).text)) at++;
	return at;
}

/** Index of the first of the bare words outside of parentheses, from a position on; -1 where it is not there. */
export function findWord(tokens: readonly Token[], from: number, ...words: string[]): number {
	let depth = 0;
	for (let index = from; index < tokens.length; index++) {
		const { text, kind } = tokens[index] as Token;
		if (kind === 'mark' && text === '(') depth++;
		else if (kind === 'mark' && text === ')') depth--;
		else if (depth === 0 && kind === 'word' && words.includes(text)) return index;
	}
	return -1;
}

/** A table's schema and name as one key, whatever characters they hold. */
export function tableKey(schema: string, name: string): string {
	return `${schema}\0${name}`;
}
