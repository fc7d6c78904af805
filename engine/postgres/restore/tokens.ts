/**
 * Words, names and punctuation of one SQL statement, as far as it takes to see what the statement is about. Strings,
 * dollar-quoted bodies and comments are passed over; nothing here executes anything, so what is not understood is merely
 * not recognised.
 */
export interface Token {
	/** Upper case for a bare word; for a quoted name as it is inside of the quotes. */
	text: string;
	/** As a name: folded to lower case unless quoted. */
	name: string;
	kind: 'word' | 'quoted' | 'mark';
}

const TOKEN =
	/\s+|--[^\n]*|\/\*[\s\S]*?\*\/|[eE]'(?:[^'\\]|''|\\[\s\S])*'|'(?:[^']|'')*'|\$([A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$[\s\S]*?\$\1\$|"((?:[^"]|"")*)"|([A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)|\d+|[\s\S]/gy;

/** The tokens of a statement, at most `limit`. */
export function tokenize(statement: string, limit = Infinity): Token[] {
	const tokens: Token[] = [];
	for (const match of statement.matchAll(TOKEN)) {
		const [text, , quoted, word] = match;
		if (quoted !== undefined) {
			const name = quoted.replaceAll('""', '"');
			tokens.push({ text: name, name, kind: 'quoted' });
		} else if (word !== undefined) tokens.push({ text: word.toUpperCase(), name: word.toLowerCase(), kind: 'word' });
		else if (text.length === 1 && /\S/.test(text)) tokens.push({ text, name: text, kind: 'mark' });
		if (tokens.length >= limit) break;
	}
	return tokens;
}

/** A name in SQL's parts: `public.users` or `public.users.id`. */
export interface ParsedName {
	parts: string[];
	/** Index of the token after it. */
	end: number;
}

/** Reads a dotted name at a token. */
export function parseName(tokens: Token[], at: number): ParsedName | undefined {
	const parts: string[] = [];
	let index = at;
	for (;;) {
		const token = tokens[index];
		if (!token || token.kind === 'mark') return undefined;
		parts.push(token.name);
		if (tokens[index + 1]?.text !== '.' || tokens[index + 1]?.kind !== 'mark') return { parts, end: index + 1 };
		index += 2;
	}
}

/** True where the bare words stand at the position, one after the other. */
export function wordsAt(tokens: Token[], at: number, ...words: string[]): boolean {
	return words.every((word, index) => tokens[at + index]?.kind === 'word' && tokens[at + index]?.text === word);
}

/** Index of the first of the bare words outside of parentheses, from a position on; -1 where it is not there. */
export function findWord(tokens: Token[], from: number, ...words: string[]): number {
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
