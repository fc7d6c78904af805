import { findWord, parseName, tableKey, type Token, tokenize, wordsAt } from './tokens';

/**
 * What a statement of a dump is about. Covers the forms in which pg_dump writes; of anything else it says nothing, and
 * such a statement is run alone and in its place, or left out where only some objects are wanted.
 */
export interface StatementFacts {
	/** Schema of the object, where it is in one. */
	schema?: string;
	/** Key of the table (view, sequence) that the statement makes, changes or hangs on: see tableKey. */
	table?: string;
	/** What is made or changed, in SQL's words: TABLE, INDEX, FUNCTION, ... */
	kind: string;
	/** Decides what may run at once: building indexes, checking foreign keys, or nothing else beside it. */
	work: 'index' | 'foreign-key' | 'other';
	/** Tables that the statement locks against changes (`shared`: only against writes). */
	locks: Array<{ table: string; shared: boolean }>;
	/** Key of the index that is made or changed; of a constraint, the index that carries it. */
	index?: string;
	/** The part that an `ATTACH PARTITION` adds to `table` or to `index`. */
	attached?: string;
	/** The sequence that is tied to `table`: by `ALTER SEQUENCE ... OWNED BY`, or as the one of an identity column. */
	ownedSequence?: string;
	/** Rights or an owner rather than an object. */
	role?: { kind: 'owner' | 'privilege'; names: string[] };
	extension?: string;
	/** Where an extension is put. */
	extensionSchema?: string;
	/** Transaction control (kind TRANSACTION): what it does to the transaction of the session that runs it. */
	transaction?: 'begins' | 'ends' | 'within';
}

/** Kinds of several words, longest first; the others are one word. */
const KINDS = [
	'TEXT SEARCH CONFIGURATION',
	'TEXT SEARCH DICTIONARY',
	'TEXT SEARCH PARSER',
	'TEXT SEARCH TEMPLATE',
	'FOREIGN DATA WRAPPER',
	'MATERIALIZED VIEW',
	'OPERATOR CLASS',
	'OPERATOR FAMILY',
	'ACCESS METHOD',
	'EVENT TRIGGER',
	'LARGE OBJECT',
	'USER MAPPING',
	'FOREIGN TABLE',
	'CONSTRAINT TRIGGER',
	'DEFAULT PRIVILEGES',
	'PROCEDURAL LANGUAGE',
].map((kind) => kind.split(' '));

/** Words that may stand between the verb and the kind. */
const MODIFIERS = new Set([
	'OR',
	'REPLACE',
	'UNLOGGED',
	'UNIQUE',
	'TRUSTED',
	'RECURSIVE',
	'TEMPORARY',
	'DEFAULT',
	'GLOBAL',
	'LOCAL',
]);

/** Kinds whose name stands after ON: they hang on a table. */
const HANGING = new Set(['TRIGGER', 'CONSTRAINT TRIGGER', 'POLICY', 'CONSTRAINT', 'RULE', 'INDEX']);
const RELATIONS = new Set(['TABLE', 'VIEW', 'SEQUENCE', 'MATERIALIZED VIEW', 'FOREIGN TABLE', 'COLUMN']);

function readKind(tokens: Token[], from: number): { kind: string; at: number } {
	let at = from;
	while (
		tokens[at]?.kind === 'word' &&
		MODIFIERS.has((tokens[at] as Token).text) &&
		!wordsAt(tokens, at, 'DEFAULT', 'PRIVILEGES')
	)
		at++;
	const long = KINDS.find((words) => wordsAt(tokens, at, ...words));
	if (long) return { kind: long.join(' '), at: at + long.length };
	return { kind: tokens[at]?.text ?? '', at: at + 1 };
}

function skipWords(tokens: Token[], from: number, ...words: string[]): number {
	let at = from;
	while (tokens[at]?.kind === 'word' && words.includes((tokens[at] as Token).text)) at++;
	return at;
}

/** The name at a position, past `IF EXISTS` and `ONLY`. */
function nameAt(tokens: Token[], at: number) {
	return parseName(tokens, skipWords(tokens, at, 'IF', 'NOT', 'EXISTS', 'ONLY', 'CONCURRENTLY'));
}

const keyOf = ([schema, name]: string[]): string => tableKey(schema ?? '', name ?? '');

function ofTable(kind: string, parts: string[]): StatementFacts {
	return { kind, schema: parts.length > 1 ? parts[0] : undefined, table: keyOf(parts), work: 'other', locks: [] };
}

/** The table after ON (rules: after TO), for what hangs on a table. */
function hanging(kind: string, tokens: Token[], from: number): StatementFacts | undefined {
	let at = findWord(tokens, from, 'ON');
	if (kind === 'RULE' && at >= 0) at = Math.max(findWord(tokens, at, 'TO'), at);
	const name = at < 0 ? undefined : nameAt(tokens, at + 1);
	return name && ofTable(kind, name.parts);
}

