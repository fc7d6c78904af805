import { skipAt, wordAt } from './tokens';

/** `WITH (fillfactor='70', toast.autovacuum_enabled='false')` or `SET (...)`, and where it stands in its statement. */
export interface OptionList {
	word: 'WITH' | 'SET';
	/** Index of the word. */
	start: number;
	/** Indexes of the parentheses. */
	open: number;
	close: number;
	options: Array<{ name: string; start: number; end: number }>;
	/** Ends the statement and is the only thing it does, as `ALTER TABLE ONLY t ALTER COLUMN c SET (...)`. */
	alone: boolean;
}

const OPTION = /^(?:"((?:[^"]|"")*)"|([A-Za-z_][\w$]*(?:\.[A-Za-z_][\w$]*)?))\s*(?:=|$)/;

/** A word, a mark or a quoted name outside of all parentheses. */
interface Piece {
	text: string;
	start: number;
	end: number;
}

/** Index after the parenthesis that closes the one at `open`, and the places of the commas directly within. */
function closing(text: string, open: number): { close: number; commas: number[] } {
	const commas: number[] = [];
	let depth = 0;
	for (let at = open; at < text.length;) {
		const next = skipAt(text, at, true);
		if (next > at) {
			at = next;
			continue;
		}
		const character = text[at];
		if (character === '(') depth++;
		else if (character === ')' && --depth === 0) return { close: at, commas };
		else if (character === ',' && depth === 1) commas.push(at);
		at = character === '"' ? afterName(text, at) : at + (wordAt(text, at)?.length ?? 1);
	}
	return { close: text.length, commas };
}

function afterName(text: string, at: number): number {
	const close = text.indexOf('"', at + 1);
	return close < 0 ? text.length : close + 1;
}

/** What stands outside of parentheses, strings and comments; what is in parentheses is one piece. */
function pieces(text: string): Piece[] {
	const found: Piece[] = [];
	for (let at = 0; at < text.length;) {
		const next = skipAt(text, at, true);
		const start = at;
		if (next > at) {
			at = next;
			// A string is a value; white space and comments are nothing.
			if (text.slice(start, at).includes("'")) found.push({ text: "'", start, end: at });
			continue;
		}
		if (text[at] === '(') at = closing(text, at).close + 1;
		else at = text[at] === '"' ? afterName(text, at) : at + (wordAt(text, at)?.length ?? 1);
		found.push({ text: text.slice(start, at), start, end: at });
	}
	return found;
}

function listAt(text: string, list: Piece): OptionList['options'] {
	const { close, commas } = closing(text, list.start);
	return [...commas, close].flatMap((end, index) => {
		const from = (index === 0 ? list.start : (commas[index - 1] as number)) + 1;
		const option = text.slice(from, end);
		const start = from + option.length - option.trimStart().length;
		const [, quoted, bare] = OPTION.exec(option.trim()) ?? [];
		const name = quoted?.replaceAll('""', '"') ?? bare?.toLowerCase();
		return name === undefined ? [] : [{ name, start, end: start + option.trim().length }];
	});
}

/** The lists of options of a statement that stand outside of all parentheses: of a table or index, not of a column's key. */
export function optionLists(text: string): OptionList[] {
	const all = pieces(text);
	return all.flatMap((piece, index) => {
		const word = piece.text.toUpperCase();
		const list = all[index + 1];
		if ((word !== 'WITH' && word !== 'SET') || !list?.text.startsWith('(')) return [];
		const options = listAt(text, list);
		const alone = index === all.length - 2 && !all.some((other) => other.text === ',');
		return options.length === 0
			? []
			: [{ word, start: piece.start, open: list.start, close: list.end - 1, options, alone }];
	});
}

/** A function's `SET name TO value`, from the word to the end of the value. */
export function settingClauses(text: string): Array<{ name: string; start: number; end: number }> {
	const all = pieces(text);
	return all.flatMap((piece, index) => {
		if (piece.text.toUpperCase() !== 'SET') return [];
		let at = index + 1;
		let name = '';
		for (; all[at] && !['TO', '='].includes((all[at] as Piece).text.toUpperCase()); at++)
			name += (all[at] as Piece).text.replaceAll('"', '');
		// The values: one, and more after commas.
		at++;
		while (all[at + 1]?.text === ',') at += 2;
		const value = all[at];
		return value ? [{ name: name.toLowerCase(), start: piece.start, end: value.end }] : [];
	});
}

/** A text without what stands between two places, and without the white space before it. */
export function withoutText(text: string, start: number, end: number): string {
	return text.slice(0, start).trimEnd() + text.slice(end);
}
