/*
 * What a statement of a plain dump is about. Read from the statement itself, never from the comment before it, which
 * can be forged. Only the shapes that pg_dump writes are known; anything else is simply not listed.
 */
import { IDENTIFIER, parseQualifiedName, QUALIFIED } from '../script/identifiers';

export type Description =
	| { what: 'create'; type: string; schema: string | null; name: string; unqualified: boolean }
	| { what: 'owner'; type: string; schema: string | null; name: string; owner: string }
	| { what: 'insert'; schema: string | null; name: string }
	| { what: 'searchPath'; schema: string | null };

/** Types whose names are found in a schema. */
const IN_SCHEMA = [
	'TABLE',
	'FOREIGN TABLE',
	'VIEW',
	'MATERIALIZED VIEW',
	'SEQUENCE',
	'INDEX',
	'FUNCTION',
	'PROCEDURE',
	'AGGREGATE',
	'TYPE',
	'DOMAIN',
	'COLLATION',
	'CONVERSION',
	'STATISTICS',
	'TEXT SEARCH CONFIGURATION',
	'TEXT SEARCH DICTIONARY',
	'TEXT SEARCH PARSER',
	'TEXT SEARCH TEMPLATE',
];
const ELSEWHERE = [
	'SCHEMA',
	'EXTENSION',
	'EVENT TRIGGER',
	'PUBLICATION',
	'SUBSCRIPTION',
	'SERVER',
	'FOREIGN DATA WRAPPER',
];
const ON_TABLE = ['TRIGGER', 'RULE', 'POLICY'];

const alternatives = (types: string[]) =>
	[...types]
		.sort((a, b) => b.length - a.length)
		.join('|')
		.replaceAll(' ', '\\s+');
const insensitive = (pattern: string) => new RegExp(pattern, 'i');

const CREATE = insensitive(
	`^create\\s+(?:or\\s+replace\\s+)?(?:unlogged\\s+|unique\\s+|recursive\\s+|constraint\\s+|trusted\\s+)*` +
		`(${alternatives([...IN_SCHEMA, ...ELSEWHERE, ...ON_TABLE])})\\s+(?:concurrently\\s+)?(?:if\\s+not\\s+exists\\s+)?(${QUALIFIED})`,
);
const TARGET = insensitive(`\\son\\s+(?:only\\s+)?(${QUALIFIED})`);
const RULE_TARGET = insensitive(`\\son\\s+(?:select|insert|update|delete)\\s+to\\s+(${QUALIFIED})`);
const CONSTRAINT = insensitive(
	`^alter\\s+table\\s+(?:only\\s+)?(${QUALIFIED})\\s+add\\s+constraint\\s+(${IDENTIFIER})\\s+(foreign|check)?`,
);
const OWNER = insensitive(
	`^alter\\s+(${alternatives([...IN_SCHEMA, ...ELSEWHERE])})\\s+(?:only\\s+)?(${QUALIFIED})\\s*(?:\\([^;]*\\))?\\s+owner\\s+to\\s+(${IDENTIFIER})$`,
);
const INSERT = insensitive(`^insert\\s+into\\s+(${QUALIFIED})`);
const SEARCH_PATH = insensitive(`^set\\s+search_path\\s*(?:=|to)\\s*(${IDENTIFIER}|'')`);
const SEARCH_PATH_CALL = /^select\s+(?:pg_catalog\.)?set_config\('search_path',\s*'([^']*)'/i;
export const COPY = insensitive(`^copy\\s+(?:binary\\s+)?(${QUALIFIED})`);

/** Everything that counts stands at the beginning. */
const HEAD = 2000;

/** What a statement creates or fills; undefined for all others. */
export function describeStatement(text: string): Description | undefined {
	const head = text.length > HEAD ? text.slice(0, HEAD) : text;
	switch (head.slice(0, 3).toLowerCase()) {
		case 'cre':
			return describeCreate(head);
		case 'alt':
			return describeAlter(head);
		case 'ins': {
			const match = INSERT.exec(head);
			return match ? { what: 'insert', ...parseQualifiedName(match[1]!) } : undefined;
		}
		case 'set': {
			const path = SEARCH_PATH.exec(head)?.[1];
			if (path === undefined) return undefined;
			return { what: 'searchPath', schema: path === "''" ? null : parseQualifiedName(path).name };
		}
		case 'sel': {
			const path = SEARCH_PATH_CALL.exec(head)?.[1];
			return path === undefined
				? undefined
				: { what: 'searchPath', schema: path === '' ? null : parseQualifiedName(path).name };
		}
		default:
			return undefined;
	}
}

function describeCreate(head: string): Description | undefined {
	const match = CREATE.exec(head);
	if (!match) return undefined;
	const type = match[1]!.toUpperCase().replace(/\s+/g, ' ');
	const own = parseQualifiedName(match[2]!);
	if (ELSEWHERE.includes(type)) return { what: 'create', type, schema: null, name: own.name, unqualified: false };
	if (!ON_TABLE.includes(type) && type !== 'INDEX') {
		return { what: 'create', type, ...own, unqualified: own.schema === null };
	}
	// Indexes live in their table's schema, and so does everything else on a table; pg_dump names those "table name".
	const on = (type === 'RULE' ? RULE_TARGET : TARGET).exec(head.slice(match[0].length));
	const table = on ? parseQualifiedName(on[1]!) : { schema: null, name: '' };
	const name = type === 'INDEX' ? own.name : `${table.name} ${own.name}`;
	return { what: 'create', type, schema: table.schema, name, unqualified: table.schema === null };
}

function describeAlter(head: string): Description | undefined {
	const constraint = CONSTRAINT.exec(head);
	if (constraint) {
		const table = parseQualifiedName(constraint[1]!);
		return {
			what: 'create',
			type: { foreign: 'FK CONSTRAINT', check: 'CHECK CONSTRAINT' }[constraint[3]?.toLowerCase() ?? ''] ?? 'CONSTRAINT',
			schema: table.schema,
			name: `${table.name} ${parseQualifiedName(constraint[2]!).name}`,
			unqualified: table.schema === null,
		};
	}
	const owner = OWNER.exec(head);
	if (!owner) return undefined;
	const type = owner[1]!.toUpperCase().replace(/\s+/g, ' ');
	return { what: 'owner', type, ...parseQualifiedName(owner[2]!), owner: parseQualifiedName(owner[3]!).name };
}
