import type { Toc } from './toc';

/** A row of a dump's listing. */
export interface DumpObject {
	/** The id of the entry in a custom-format archive; the number of the line in a plain script. */
	id: number;
	/** As pg_dump calls it: `TABLE`, `FK CONSTRAINT`, ... */
	type: string;
	/** The database that the object is in, where a plain script says so. */
	database?: string;
	schema: string | null;
	name: string;
	owner: string | null;
	/** Whether the dump holds its rows. */
	hasData: boolean;
	/** Number of rows, where it can be counted without a restore. */
	rows?: number;
}

/** Entries that describe another one: they are no objects of their own. */
const PARTS = new Set([
	'ENCODING',
	'STDSTRINGS',
	'SEARCHPATH',
	'TABLE DATA',
	'MATERIALIZED VIEW DATA',
	'SEQUENCE SET',
	'SEQUENCE OWNED BY',
	'TABLE ATTACH',
	'INDEX ATTACH',
	'ACL',
	'COMMENT',
	'SECURITY LABEL',
	'STATISTICS DATA',
	'BLOB METADATA',
]);

/** The objects of an archive, in its order. Large objects are one row of type BLOBS. */
export function listObjects(toc: Toc): DumpObject[] {
	const withData = new Set(toc.entries.filter((entry) => entry.hasData).flatMap((entry) => entry.dependencies));
	const listed = new Set(toc.entries.map((entry) => entry.id));
	return toc.entries
		.filter((entry) => {
			// In a dump of data alone the rows' entries stand for their tables.
			if (entry.type === 'TABLE DATA') return !entry.dependencies.some((id) => listed.has(id));
			return !PARTS.has(entry.type) && entry.type !== 'BLOB';
		})
		.map((entry) => ({
			id: entry.id,
			type: entry.type === 'TABLE DATA' ? 'TABLE' : entry.type,
			schema: entry.schema,
			name: entry.name,
			owner: entry.owner || null,
			hasData: entry.hasData || withData.has(entry.id),
		}));
}
