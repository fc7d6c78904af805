/*
 * The statements that an archive's entry stands for, beyond its own definition: owner, large objects
 * (src/bin/pg_dump/pg_backup_archiver.c: _printTocEntry, _getObjectDescription, RestoreArchive, IssueCommandPerBlob).
 */
import { quoteIdentifier, quoteQualified } from '../../quoting';
import { splitStatements } from '../../script';
import type { TocEntry } from './toc';

/** `ALTER <type> <name> OWNER TO`. */
const OWNED_BY_NAME = new Set([
	'COLLATION',
	'CONVERSION',
	'DOMAIN',
	'FOREIGN TABLE',
	'MATERIALIZED VIEW',
	'SEQUENCE',
	'STATISTICS',
	'TABLE',
	'TEXT SEARCH DICTIONARY',
	'TEXT SEARCH CONFIGURATION',
	'TYPE',
	'VIEW',
	'PROCEDURAL LANGUAGE',
	'SCHEMA',
	'EVENT TRIGGER',
	'FOREIGN DATA WRAPPER',
	'SERVER',
	'PUBLICATION',
	'SUBSCRIPTION',
]);

/** Named with their arguments, as in their DROP. */
const OWNED_BY_DROP = new Set(['AGGREGATE', 'FUNCTION', 'OPERATOR', 'OPERATOR CLASS', 'OPERATOR FAMILY', 'PROCEDURE']);

/** The statement that gives an object its owner; undefined for what has none of its own. */
export function ownerStatement(entry: TocEntry): string | undefined {
	if (!entry.owner || !entry.drop) return undefined;
	const owner = `OWNER TO ${quoteIdentifier(entry.owner)};`;
	if (entry.type === 'BLOB METADATA') return perLargeObject(entry, 'ALTER LARGE OBJECT ', ` ${owner.slice(0, -1)}`);
	if (entry.type === 'BLOB') return `ALTER LARGE OBJECT ${entry.oid} ${owner}`;
	if (OWNED_BY_DROP.has(entry.type)) {
		return `ALTER ${entry.drop.replace(/^DROP /, '').replace(/[;\n]+$/, '')} ${owner}`;
	}
	if (!OWNED_BY_NAME.has(entry.type)) return undefined;
	return `ALTER ${entry.type} ${quoteQualified(entry.schema, entry.name)} ${owner}`;
}

/** The definition, ready to be run; undefined where there is none but a comment. */
export function definitionStatement(entry: TocEntry, byId: ReadonlyMap<number, TocEntry>): string | undefined {
	const definition = entry.definition ?? '';
	if (entry.type === 'BLOB METADATA') return perLargeObject(entry, "SELECT pg_catalog.lo_create('", "')");
	if (entry.type === 'ACL' && entry.name.startsWith('LARGE OBJECTS')) return largeObjectPrivileges(entry, byId);
	return splitStatements(definition).length > 0 ? definition.trim() : undefined;
}

/** Since 1.16 one entry stands for many large objects: its definition is the list of their oids, one a line. */
function perLargeObject(metadata: TocEntry, before: string, after: string): string {
	const oids = (metadata.definition ?? '').split('\n').filter((oid) => /^\d+$/.test(oid));
	return oids.map((oid) => `${before}${oid}${after};`).join('\n');
}

/** Its GRANTs and REVOKEs name one large object; they hold for all those of the entry that it depends on. */
function largeObjectPrivileges(entry: TocEntry, byId: ReadonlyMap<number, TocEntry>): string | undefined {
	const metadata = entry.dependencies.map((id) => byId.get(id)).find((one) => one?.type === 'BLOB METADATA');
	const definition = entry.definition ?? '';
	if (!metadata) return undefined;
	return splitStatements(definition)
		.map(({ start, end }) => /^([\s\S]*?LARGE OBJECT )\d+([\s\S]*?);?$/.exec(definition.slice(start, end)))
		.map((match) => (match ? perLargeObject(metadata, match[1]!, match[2]!) : ''))
		.join('\n');
}
