import type { Reading, StatementFacts } from './facts';
import { ofTable } from './objects';
import { firstSchema } from './session';
import { parseName, tokenize } from './tokens';

const CALL = /^SELECT\s+(?:pg_catalog\s*\.\s*)?(setval|set_config|lo_\w+|lowrite)\s*\(\s*/i;
const LITERAL = /\s*,?\s*([eE]?)'([^']*(?:''[^']*)*)'/y;

/** Arguments of a call that are strings, as far as they go. */
function* literals(statement: string, from: number): Generator<string> {
	LITERAL.lastIndex = from;
	for (let match = LITERAL.exec(statement); match; match = LITERAL.exec(statement)) {
		const at = LITERAL.lastIndex;
		const text = (match[2] as string).replaceAll("''", "'");
		yield match[1] ? text.replaceAll('\\\\', '\\') : text;
		LITERAL.lastIndex = at;
	}
}

/** Positions of sequences, large objects and settings, which pg_dump writes as calls of functions. */
export function describeCall(reading: Reading, statement: string): StatementFacts {
	const facts: StatementFacts = { verb: reading.verb, kind: 'SELECT', work: 'other', locks: [] };
	const call = CALL.exec(statement);
	const name = call?.[1]?.toLowerCase() ?? '';
	if (name === 'lo_create') return { ...facts, kind: 'LARGE OBJECT' };
	if (name === 'lo_unlink') return { ...facts, kind: 'LARGE OBJECT', drops: true };
	if (name.startsWith('lo')) return { ...facts, kind: 'LARGE OBJECT CONTENT' };
	if (!call) return facts;
	const [first, second] = literals(statement, call[0].length);
	if (name === 'set_config') {
		const isPath = first?.toLowerCase() === 'search_path';
		return { ...facts, kind: 'SET', ...(isPath && { searchPath: firstSchema(second ?? '') }) };
	}
	const sequence = first === undefined ? undefined : parseName(tokenize(first), 0);
	return sequence ? ofTable(reading, 'SEQUENCE SET', sequence.parts) : facts;
}
