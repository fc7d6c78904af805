import { BackupError, messageOf } from '../errors';

/**
 * What a server's error says must not carry rows, passwords or other contents into messages, logs and items. By SQLSTATE
 * (Appendix A of PostgreSQL's documentation) one can tell where they stand:
 * - class 23, integrity constraints: in the detail (`Failing row contains (...)`, `Key (email)=(a@b.c) already exists`);
 * - class 22, data that cannot be read: in the message (`invalid input syntax for type integer: "..."`) and the detail;
 * - 42601, syntax error: of a text search or hstore value, or the part of a connection string that cannot be read.
 * The context of an error (`COPY t, line 1: "..."`) never goes into a message at all.
 */
const CONSTRAINT = '23';
/** Violations of a unique key, a foreign key, an exclusion constraint: these name the key before its value. */
const OF_KEYS = new Set(['23505', '23503', '23P01']);
const DATA = '22';
/**
 * The errors of that class that name settings, columns and encodings, but no rows: invalid_parameter_value, bad_copy_file_format,
 * character_not_in_repertoire, untranslatable_character.
 */
const HARMLESS = new Set(['22023', '22P04', '22021', '22P05']);

/** In every language: the key's columns are the first in parentheses, and `)=(` leads over to the value. */
const KEY = /\([^]*?\)(?==\()/;
/** From the first quotation mark to the last, of any of the server's languages. */
const QUOTED = /["«»„“][^]*["»«”“]/;
/** A value after a colon, and one that is read by an extension's own grammar. */
const QUOTED_VALUE = /(?<=: |, near )["«»„“][^]*["»«”“]/;
const CONNECTION_STRING = /(invalid connection string syntax): [^]*/;
const SYNTAX = '42601';

const holdsData = (code: string): boolean => code.startsWith(DATA) && !HARMLESS.has(code);

function withoutContents(code: string, message: string): string {
	if (holdsData(code)) return message.replace(QUOTED, '"…"');
	return code === SYNTAX ? message.replace(CONNECTION_STRING, '$1').replace(QUOTED_VALUE, '"…"') : message;
}

function detailToShow(code: string, detail: string): string | undefined {
	if (holdsData(code)) return undefined;
	if (!code.startsWith(CONSTRAINT)) return detail;
	const key = OF_KEYS.has(code) ? KEY.exec(detail) : null;
	return key ? `key ${key[0]}` : undefined;
}

/** The message of a server's error, with its detail in parentheses, as far as they hold nothing of the user's data. */
export function serverMessage(error: unknown): string {
	const { code = '', detail } = error as { code?: string; detail?: string };
	const shown = detail && !(error instanceof BackupError) ? detailToShow(code, detail) : undefined;
	return `${withoutContents(code, messageOf(error))}${shown ? ` (${shown})` : ''}`;
}

/** An error to be kept as the cause of another: what the server said beyond its message may hold rows, and is dropped. */
export function serverCause(error: unknown): unknown {
	const { code, severity } = error as { code?: string; severity?: string };
	if (severity === undefined) return error;
	return Object.assign(new Error(withoutContents(code ?? '', messageOf(error))), { code, severity });
}
