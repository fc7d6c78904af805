import type { Reading, StatementFacts } from './facts';
import { ROUTINES, signatureOf } from './routines';
import {
	findWord,
	parseName,
	type ParsedName,
	parseOperatorName,
	skipWords,
	tableKey,
	type Token,
	wordsAt,
} from './tokens';

/** Kinds of several words; the others are one word. */
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
	'FOREIGN SERVER',
	'CONSTRAINT TRIGGER',
	'PROCEDURAL LANGUAGE',
].map((kind) => kind.split(' '));

/** Words that may stand between the verb and the kind. */
const MODIFIERS = [
	'OR',
	'REPLACE',
	'UNLOGGED',
	'UNIQUE',
	'TRUSTED',
	'RECURSIVE',
	'TEMPORARY',
	'TEMP',
	'DEFAULT',
	'GLOBAL',
	'LOCAL',
];

/** Kinds whose name stands after ON: they hang on a table. */
const HANGING = new Set(['TRIGGER', 'CONSTRAINT TRIGGER', 'POLICY', 'CONSTRAINT', 'RULE']);

const RELATIONS = new Set(['TABLE', 'VIEW', 'SEQUENCE', 'MATERIALIZED VIEW', 'FOREIGN TABLE', 'COLUMN']);

/** Known by what they are for. */
const NAMELESS = new Set(['CAST', 'TRANSFORM', 'USER MAPPING']);

const IN_SCHEMA = new Set([
	'AGGREGATE',
	'COLLATION',
	'CONVERSION',
	'DOMAIN',
	'FUNCTION',
	'OPERATOR',
	'OPERATOR CLASS',
	'OPERATOR FAMILY',
	'PROCEDURE',
	'ROUTINE',
	'STATISTICS',
	'TEXT SEARCH CONFIGURATION',
	'TEXT SEARCH DICTIONARY',
	'TEXT SEARCH PARSER',
	'TEXT SEARCH TEMPLATE',
	'TYPE',
]);

function readKind(tokens: readonly Token[], from: number): { kind: string; at: number } {
	const at = skipWords(tokens, from, ...MODIFIERS);
	const long = KINDS.find((words) => wordsAt(tokens, at, ...words));
	if (long) return { kind: long.join(' '), at: at + long.length };
	return { kind: tokens[at]?.text ?? '', at: at + 1 };
}

/** The name at a position, past `IF EXISTS` and `ONLY`. */
function nameAt(tokens: readonly Token[], at: number, kind?: string): ParsedName | undefined {
	const start = skipWords(tokens, at, 'IF', 'NOT', 'EXISTS', 'ONLY', 'CONCURRENTLY');
	return kind === 'OPERATOR' ? parseOperatorName(tokens, start) : parseName(tokens, start);
}

function keyOf(parts: string[], schema: string): string {
	const [first = '', second] = parts;
	return second === undefined ? tableKey(schema, first) : tableKey(first, second);
}

function schemaOf(parts: string[], schema: string): string | undefined {
	return parts.length > 1 ? parts[0] : schema || undefined;
}

/** The table of a column: its name without the last part. */
const withoutColumn = (parts: string[]): string[] => parts.slice(0, -1);

/** Facts of what belongs to a table (view, sequence) of that name. */
export function ofTable({ verb, schema }: Reading, kind: string, parts: string[]): StatementFacts {
	const table = keyOf(parts, schema);
	return { verb, kind, schema: schemaOf(parts, schema), name: parts.at(-1), table, work: 'other', locks: [] };
}

/** Rows, by INSERT or by COPY. */
export function describeRows(reading: Reading): StatementFacts {
	const { tokens, verb } = reading;
	const name = parseName(tokens, skipWords(tokens, 1, 'INTO', 'ONLY', 'BINARY'));
	return name ? ofTable(reading, verb, name.parts) : { verb, kind: verb, work: 'other', locks: [] };
}

/** What hangs on the table after ON (rules: after TO). A domain may have constraints, too. */
function hanging(kind: string, reading: Reading, from: number): StatementFacts | undefined {
	const { tokens, verb, schema } = reading;
	let at = findWord(tokens, from, 'ON');
	if (kind === 'RULE' && at >= 0) at = Math.max(findWord(tokens, at, 'TO'), at);
	const ofDomain = kind === 'CONSTRAINT' && wordsAt(tokens, at + 1, 'DOMAIN');
	const name = at < 0 ? undefined : nameAt(tokens, at + (ofDomain ? 2 : 1));
	if (!name) return undefined;
	const own = nameAt(tokens, from)?.parts[0];
	if (ofDomain) return { verb, kind, schema: schemaOf(name.parts, schema), work: 'other', locks: [] };
	return { ...ofTable(reading, kind, name.parts), name: own };
}