function alterTable(kind: string, tokens: Token[], at: number): StatementFacts | undefined {
	const name = nameAt(tokens, at);
	if (!name) return undefined;
	const facts = ofTable(kind, name.parts);
	const table = facts.table as string;
	const action = name.end;
	const identity = identitySequence(tokens, action);
	if (identity) return { ...facts, ownedSequence: identity };
	if (wordsAt(tokens, action, 'ATTACH', 'PARTITION')) return { ...facts, attached: attachedName(tokens, action) };
	if (!wordsAt(tokens, action, 'ADD', 'CONSTRAINT')) return facts;
	const type = tokens[action + 3]?.text;
	if (type === 'PRIMARY' || type === 'UNIQUE' || type === 'EXCLUDE') {
		const index = tableKey(name.parts[0] ?? '', tokens[action + 2]?.name ?? '');
		return { ...facts, index, work: 'index', locks: [{ table, shared: false }] };
	}
	const references = type === 'FOREIGN' ? findWord(tokens, action, 'REFERENCES') : -1;
	const other = references < 0 ? undefined : parseName(tokens, references + 1);
	if (!other) return facts;
	return {
		...facts,
		work: 'foreign-key',
		locks: [
			{ table, shared: false },
			{ table: keyOf(other.parts), shared: false },
		],
	};
}

/** `ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME public.t_id_seq ...)`. */
function identitySequence(tokens: Token[], action: number): string | undefined {
	if (!wordsAt(tokens, action, 'ALTER', 'COLUMN') || !wordsAt(tokens, action + 3, 'ADD', 'GENERATED')) return undefined;
	const at = tokens.findIndex((_, index) => index > action && wordsAt(tokens, index, 'SEQUENCE', 'NAME'));
	const name = at < 0 ? undefined : parseName(tokens, at + 2);
	return name && keyOf(name.parts);
}

function attachedName(tokens: Token[], at: number): string | undefined {
	const name = parseName(tokens, at + 2);
	return name && keyOf(name.parts);
}

/** An index lies in the schema of its table. */
function createIndex(tokens: Token[], at: number): StatementFacts | undefined {
	const facts = hanging('INDEX', tokens, at);
	const name = nameAt(tokens, at)?.parts[0] ?? '';
	return (
		facts && {
			...facts,
			index: tableKey(facts.schema ?? '', name),
			work: 'index',
			locks: [{ table: facts.table as string, shared: true }],
		}
	);
}

function otherIndex(parts: string[], end: number, tokens: Token[]): StatementFacts {
	const attached = wordsAt(tokens, end, 'ATTACH', 'PARTITION') ? attachedName(tokens, end) : undefined;
	return {
		kind: 'INDEX',
		schema: parts.length > 1 ? parts[0] : undefined,
		index: keyOf(parts),
		attached,
		work: 'other',
		locks: [],
	};
}

function extension(name: string | undefined, tokens: Token[], at: number): StatementFacts {
	const schema = findWord(tokens, at, 'SCHEMA');
	return {
		kind: 'EXTENSION',
		work: 'other',
		locks: [],
		extension: name,
		extensionSchema: schema < 0 ? undefined : tokens[schema + 1]?.name,
	};
}

function ownedBy(facts: StatementFacts, tokens: Token[]): StatementFacts {
	const at = findWord(tokens, 0, 'OWNED');
	const owner = at >= 0 && wordsAt(tokens, at, 'OWNED', 'BY') ? parseName(tokens, at + 2) : undefined;
	if (!owner || owner.parts.length < 3) return facts;
	return { ...facts, ownedSequence: facts.table, table: keyOf(owner.parts) };
}

function object(tokens: Token[]): StatementFacts {
	const { kind, at } = readKind(tokens, 1);
	const verb = tokens[0]?.text;
	const fallback: StatementFacts = { kind, work: 'other', locks: [] };
	if (kind === 'INDEX' && verb === 'CREATE') return createIndex(tokens, at) ?? fallback;
	if (HANGING.has(kind) && kind !== 'INDEX') return hanging(kind, tokens, at) ?? fallback;
	if ((kind === 'TABLE' || kind === 'FOREIGN TABLE') && verb === 'ALTER')
		return alterTable(kind, tokens, at) ?? fallback;
	if (kind === 'STATISTICS' && verb === 'CREATE') {
		const from = findWord(tokens, at, 'FROM');
		const table = from < 0 ? undefined : parseName(tokens, from + 1);
		if (table) return ofTable(kind, table.parts);
	}
	const name = nameAt(tokens, at);
	if (!name) return fallback;
	if (kind === 'EXTENSION') return extension(name.parts[0], tokens, name.end);
	if (kind === 'INDEX') return otherIndex(name.parts, name.end, tokens);
	if (kind === 'SCHEMA') return { ...fallback, schema: name.parts[0] };
	if (!RELATIONS.has(kind)) return { ...fallback, schema: name.parts.length > 1 ? name.parts[0] : undefined };
	const facts = ofTable(kind, name.parts);
	return kind === 'SEQUENCE' ? ownedBy(facts, tokens) : facts;
}

