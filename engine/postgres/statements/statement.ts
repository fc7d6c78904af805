import { describeCall } from './calls';
import type { Reading, StatementContext, StatementFacts } from './facts';
import { describeObject, describeRows } from './objects';
import { describeDefaultPrivileges, describePrivilege, withNamedRoles } from './roles';
import { describeSetting, transactionControl } from './session';
import { findWord, tokenize, wordsAt } from './tokens';

/** Statements that may carry hundreds of megabytes of values, and the tokens at their head that tell enough. */
const LONG = /^(?:INSERT|COPY|SELECT|UPDATE|DELETE|MERGE|VALUES|WITH|DO)\b/i;
const HEAD = 16;

const CLUSTER = new Set(['DATABASE', 'ROLE', 'USER', 'GROUP', 'TABLESPACE', 'SYSTEM', 'PARAMETER']);

function describe(reading: Reading, statement: string): StatementFacts {
	const { tokens, verb } = reading;
	switch (verb) {
		case 'CREATE':
			return withNamedRoles(describeObject(reading), reading);
		case 'DROP':
		case 'REFRESH':
			return describeObject(reading);
		case 'ALTER':
			return describeAlter(reading);
		case 'COMMENT':
		case 'SECURITY':
			return describeObject({ ...reading, tokens: tokens.slice(Math.max(0, findWord(tokens, 1, 'ON'))) });
		case 'GRANT':
		case 'REVOKE':
			return describePrivilege(reading);
		case 'INSERT':
		case 'COPY':
			return describeRows(reading);
		case 'TRUNCATE':
			return { verb, kind: 'TABLE', work: 'other', locks: [], drops: true };
		case 'SET':
		case 'RESET':
		case 'DISCARD':
			return describeSetting(reading, statement);
		case 'SELECT':
			return describeCall(reading, statement);
		case 'UPDATE':
			return { verb, kind: wordsAt(tokens, 3, 'PG_DATABASE') ? 'DATABASE' : verb, work: 'other', locks: [] };
		default:
			return { verb, kind: verb, work: 'other', locks: [] };
	}
}

function describeAlter(reading: Reading): StatementFacts {
	const { tokens } = reading;
	if (wordsAt(tokens, 1, 'DEFAULT', 'PRIVILEGES')) return describeDefaultPrivileges(reading);
	const facts = describeObject(reading);
	const owner = tokens[tokens.length - 1];
	if (!owner || !wordsAt(tokens, tokens.length - 3, 'OWNER', 'TO')) return facts;
	return { ...facts, role: { kind: 'owner', names: [owner.name] } };
}

/** Reads what a statement of a dump is about. Names without a schema have none unless the context names one. */
export function describeStatement(
	statement: string,
	{ schema, standardStrings }: StatementContext = { schema: '', standardStrings: true },
): StatementFacts {
	const tokens = tokenize(statement, { limit: LONG.test(statement) ? HEAD : Infinity, standardStrings });
	const verb = tokens[0]?.text ?? '';
	const transaction = transactionControl(tokens);
	if (transaction) return { verb, kind: 'TRANSACTION', work: 'other', locks: [], transaction };
	const facts = describe({ tokens, verb, schema }, statement);
	return CLUSTER.has(facts.kind) ? { ...facts, cluster: true } : facts;
}