/** `DROP CONSTRAINT`, `DETACH PARTITION`, `ALTER COLUMN c DROP DEFAULT`: as pg_dump --clean makes room. */
function isDrop(tokens: readonly Token[], action: number): boolean {
	if (wordsAt(tokens, action, 'DROP') || wordsAt(tokens, action, 'DETACH', 'PARTITION')) return true;
	return wordsAt(tokens, action, 'ALTER', 'COLUMN') && wordsAt(tokens, action + 3, 'DROP', 'DEFAULT');
}

function alterTable(kind: string, reading: Reading, at: number): StatementFacts | undefined {
	const { tokens, schema } = reading;
	const name = nameAt(tokens, at);
	if (!name) return undefined;
	const facts = ofTable(reading, kind, name.parts);
	const action = name.end;
	if (isDrop(tokens, action)) return { ...facts, drops: true };
	const identity = identitySequence(reading, action);
	if (identity) return { ...facts, ownedSequence: identity };
	if (wordsAt(tokens, action, 'ATTACH', 'PARTITION')) return { ...facts, attached: attachedName(reading, action) };
	if (!wordsAt(tokens, action, 'ADD', 'CONSTRAINT')) return facts;
	return { ...facts, ...addConstraint(tokens, action, facts, schema) };
}

function addConstraint(
	tokens: readonly Token[],
	action: number,
	{ table = '', schema: ofTheTable = '' }: StatementFacts,
	schema: string,
): Partial<StatementFacts> {
	const own = { table, shared: false };
	const type = tokens[action + 3]?.text;
	const name = tokens[action + 2]?.name ?? '';
	if (type === 'PRIMARY' || type === 'UNIQUE' || type === 'EXCLUDE')
		return { kind: 'CONSTRAINT', name, index: tableKey(ofTheTable, name), work: 'index', locks: [own] };
	if (type !== 'FOREIGN') return { kind: type === 'CHECK' ? 'CHECK CONSTRAINT' : 'CONSTRAINT', name };
	const references = findWord(tokens, action, 'REFERENCES');
	const other = references < 0 ? undefined : parseName(tokens, references + 1);
	const locks = other && [own, { table: keyOf(other.parts, schema), shared: false }];
	return { kind: 'FK CONSTRAINT', name, ...(locks && { work: 'foreign-key', locks }) };
}

/** `ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME public.t_id_seq ...)`. */
function identitySequence({ tokens, schema }: Reading, action: number): string | undefined {
	if (!wordsAt(tokens, action, 'ALTER', 'COLUMN') || !wordsAt(tokens, action + 3, 'ADD', 'GENERATED')) return undefined;
	const at = tokens.findIndex((_, index) => index > action && wordsAt(tokens, index, 'SEQUENCE', 'NAME'));
	const name = at < 0 ? undefined : parseName(tokens, at + 2);
	return name && keyOf(name.parts, schema);
}

function attachedName({ tokens, schema }: Reading, at: number): string | undefined {
	const name = parseName(tokens, at + 2);
	return name && keyOf(name.parts, schema);
}

/** An index lies in the schema of its table. */
function createIndex(reading: Reading, at: number): StatementFacts | undefined {
	const facts = hanging('INDEX', reading, at);
	const name = nameAt(reading.tokens, at)?.parts[0] ?? '';
	return (
		facts && {
			...facts,
			name,
			index: tableKey(facts.schema ?? '', name),
			work: 'index',
			locks: [{ table: facts.table as string, shared: true }],
		}
	);
}

function otherIndex(reading: Reading, { parts, end }: ParsedName): StatementFacts {
	const { tokens, schema, verb } = reading;
	const attached = wordsAt(tokens, end, 'ATTACH', 'PARTITION') ? attachedName(reading, end) : undefined;
	const [index, inSchema] = [keyOf(parts, schema), schemaOf(parts, schema)];
	return { verb, kind: 'INDEX', schema: inSchema, index, attached, work: 'other', locks: [] };
}

