import type { StatementFacts } from './facts';
import { type Token, wordsAt } from './tokens';

/** Kinds that may share a name and differ in their arguments. */
export const ROUTINES = new Set(['FUNCTION', 'PROCEDURE', 'ROUTINE']);

const OPENS = new Set(['(', '[']);
const CLOSES = new Set([')', ']']);

/**
 * The arguments of a routine, from its opening parenthesis on, as one text. pg_dump writes them alike wherever it names
 * the routine, but for default values, which stand in its CREATE alone and are left out here.
 */
export function signatureOf(tokens: readonly Token[], from: number): string | undefined {
	if (tokens[from]?.kind !== 'mark' || tokens[from]?.text !== '(') return undefined;
	const parts: string[] = [];
	let depth = 0;
	let isDefault = false;
	for (let at = from; at < tokens.length; at++) {
		const { kind, text, name } = tokens[at] as Token;
		if (kind === 'mark' && CLOSES.has(text) && --depth === 0) break;
		if (depth === 1 && kind === 'mark' && text === ',') isDefault = false;
		if (depth === 1 && (wordsAt(tokens, at, 'DEFAULT') || (kind === 'mark' && text === '='))) isDefault = true;
		if (kind === 'mark' && OPENS.has(text) && ++depth === 1) continue;
		if (!isDefault) parts.push(name);
	}
	return parts.join(' ');
}

/** What is owned and granted under one kind's name: domains are granted as types, procedures may be called functions. */
const KINDS: Record<string, string> = { DOMAIN: 'TYPE', PROCEDURE: 'FUNCTION', ROUTINE: 'FUNCTION' };

/** The name of an object in a schema as a key, the same in all statements on it; routines of one name share it. */
export function nameKey({ kind, schema = '', name = '' }: StatementFacts): string {
	return [KINDS[kind] ?? kind, schema, name].join('\0');
}

/** As nameKey, for one object alone. */
export function objectKey(facts: StatementFacts): string {
	return `${nameKey(facts)}\0${facts.signature ?? ''}`;
}
