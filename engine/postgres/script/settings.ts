import { withoutComments } from '../statements/tokens';

/** What a SET statement does to the reading of the script itself. */
export interface ScriptSetting {
	name: 'standard_conforming_strings' | 'client_encoding';
	/** Lower case for standard_conforming_strings, as written for client_encoding. */
	value: string;
}

const SET =
	/^set\s+(?:session\s+|local\s+)?("?)(standard_conforming_strings|client_encoding)\1\s*(?:=|\sto\s)\s*([\s\S]*)$/i;
const SET_NAMES = /^set\s+(?:session\s+|local\s+)?names\s+([\s\S]*)$/i;

/** The setting that a statement makes, if it is one that changes how the rest of the script has to be read. */
export function readScriptSetting(text: string): ScriptSetting | undefined {
	if (!/^set\b/i.test(text)) return undefined;
	// Comments may stand between any two words.
	const statement = withoutComments(text);
	const names = SET_NAMES.exec(statement);
	if (names) return { name: 'client_encoding', value: unquote(names[1]!) };
	const match = SET.exec(statement);
	if (!match) return undefined;
	const value = unquote(match[3]!);
	if (match[2]!.toLowerCase() === 'client_encoding') return { name: 'client_encoding', value };
	return { name: 'standard_conforming_strings', value: value.toLowerCase() };
}

/** PostgreSQL takes any unambiguous beginning of these words, too. */
export function isOff(value: string): boolean {
	return /^(of|off|f|fa|fal|fals|false|n|no|0)$/.test(value);
}

function unquote(value: string): string {
	return value.trim().replace(/^(['"])([\s\S]*)\1$/, '$2');
}
