/*
 * Which entries of an archive a restore takes, and which part of each: the rules of pg_restore
 * (src/bin/pg_dump/pg_backup_archiver.c: _tocEntryRequired), and for tables, if asked for, all that belongs to them.
 */
import type { Toc, TocEntry } from './toc';

export interface TableName {
	/** Any schema where it is left out. */
	schema?: string;
	name: string;
}

export interface Selection {
	/** Only objects in these schemas. */
	schemas?: string[];
	/** Only these tables (views, materialized views, sequences, foreign tables). */
	tables?: TableName[];
	/**
	 * With `tables`: their indexes, constraints, defaults, sequences, triggers, rules, policies and statistics too. What
	 * refers to a table that is not restored is left out. Without it, as `pg_restore --table`: tables and their rows.
	 */
	withDependents?: boolean;
	/** Tables to leave out, with their rows and all that belongs to them. */
	excludeTables?: TableName[];
	schemaOnly?: boolean;
	dataOnly?: boolean;
	noPrivileges?: boolean;
}

/** Which part of an entry is wanted; neither: the entry is left out. */
export interface Wanted {
	schema: boolean;
	data: boolean;
}

const NOTHING: Wanted = { schema: false, data: false };

const TABLE_TYPES = new Set([
	'TABLE',
	'TABLE DATA',
	'VIEW',
	'FOREIGN TABLE',
	'MATERIALIZED VIEW',
	'MATERIALIZED VIEW DATA',
	'SEQUENCE',
	'SEQUENCE SET',
]);

/** What belongs to a table and comes with it. */
const DEPENDENT_TYPES = new Set([
	'TABLE DATA',
	'MATERIALIZED VIEW DATA',
	'SEQUENCE',
	'SEQUENCE SET',
	'SEQUENCE OWNED BY',
	'DEFAULT',
	'CONSTRAINT',
	'CHECK CONSTRAINT',
	'FK CONSTRAINT',
	'INDEX',
	'INDEX ATTACH',
	'TABLE ATTACH',
	'STATISTICS',
	'STATISTICS DATA',
	'RULE',
	'TRIGGER',
	'ROW SECURITY',
	'POLICY',
]);

/** Relations: an entry that belongs to several of them needs them all. */
const RELATION_TYPES = new Set(['TABLE', 'FOREIGN TABLE', 'VIEW', 'MATERIALIZED VIEW', 'SEQUENCE', 'INDEX']);

const ATTACHED_TYPES = new Set(['ACL', 'COMMENT', 'SECURITY LABEL']);
const ACL_TYPES = new Set(['ACL', 'ACL LANGUAGE', 'DEFAULT ACL']);

export function isAcl(entry: TocEntry): boolean {
	return ACL_TYPES.has(entry.type);
}

/** What a restore wants of each entry. The special entries (ENCODING, STDSTRINGS, SEARCHPATH) are never in it. */
export function selectEntries(toc: Toc, selection: Selection): Map<TocEntry, Wanted> {
	const byId = new Map(toc.entries.map((entry) => [entry.id, entry]));
	const chosen = choose(toc, byId, selection);
	const wanted = new Map<TocEntry, Wanted>();
	for (const entry of toc.entries) {
		let parts = isOutside(entry, selection) ? NOTHING : partsOf(entry);
		if (chosen && ATTACHED_TYPES.has(entry.type)) {
			const parents = entry.dependencies.map((id) => byId.get(id)).filter((parent) => parent && parent.type !== 'ACL');
			if (!parents.some((parent) => wanted.has(parent!))) parts = NOTHING;
		} else if (chosen && !chosen.has(entry)) parts = NOTHING;
		if (selection.schemaOnly) parts = { ...parts, data: false };
		if (selection.dataOnly) parts = { ...parts, schema: false };
		if (parts.schema || parts.data) wanted.set(entry, parts);
	}
	return wanted;
}

