/*
 * The statements that an archive's entry stands for, beyond its own definition: owner, drop, large objects
 * (src/bin/pg_dump/pg_backup_archiver.c: _printTocEntry, _getObjectDescription, RestoreArchive, IssueCommandPerBlob).
 */
import { splitStatements } from '../../script';
import type { TocEntry } from './toc';

export function quoteName(name: string): string {
	return `"${name.replaceAll('"', '""')}"`;
}

export function quoteQualified(schema: string | null, name: string): string {
	return schema === null ? quoteName(name) : `${quoteName(schema)}.${quoteName(name)}`;
}

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

const CONSTRAINT_TYPES = new Set(['CONSTRAINT', 'CHECK CONSTRAINT', 'FK CONSTRAINT']);

/** The statement that gives an object its owner; undefined for what has none of its own. */
export function ownerStatement(entry: TocEntry): string | undefined {
	if (!entry.owner || !entry.drop) return undefined;
	const owner = `OWNER TO ${quoteName(entry.owner)};`;
	if (entry.type === 'BLOB METADATA') return perLargeObject(entry, 'ALTER LARGE OBJECT ', ` ${owner.slice(0, -1)}`);
	if (entry.type === 'BLOB') return `ALTER LARGE OBJECT ${entry.oid} ${owner}`;
	if (OWNED_BY_DROP.has(entry.type)) {
		return `ALTER ${entry.drop.replace(/^DROP /, '').replace(/[;\n]+$/, '')} ${owner}`;
	}
	if (!OWNED_BY_NAME.has(entry.type)) return undefined;
	return `ALTER ${entry.type} ${quoteQualified(entry.schema, entry.name)} ${owner}`;
}

/** The definition, ready to be run; undefined where there is none but a comment. */
export function definitionStatement(
	entry: TocEntry,
	noOwner: boolean,
	byId: ReadonlyMap<number, TocEntry>,
): string | undefined {
	const definition = entry.definition ?? '';
	// Old versions of pg_dump named the owner in CREATE SCHEMA ... AUTHORIZATION.
	if (entry.type === 'SCHEMA' && noOwner && !definition.startsWith('--')) {
		return `CREATE SCHEMA ${quoteName(entry.name)};`;
	}
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

/** The statement that drops an object, with IF EXISTS where it can be had; undefined where there is none. */
export function dropStatement(entry: TocEntry, ifExists: boolean): string | undefined {
	const drop = (entry.drop ?? '').trim();
	if (entry.type === 'BLOB METADATA') {
		if (!ifExists) return perLargeObject(entry, "SELECT pg_catalog.lo_unlink('", "')");
		return perLargeObject(entry, `${UNLINK_IF_EXISTS}'`, "'");
	}
	if (splitStatements(drop).length === 0) return undefined;
	if (!ifExists) return drop;
	if (entry.type === 'BLOB') return `${UNLINK_IF_EXISTS}'${entry.oid}';`;
	const statement = drop.replace(/^ALTER TABLE/, 'ALTER TABLE IF EXISTS');
	// A default cannot be dropped conditionally, and a view with a circular definition is replaced by a stand-in.
	if (entry.type === 'DEFAULT' || statement.startsWith('CREATE OR REPLACE VIEW')) return statement;
	const words = CONSTRAINT_TYPES.has(entry.type) ? 'DROP CONSTRAINT' : `DROP ${entry.type}`;
	const at = statement.indexOf(words);
	if (at < 0) return statement;
	return `${statement.slice(0, at + words.length)} IF EXISTS${statement.slice(at + words.length)}`;
}

const UNLINK_IF_EXISTS = 'SELECT pg_catalog.lo_unlink(oid) FROM pg_catalog.pg_largeobject_metadata WHERE oid = ';
