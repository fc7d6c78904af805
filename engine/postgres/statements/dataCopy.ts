import { parseName, tokenize } from './tokens';

/** A COPY whose rows come from whoever sends it. */
export interface DataCopy {
	/** The table's name in its parts: `public`, `orders`. */
	name: string[];
	/** The columns that it names, in their order; undefined where it names none and means all. */
	columns: string[] | undefined;
	/** Something stands after STDIN: CSV, DELIMITER, WITH (...). */
	hasOptions: boolean;
}

/**
 * Reads `COPY name [(columns)] FROM STDIN [options]`. Undefined for anything else that begins with COPY: those forms read or
 * write files, run programs on the server (FROM PROGRAM), or hand rows out. Nor may a condition follow (WHERE), for it
 * would be computed for each row. Source of the grammar: PostgreSQL documentation, "COPY".
 */
export function readDataCopy(statement: string): DataCopy | undefined {
	const tokens = tokenize(statement);
	const isWord = (at: number, text: string) => tokens[at]?.kind === 'word' && tokens[at]?.text === text;
	const isMark = (at: number, text: string) => tokens[at]?.kind === 'mark' && tokens[at]?.text === text;
	if (!isWord(0, 'COPY')) return undefined;
	// A table may be called binary, too.
	const isBinary = isWord(1, 'BINARY') && tokens[2]?.kind !== 'mark' && !isWord(2, 'FROM');
	const name = parseName(tokens, isBinary ? 2 : 1);
	if (!name) return undefined;
	let at = name.end;
	let columns: string[] | undefined;
	if (isMark(at, '(')) {
		columns = [];
		do {
			const column = tokens[++at];
			if (!column || column.kind === 'mark') return undefined;
			columns.push(column.name);
		} while (isMark(++at, ','));
		if (!isMark(at++, ')')) return undefined;
	}
	if (!isWord(at, 'FROM') || !isWord(at + 1, 'STDIN')) return undefined;
	const options = tokens.slice(at + 2);
	if (options.some((_, index) => isWord(at + 2 + index, 'WHERE'))) return undefined;
	return { name: name.parts, columns, hasOptions: options.length > 0 };
}

/** Whether a COPY's rows are one a line: not so in the formats CSV and binary. Options stand after the source. */
export function isTextFormat(statement: string): boolean {
	const options = /\bstdin\b(?![\s\S]*\bstdin\b)[\s\S]*$/i.exec(statement)?.[0] ?? '';
	return !/\b(?:csv|binary)\b/i.test(options);
}
