/**
 * The words after a psql backslash command: split at white space; '...' and "..." hold words together (a doubled quote
 * stands for itself, and in single quotes a backslash escapes).
 */
export function parseMetaArguments(line: string): string[] {
	const words: string[] = [];
	let word: string | undefined;
	for (let index = 0; index < line.length; index++) {
		const character = line[index]!;
		if (character === "'" || character === '"') {
			const quoted = readQuoted(line, index);
			word = (word ?? '') + quoted.text;
			index = quoted.last;
		} else if (/\s/.test(character)) {
			if (word !== undefined) words.push(word);
			word = undefined;
		} else word = (word ?? '') + character;
	}
	if (word !== undefined) words.push(word);
	return words;
}

function readQuoted(line: string, first: number): { text: string; last: number } {
	const quote = line[first]!;
	let text = '';
	for (let index = first + 1; index < line.length; index++) {
		const character = line[index]!;
		if (quote === "'" && character === '\\' && index + 1 < line.length) text += line[++index];
		else if (character !== quote) text += character;
		else if (line[index + 1] === quote) text += line[++index];
		else return { text, last: index };
	}
	return { text, last: line.length };
}