/** Statistics objects are named in a schema, as indexes are; only the statement that makes one names its table. */
function statistics(reading: Reading, { parts, end }: ParsedName): StatementFacts {
	const { tokens, schema, verb } = reading;
	const from = verb === 'CREATE' ? findWord(tokens, end, 'FROM') : -1;
	const table = from < 0 ? undefined : parseName(tokens, from + 1);
	const own: StatementFacts = { verb, kind: 'STATISTICS', schema: schemaOf(parts, schema), work: 'other', locks: [] };
	return {
		...(table ? ofTable(reading, 'STATISTICS', table.parts) : own),
		name: parts.at(-1),
		index: keyOf(parts, schema),
	};
}

function extension({ tokens, verb }: Reading, { parts, end }: ParsedName): StatementFacts {
	const schema = findWord(tokens, end, 'SCHEMA');
	return {
		verb,
		kind: 'EXTENSION',
		work: 'other',
		locks: [],
		name: parts[0],
		extension: parts[0],
		extensionSchema: schema < 0 ? undefined : tokens[schema + 1]?.name,
	};
}

function ownedBy(facts: StatementFacts, { tokens, schema }: Reading): StatementFacts {
	const at = findWord(tokens, 0, 'OWNED');
	const owner = at >= 0 && wordsAt(tokens, at, 'OWNED', 'BY') ? parseName(tokens, at + 2) : undefined;
	if (!owner || owner.parts.length < 2) return facts;
	return { ...facts, ownedSequence: facts.table, table: keyOf(withoutColumn(owner.parts), schema) };
}

/**
 * What is made, changed or dropped. The first token is a word before the object's kind: the verb, or ON.
 */
export function describeObject(reading: Reading): StatementFacts {
	const facts = withoutDrop(reading);
	return reading.verb === 'DROP' ? { ...facts, drops: true } : facts;
}

function withoutDrop(reading: Reading): StatementFacts {
	const { tokens, verb, schema } = reading;
	const { kind, at } = readKind(tokens, 1);
	const fallback: StatementFacts = { verb, kind, work: 'other', locks: [] };
	if (kind === 'INDEX' && verb === 'CREATE') return createIndex(reading, at) ?? fallback;
	if (HANGING.has(kind)) return hanging(kind, reading, at) ?? fallback;
	if ((kind === 'TABLE' || kind === 'FOREIGN TABLE') && verb === 'ALTER')
		return alterTable(kind, reading, at) ?? fallback;
	const name = NAMELESS.has(kind) ? undefined : nameAt(tokens, at, kind);
	if (!name) return fallback;
	if (kind === 'EXTENSION') return extension(reading, name);
	if (kind === 'INDEX') return otherIndex(reading, name);
	if (kind === 'STATISTICS') return statistics(reading, name);
	const own = name.parts.at(-1);
	const isDropOfConstraint = kind === 'DOMAIN' && verb === 'ALTER' && wordsAt(tokens, name.end, 'DROP', 'CONSTRAINT');
	if (isDropOfConstraint) return { ...fallback, name: own, schema: schemaOf(name.parts, schema), drops: true };
	if (kind === 'SCHEMA') return { ...fallback, name: own, schema: own };
	if (kind === 'COLUMN') return ofTable(reading, kind, withoutColumn(name.parts));
	if (!RELATIONS.has(kind)) {
		const signature = ROUTINES.has(kind) ? signatureOf(tokens, name.end) : undefined;
		const inSchema = IN_SCHEMA.has(kind) && { schema: schemaOf(name.parts, schema) };
		return { ...fallback, name: own, ...(signature !== undefined && { signature }), ...inSchema };
	}
	const facts = ofTable(reading, kind, name.parts);
	if (kind === 'SEQUENCE') return ownedBy(facts, reading);
	if (kind === 'VIEW' && verb === 'CREATE' && wordsAt(tokens, 1, 'OR', 'REPLACE')) return { ...facts, replaces: true };
	if (kind !== 'TABLE' || verb !== 'CREATE') return facts;
	const partitioned = tokens.some((_, index) => index > name.end && wordsAt(tokens, index, 'PARTITION', 'BY'));
	return {
		...facts,
		...(!partitioned && findWord(tokens, name.end, 'AS') < 0 && { holdsRows: true }),
		...(wordsAt(tokens, name.end, 'PARTITION', 'OF') && { partitionOf: attachedName(reading, name.end) }),
	};
}
