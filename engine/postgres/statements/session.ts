import type { Reading, StatementFacts } from './facts';
import { skipWords, type Token, tokenize, wordsAt } from './tokens';

/** BEGIN to COMMIT and the like, as SQL knows them in any spelling; undefined for everything else. */
export function transactionControl(tokens: readonly Token[]): StatementFacts['transaction'] {
	switch (tokens[0]?.kind === 'word' ? tokens[0].text : '') {
		case 'BEGIN':
			return 'begins';
		case 'START':
			return wordsAt(tokens, 1, 'TRANSACTION') ? 'begins' : undefined;
		case 'COMMIT':
		case 'END':
		case 'ROLLBACK':
		case 'ABORT':
			return transactionEnd(tokens);
		case 'SAVEPOINT':
		case 'RELEASE':
			return 'within';
		case 'PREPARE':
			return wordsAt(tokens, 1, 'TRANSACTION') ? 'ends' : undefined;
		case 'SET':
			return wordsAt(tokens, 1, 'TRANSACTION') || wordsAt(tokens, 1, 'CONSTRAINTS') || wordsAt(tokens, 1, 'LOCAL')
				? 'within'
				: undefined;
		default:
			return undefined;
	}
}

/** `ROLLBACK TO s` goes on in the transaction, `COMMIT AND CHAIN` in the next one; `COMMIT PREPARED` concerns another. */
function transactionEnd(tokens: readonly Token[]): 'ends' | 'within' {
	const at = skipWords(tokens, 1, 'WORK', 'TRANSACTION');
	if (wordsAt(tokens, at, 'TO') || wordsAt(tokens, at, 'AND', 'CHAIN') || wordsAt(tokens, at, 'PREPARED'))
		return 'within';
	return 'ends';
}

/** What psql's own session begins with. */
const DEFAULT_SCHEMA = 'public';

/** Where new things go under a value of search_path: of `"$user", public`, the first schema that is no user's. */
export function firstSchema(searchPath: string): string {
	const names = tokenize(searchPath).filter(({ kind }) => kind !== 'mark');
	return names.find(({ name }) => name !== '$user')?.name ?? '';
}

/** `SET SESSION AUTHORIZATION 'x'`, `SET ROLE x` and their RESETs; undefined for settings. */
function sessionRole(statement: string, tokens: readonly Token[]): string[] | undefined {
	const at = skipWords(tokens, 1, 'SESSION');
	if (!wordsAt(tokens, at, 'AUTHORIZATION') && !wordsAt(tokens, at, 'ROLE')) return undefined;
	// The name is a string (which tokens leave out), or a name.
	const string = /'([^']*(?:''[^']*)*)'\s*$/.exec(statement)?.[1];
	if (string !== undefined) return [string.replaceAll("''", "'")];
	const token = tokens[at + 1];
	return token && !wordsAt(tokens, at + 1, 'DEFAULT') && !wordsAt(tokens, at + 1, 'NONE') ? [token.name] : [];
}

const SEARCH_PATH_VALUE = /^SET\s+(?:SESSION\s+)?search_path\s*(?:=|TO\b)([\s\S]*)$/i;

/** SET, RESET and DISCARD, outside of a transaction's own. */
export function describeSetting({ tokens, verb }: Reading, statement: string): StatementFacts {
	const facts: StatementFacts = { verb, kind: 'SET', work: 'other', locks: [] };
	const names = sessionRole(statement, tokens);
	if (names) return { ...facts, kind: 'SESSION AUTHORIZATION', role: { kind: 'session', names } };
	if (verb !== 'SET') {
		const all = wordsAt(tokens, 1, 'ALL') || wordsAt(tokens, 1, 'SEARCH_PATH');
		return all ? { ...facts, searchPath: DEFAULT_SCHEMA } : facts;
	}
	const value = SEARCH_PATH_VALUE.exec(statement)?.[1];
	if (value === undefined) return facts;
	const isDefault = /^\s*DEFAULT\s*$/i.test(value);
	// Schemas may stand in single quotes, too.
	return { ...facts, searchPath: isDefault ? DEFAULT_SCHEMA : firstSchema(value.replaceAll("'", '"')) };
}
