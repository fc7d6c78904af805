import { StatementScanner } from './scanner';
import { isOff, readScriptSetting } from './settings';

/** A statement's place in the text: `text.slice(start, end)` is the statement with its semicolon. */
export interface StatementSpan {
	start: number;
	end: number;
	/** Index of the first character of the white space and comments before it. */
	leadingStart: number;
	copyFromStdin: boolean;
}

/**
 * Splits SQL text that holds no COPY rows and no backslash commands (a definition, the schema part of a dump) into
 * statements. Offsets count UTF-16 units, as string indices do. What stands at the end without a semicolon is the last
 * statement. A backslash outside of quotes is taken as part of its statement: the server will say what it thinks of it.
 */
export function splitStatements(text: string): StatementSpan[] {
	const spans: StatementSpan[] = [];
	const scanner = new StatementScanner(Infinity, false);
	const bytes = oneByteACharacter(text);
	scanner.push(bytes);
	scanner.finish();
	let leadingStart = 0;
	for (let found = scanner.next(); found; found = scanner.next()) {
		spans.push({ start: found.start, end: found.end, leadingStart, copyFromStdin: found.copyFromStdin });
		leadingStart = found.end;
		const statement = found.firstWord === 'set' ? text.slice(found.start, found.end - 1) : '';
		const setting = readScriptSetting(statement);
		if (setting?.name === 'standard_conforming_strings') scanner.standardStrings = !isOff(setting.value);
	}
	const last = scanner.unfinished();
	if (last && last.bytes.length > 0) {
		spans.push({ start: last.start, end: last.end, leadingStart, copyFromStdin: last.copyFromStdin });
	}
	return spans;
}

/** Only ASCII matters for splitting: any other character becomes one byte that may stand in a name. */
function oneByteACharacter(text: string): Buffer {
	const bytes = Buffer.allocUnsafe(text.length);
	for (let index = 0; index < text.length; index++) {
		const code = text.charCodeAt(index);
		bytes[index] = code < 0x80 ? code : 0x80;
	}
	return bytes;
}
