import { whyForbidden } from './forbidden';
import { describeStatement } from './statement';
import { tokenize } from './tokens';

/** First words of what pg_dump writes between the rows. */
const VERBS = new Set([
	'ALTER',
	'BEGIN',
	'COMMENT',
	'COMMIT',
	'CREATE',
	'DROP',
	'GRANT',
	'REFRESH',
	'REVOKE',
	'SECURITY',
]);

/** Settings that pg_dump makes. Values are words, or strings without escapes, so that every reader takes them as the server. */
const SETTINGS = new Set([
	'check_function_bodies',
	'client_encoding',
	'client_min_messages',
	'default_table_access_method',
	'default_tablespace',
	'default_with_oids',
	'escape_string_warning',
	'idle_in_transaction_session_timeout',
	'lock_timeout',
	'row_security',
	'standard_conforming_strings',
	'statement_timeout',
	'transaction_timeout',
	'xmloption',
]);
const SET = /^SET ([a-z_]+) = (?!default$)(?:\w+|'[^'\\]*'|"(?:[^"]|"")+")$/i;

/** Tables without columns have their rows in the script. */
const EMPTY_ROW = /^INSERT INTO [^]* DEFAULT VALUES$/;

/** The only functions that pg_dump calls by SELECT; SYNTAX lists other words that stand before a parenthesis. */
const CALLED = new Set([
	'lo_close',
	'lo_create',
	'lo_open',
	'lo_unlink',
	'lowrite',
	'pg_restore_attribute_stats',
	'pg_restore_relation_stats',
	'set_config',
	'setval',
]);
const SYNTAX = new Set(['exists']);

/** The only setting that is made by a call: any other would go unseen by whoever reads the script. */
const SET_SEARCH_PATH = /^SELECT pg_catalog\.set_config\('search_path', '[^'\\]*', false\)$/;

/**
 * Whether pg_dump writes such a statement, so that one of our archives may hold it. Anything else was put in later.
 * Source: the statements that are put together in src/bin/pg_dump (pg_dump.c, pg_backup_archiver.c, pg_backup_db.c) of
 * PostgreSQL 18, as far as the arguments go that dump/arguments.ts allows.
 * @param standardStrings see skipAt
 */
export function isOfPgDump(text: string, standardStrings = true): boolean {
	if (whyForbidden(text, standardStrings) !== undefined) return false;
	const [verb] = tokenize(text, { limit: 1, standardStrings });
	if (verb?.kind !== 'word') return false;
	if (verb.text === 'INSERT') return EMPTY_ROW.test(text);
	if (verb.text === 'SELECT') return callsKnown(text, standardStrings);
	const { cluster, kind } = describeStatement(text, { schema: '', standardStrings });
	// What puts a setting back (RESET, SET LOCAL, SET ... TO DEFAULT) leaves unsaid which value is in force afterwards.
	if (verb.text === 'SET' || verb.text === 'RESET') return kind === 'SESSION AUTHORIZATION' || makesSetting(text);
	// Databases, roles and tablespaces are not a database's own: dumps of ours hold nothing of them.
	return VERBS.has(verb.text) && cluster !== true;
}

function makesSetting(text: string): boolean {
	const [, name] = SET.exec(text) ?? [];
	return name !== undefined && SETTINGS.has(name);
}

function callsKnown(text: string, standardStrings: boolean): boolean {
	const tokens = tokenize(text, { standardStrings });
	let calls = 0;
	const isMark = (at: number, mark: string) => tokens[at]?.kind === 'mark' && tokens[at]?.text === mark;
	for (const [at, { kind, name }] of tokens.entries()) {
		if (kind === 'mark' || !isMark(at + 1, '(')) continue;
		if (SYNTAX.has(name) && kind === 'word') continue;
		if (!CALLED.has(name) || !isMark(at - 1, '.') || tokens[at - 2]?.name !== 'pg_catalog') return false;
		if (name === 'set_config' && !SET_SEARCH_PATH.test(text)) return false;
		calls++;
	}
	return calls > 0;
}
