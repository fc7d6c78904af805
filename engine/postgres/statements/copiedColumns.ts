import { parseName, tokenize } from './tokens';

/** The columns that a COPY names, in their order; undefined where it names none and means all. */
export function copiedColumns(statement: string): string[] | undefined {
	const tokens = tokenize(statement);
	const name = parseName(tokens, 1);
	const isMark = (at: number, text: string) => tokens[at]?.kind === 'mark' && tokens[at]?.text === text;
	if (!name || !isMark(name.end, '(')) return undefined;
	const columns: string[] = [];
	for (let at = name.end + 1; at < tokens.length && !isMark(at, ')'); at++)
		if (!isMark(at, ',')) columns.push(tokens[at]?.name ?? '');
	return columns;
}
