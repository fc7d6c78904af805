/*
 * What no statement of a dump does, and what none may therefore do here. A dump defines objects, loads rows that come with
 * it, and sets positions of sequences. Some other statements reach beyond the database that is restored: to programs and
 * files of the server's machine, to other databases, to other servers. Those are refused by what they are, whoever wrote
 * them.
 *
 * This is no sandbox. Bodies of functions, event triggers, expressions of indexes, defaults and views are code that a
 * restore runs, or stores for others to run, with the rights of the role that restores: see docs/security.md.
 */
import { BackupError } from '../../errors';

import { readDataCopy } from './dataCopy';
import { objectName } from './naming';
import { parseName, skipWords, type Token, tokenize, wordsAt } from './tokens';

/** Tokens that tell what a statement is. */
const HEAD = 16;

/** Compute expressions at once, as do definitions of tables, for their rows. What merely stores them is left alone. */
const COMPUTES = new Set([
	'CALL',
	'DECLARE',
	'DELETE',
	'EXECUTE',
	'EXPLAIN',
	'INSERT',
	'MERGE',
	'PREPARE',
	'SELECT',
	'TABLE',
	'UPDATE',
	'VALUES',
	'WITH',
]);

/**
 * Functions of PostgreSQL's own, and of its contrib modules, that read or write files of the server; and the beginning of a
 * name with escapes in it, which may be any of them.
 */
const FILE_FUNCTION = /\b(?:pg_read_(?:binary_)?file\w*|pg_stat_file|pg_ls_\w*|lo_(?:import|export)|pg_file_\w+)|u&"/i;
const FILE_NAME = new RegExp(`^(?:${FILE_FUNCTION.source})$`, 'i');

/**
 * Why a statement that a dump holds is never run: ends the sentence `It ...`. Undefined for what may be run.
 * @param text one statement, without COPY's rows
 * @param standardStrings see skipAt
 */
export function whyForbidden(text: string, standardStrings = true): string | undefined {
	if (text.includes('\0')) return 'holds a zero byte, which no SQL can hold';
	const head = tokenize(text, { limit: HEAD, standardStrings });
	const first = head.findIndex(({ kind, text: mark }) => kind !== 'mark' || mark !== '(');
	const verb = head[first]?.kind === 'word' ? head[first].text : '';
	switch (verb) {
		case 'COPY':
			return OTHER_COPY;
		case 'LOAD':
			return 'loads a library into the server';
		case 'REASSIGN':
			return 'gives away what a role owns, in other databases as well';
		case 'IMPORT':
			return 'connects the server to another one';
		case 'PREPARE':
			if (wordsAt(head, 1, 'TRANSACTION')) return TWO_PHASE;
			break;
		case 'COMMIT':
		case 'ROLLBACK':
			if (wordsAt(head, 1, 'PREPARED')) return TWO_PHASE;
			break;
	}
	if (wordsAt(head, 1, 'SUBSCRIPTION') && connects(verb, text, standardStrings))
		return 'connects the server to another one';
	if ((COMPUTES.has(verb) || definesRows(head)) && usesFiles(text, standardStrings))
		return 'reads or writes files of the server';
	return undefined;
}

const OTHER_COPY = 'is no COPY ... FROM STDIN: it may run programs on the server, or read and write its files';

const TWO_PHASE = 'leaves a transaction behind that holds its locks until somebody ends it';

/** `CREATE TABLE`, `ALTER TABLE`, `CREATE MATERIALIZED VIEW`: a view that is not materialized is merely stored. */
function definesRows(head: readonly Token[]): boolean {
	if (!wordsAt(head, 0, 'CREATE') && !wordsAt(head, 0, 'ALTER')) return false;
	const kind = skipWords(head, 1, 'GLOBAL', 'LOCAL', 'TEMPORARY', 'TEMP', 'UNLOGGED');
	return wordsAt(head, kind, 'TABLE') || wordsAt(head, kind, 'MATERIALIZED');
}

/**
 * pg_dump makes subscriptions that do not connect, and gives them owners; it drops them where it is to clean up, which is
 * never carried out.
 */
function connects(verb: string, text: string, standardStrings: boolean): boolean {
	const tokens = tokenize(text, { standardStrings });
	if (verb === 'CREATE') {
		const option = tokens.findIndex((_, at) => wordsAt(tokens, at, 'CONNECT') && tokens[at + 1]?.text === '=');
		return option < 0 || !wordsAt(tokens, option + 2, 'FALSE');
	}
	const end = parseName(tokens, 2)?.end ?? 2;
	return verb === 'ALTER' && !wordsAt(tokens, end, 'OWNER', 'TO');
}

function usesFiles(text: string, standardStrings: boolean): boolean {
	// Rows as INSERTs may be hundreds of megabytes long: most of them do not even hold such letters.
	if (!FILE_FUNCTION.test(text)) return false;
	const tokens = tokenize(text, { standardStrings });
	return tokens.some(({ name, kind }, at) => {
		const next = tokens[at + 1];
		if (kind === 'word' && name === 'u' && next?.text === '&') return tokens[at + 2]?.kind === 'quoted';
		return kind !== 'mark' && FILE_NAME.test(name) && next?.kind === 'mark' && next.text === '(';
	});
}

/** Why a COPY whose rows come in a dump is never run, as whyForbidden; undefined for `COPY ... FROM STDIN`. */
export function whyForbiddenCopy(statement: string): string | undefined {
	if (statement.includes('\0')) return whyForbidden(statement);
	return readDataCopy(statement) ? undefined : OTHER_COPY;
}

/**
 * The error for what no statement of a dump does; undefined for what may be run.
 * @param state what is to be said of the target, from its semicolon on
 */
export function forbiddenStatement(text: string, standardStrings = true, state = ''): BackupError | undefined {
	return forbidden(text, whyForbidden(text, standardStrings), state);
}

/** As forbiddenStatement, for a COPY whose rows follow. */
export function forbiddenCopy(statement: string, state = ''): BackupError | undefined {
	return forbidden(statement, whyForbiddenCopy(statement), state);
}

/** @throws BackupError INVALID_INPUT: see forbiddenStatement. */
export function assertPermitted(text: string, standardStrings = true, state = ''): void {
	const error = forbiddenStatement(text, standardStrings, state);
	if (error) throw error;
}

/** @throws BackupError INVALID_INPUT: see forbiddenCopy. */
export function assertDataCopy(statement: string, state = ''): void {
	const error = forbiddenCopy(statement, state);
	if (error) throw error;
}

function forbidden(text: string, why: string | undefined, state: string): BackupError | undefined {
	if (why === undefined) return undefined;
	return new BackupError(
		'INVALID_INPUT',
		`The dump holds a statement that is never run from a dump (${objectName('', text)}): it ${why}${state}.`,
		{
			hint: 'pg_dump writes no such statement: the file was edited, or made by something else. Do not restore it unless you know where it comes from; psql would run it with all the rights of its user.',
		},
	);
}