/** Entries that no selection of objects brings in. The database itself is the caller's to create. */
function isOutside(entry: TocEntry, selection: Selection): boolean {
	if (['ENCODING', 'STDSTRINGS', 'SEARCHPATH', 'DATABASE', 'DATABASE PROPERTIES', '<Init>'].includes(entry.type))
		return true;
	if (ATTACHED_TYPES.has(entry.type) && entry.name.startsWith('DATABASE ')) return true;
	return selection.noPrivileges === true && isAcl(entry);
}

/** What an entry holds: a definition, data, or both. */
function partsOf(entry: TocEntry): Wanted {
	const schema = !!entry.definition && !entry.definition.startsWith('-- load via partition root ');
	if (entry.hasData) return { schema, data: true };
	// Statements without a block that count as data.
	const ofLargeObject = ATTACHED_TYPES.has(entry.type) && entry.name.startsWith('LARGE OBJECT');
	const isData = ofLargeObject || ['SEQUENCE SET', 'BLOB', 'BLOB METADATA', 'STATISTICS DATA'].includes(entry.type);
	return { schema: schema && !isData, data: isData };
}

/** The entries that the selection of schemas and tables names; undefined when it selects nothing: all of them. */
function choose(toc: Toc, byId: Map<number, TocEntry>, selection: Selection): Set<TocEntry> | undefined {
	const { schemas, tables, excludeTables } = selection;
	if (!schemas && !tables && !excludeTables?.length) return undefined;
	let chosen = new Set(
		toc.entries.filter(
			(entry) =>
				(!schemas || (entry.schema !== null && schemas.includes(entry.schema))) &&
				(!tables || (TABLE_TYPES.has(entry.type) && isNamed(entry, tables))),
		),
	);
	if (tables && selection.withDependents) addDependents(toc, byId, chosen);
	if (excludeTables) chosen = withoutTables(toc, byId, chosen, excludeTables);
	return chosen;
}

function isNamed(entry: TocEntry, tables: TableName[]): boolean {
	return tables.some(({ schema, name }) => entry.name === name && (schema === undefined || entry.schema === schema));
}

/** Adds what belongs to the chosen tables, and the sequences that their columns take values from. */
function addDependents(toc: Toc, byId: Map<number, TocEntry>, chosen: Set<TocEntry>): void {
	const relationsOf = (entry: TocEntry) =>
		entry.dependencies
			.map((id) => byId.get(id))
			.filter((one): one is TocEntry => !!one && RELATION_TYPES.has(one.type));
	for (let before = -1; before < chosen.size;) {
		before = chosen.size;
		for (const entry of toc.entries) {
			const relations = relationsOf(entry);
			if (chosen.has(entry)) {
				if (entry.type === 'TABLE') for (const one of relations) if (one.type === 'SEQUENCE') chosen.add(one);
			} else if (DEPENDENT_TYPES.has(entry.type)) {
				const others = entry.type === 'DEFAULT' ? relations.filter((one) => one.type !== 'SEQUENCE') : relations;
				if (others.length === 0 || !others.every((one) => chosen.has(one))) continue;
				chosen.add(entry);
				for (const one of relations) chosen.add(one);
			}
		}
	}
}

/** Leaves out the named tables, and whatever belongs to them. */
function withoutTables(
	toc: Toc,
	byId: Map<number, TocEntry>,
	chosen: Set<TocEntry>,
	tables: TableName[],
): Set<TocEntry> {
	const excluded = new Set(toc.entries.filter((entry) => TABLE_TYPES.has(entry.type) && isNamed(entry, tables)));
	for (let before = -1; before < excluded.size;) {
		before = excluded.size;
		for (const entry of toc.entries) {
			if (!DEPENDENT_TYPES.has(entry.type)) continue;
			if (entry.dependencies.some((id) => excluded.has(byId.get(id)!))) excluded.add(entry);
		}
	}
	return new Set([...chosen].filter((entry) => !excluded.has(entry)));
}
