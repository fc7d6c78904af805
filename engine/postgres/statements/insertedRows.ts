import { skipAt, wordAt } from './tokens';

/** Begin a query in the place of VALUES. */
const QUERY = new Set(['SELECT', 'TABLE', 'WITH']);

/** Characters that neither begin a string, a comment, a name or a word, nor count themselves: the most in long lists. */
const PLAIN = new Uint8Array(128);
for (const character of '0123456789,.+: \t\r\n') PLAIN[character.charCodeAt(0)] = 1;

/**
 * The number of rows that an INSERT brings: of `VALUES (...), (...)` as many as it lists, of `DEFAULT VALUES` one.
 * Undefined where the statement does not say: a query, or rows that may be there already (ON CONFLICT).
 * @param standardStrings see skipAt
 */
export function insertedRows(statement: string, standardStrings = true): number | undefined {
	let rows: number | undefined;
	let depth = 0;
	let last = '';
	for (let at = 0; at < statement.length;) {
		if (PLAIN[statement.charCodeAt(at)] === 1) {
			at++;
			continue;
		}
		const next = skipAt(statement, at, standardStrings);
		if (next > at) {
			at = next;
			continue;
		}
		const character = statement[at] as string;
		if (character === '"') {
			at = statement.indexOf('"', at + 1) + 1;
			if (at === 0) return undefined;
			continue;
		}
		if (character === '(' && depth++ === 0 && rows !== undefined) rows++;
		else if (character === ')') depth--;
		const word = character === '(' || character === ')' ? undefined : wordAt(statement, at);
		at += word?.length ?? 1;
		if (word === undefined || depth > 0) continue;
		if (rows !== undefined) return undefined;
		const previous = last;
		last = word.toUpperCase();
		if (QUERY.has(last)) return undefined;
		if (last === 'VALUES') rows = previous === 'DEFAULT' ? 1 : 0;
	}
	return rows;
}