/** Grantees: the names after TO or FROM, up to the options. */
function grantees(tokens: Token[], preposition: 'TO' | 'FROM'): string[] {
	const names: string[] = [];
	let at = findWord(tokens, 1, preposition) + 1;
	while (at > 0 && tokens[at]) {
		at = skipWords(tokens, at, 'GROUP');
		const token = tokens[at];
		if (token && !(token.kind === 'word' && token.text === 'PUBLIC')) names.push(token.name);
		if (tokens[at + 1]?.text !== ',') break;
		at += 2;
	}
	return names;
}

function privilege(tokens: Token[]): StatementFacts {
	const preposition = tokens[0]?.text === 'GRANT' ? 'TO' : 'FROM';
	const on = findWord(tokens, 1, 'ON');
	const role = { kind: 'privilege' as const, names: grantees(tokens, preposition) };
	if (on < 0) return { kind: 'ROLE', work: 'other', locks: [], role };
	return { ...object([tokens[0] as Token, ...tokens.slice(on + 1)]), role };
}

/** `ALTER DEFAULT PRIVILEGES FOR ROLE r [IN SCHEMA s] GRANT ... TO g`. */
function defaultPrivileges(tokens: Token[]): StatementFacts {
	const roleAt = findWord(tokens, 3, 'ROLE');
	const schemaAt = findWord(tokens, 3, 'SCHEMA');
	const granted = findWord(tokens, 3, 'GRANT') >= 0 ? grantees(tokens, 'TO') : grantees(tokens, 'FROM');
	const names = [...(roleAt < 0 ? [] : [tokens[roleAt + 1]?.name ?? '']), ...granted];
	const schema = schemaAt < 0 ? undefined : tokens[schemaAt + 1]?.name;
	return { kind: 'DEFAULT PRIVILEGES', schema, work: 'other', locks: [], role: { kind: 'privilege', names } };
}

/** What follows `SELECT pg_catalog.setval('...'`: the sequence, as a name in a string. */
function setval(statement: string): StatementFacts | undefined {
	const literal = /^SELECT pg_catalog\.setval\('((?:[^']|'')*)'/.exec(statement)?.[1];
	const name = literal === undefined ? undefined : parseName(tokenize(literal.replaceAll("''", "'")), 0);
	return name && ofTable('SEQUENCE SET', name.parts);
}

/** BEGIN to COMMIT and the like, as SQL knows them in any spelling; undefined for everything else. */
function transactionControl(tokens: Token[]): StatementFacts['transaction'] {
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
function transactionEnd(tokens: Token[]): 'ends' | 'within' {
	const at = skipWords(tokens, 1, 'WORK', 'TRANSACTION');
	if (wordsAt(tokens, at, 'TO') || wordsAt(tokens, at, 'AND', 'CHAIN') || wordsAt(tokens, at, 'PREPARED'))
		return 'within';
	return 'ends';
}

/** Reads what a statement of a dump is about. */
export function describeStatement(statement: string): StatementFacts {
	const tokens = tokenize(statement);
	const transaction = transactionControl(tokens);
	if (transaction) return { kind: 'TRANSACTION', work: 'other', locks: [], transaction };
	switch (tokens[0]?.text) {
		case 'CREATE':
		case 'DROP':
			return object(tokens);
		case 'ALTER': {
			if (wordsAt(tokens, 1, 'DEFAULT', 'PRIVILEGES')) return defaultPrivileges(tokens);
			const facts = object(tokens);
			const owner = tokens[tokens.length - 1];
			return owner && wordsAt(tokens, tokens.length - 3, 'OWNER', 'TO')
				? { ...facts, role: { kind: 'owner', names: [owner.name] } }
				: facts;
		}
		case 'COMMENT':
		case 'SECURITY': {
			const on = findWord(tokens, 1, 'ON');
			return object([tokens[0], ...tokens.slice(on + 1)]);
		}
		case 'GRANT':
		case 'REVOKE':
			return privilege(tokens);
		case 'REFRESH':
			return object([tokens[0], ...tokens.slice(1)]);
		case 'SELECT':
			return setval(statement) ?? { kind: 'SELECT', work: 'other', locks: [] };
		default:
			return { kind: tokens[0]?.text ?? '', work: 'other', locks: [] };
	}
}
