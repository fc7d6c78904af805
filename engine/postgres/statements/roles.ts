import type { Reading, StatementFacts } from './facts';
import { describeObject } from './objects';
import { findWord, skipWords, type Token, wordsAt } from './tokens';

/** Kinds that a GRANT names; without one it means tables. */
const GRANTED = [
	'ALL',
	'DATABASE',
	'DOMAIN',
	'FOREIGN',
	'FUNCTION',
	'LANGUAGE',
	'LARGE',
	'PARAMETER',
	'PROCEDURE',
	'ROUTINE',
	'SCHEMA',
	'SEQUENCE',
	'TABLE',
	'TABLESPACE',
	'TYPE',
];

/** Words in the place of a role that name none of the source's. */
const NOBODY = new Set(['PUBLIC', 'CURRENT_USER', 'CURRENT_ROLE', 'SESSION_USER']);

/** Grantees: the names after TO or FROM, up to the options. */
function grantees(tokens: readonly Token[], preposition: 'TO' | 'FROM' | 'FOR'): string[] {
	const names: string[] = [];
	let at = findWord(tokens, 1, preposition) + 1;
	while (at > 0 && tokens[at]) {
		at = skipWords(tokens, at, 'GROUP');
		const token = tokens[at];
		if (token && !(token.kind === 'word' && NOBODY.has(token.text))) names.push(token.name);
		if (tokens[at + 1]?.text !== ',') break;
		at += 2;
	}
	return names;
}

export function describePrivilege(reading: Reading): StatementFacts {
	const { tokens, verb } = reading;
	const on = findWord(tokens, 1, 'ON');
	const role = { kind: 'privilege' as const, names: grantees(tokens, verb === 'GRANT' ? 'TO' : 'FROM') };
	if (on < 0) return { verb, kind: 'ROLE', work: 'other', locks: [], role };
	if (wordsAt(tokens, on + 1, 'ALL')) {
		const schema = tokens[findWord(tokens, on, 'SCHEMA') + 1]?.name;
		return { verb, kind: 'SCHEMA', schema, work: 'other', locks: [], role };
	}
	const named = GRANTED.some((kind) => wordsAt(tokens, on + 1, kind));
	const object = named ? tokens.slice(on) : [...tokens.slice(on, on + 1), TABLE, ...tokens.slice(on + 1)];
	return { ...describeObject({ ...reading, tokens: object }), role };
}

/** `CREATE POLICY ... TO a, b USING (...)` and `CREATE USER MAPPING FOR a SERVER ...`. */
export function withNamedRoles(facts: StatementFacts, { tokens }: Reading): StatementFacts {
	if (facts.kind !== 'POLICY' && facts.kind !== 'USER MAPPING') return facts;
	const names = grantees(tokens, facts.kind === 'POLICY' ? 'TO' : 'FOR');
	return names.length === 0 ? facts : { ...facts, role: { kind: 'named', names } };
}

const TABLE: Token = { text: 'TABLE', name: 'table', kind: 'word' };

/** `ALTER DEFAULT PRIVILEGES FOR ROLE r [IN SCHEMA s] GRANT ... TO g`. */
export function describeDefaultPrivileges({ tokens, verb }: Reading): StatementFacts {
	const roleAt = findWord(tokens, 3, 'ROLE', 'USER');
	const schemaAt = findWord(tokens, 3, 'SCHEMA');
	const granted = findWord(tokens, 3, 'GRANT') >= 0 ? grantees(tokens, 'TO') : grantees(tokens, 'FROM');
	const names = [...(roleAt < 0 ? [] : [tokens[roleAt + 1]?.name ?? '']), ...granted];
	const schema = schemaAt < 0 ? undefined : tokens[schemaAt + 1]?.name;
	return { verb, kind: 'DEFAULT PRIVILEGES', schema, work: 'other', locks: [], role: { kind: 'privilege', names } };
}
