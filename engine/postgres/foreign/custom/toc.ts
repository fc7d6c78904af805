/*
 * The table of contents of pg_dump's custom format (src/bin/pg_dump/pg_backup_archiver.c: ReadToc).
 */
import { decodingFor, type TextDecoding } from '../../script';
import type { ArchiveHeader, ArchiveReader } from './header';

export type Section = 'none' | 'pre-data' | 'data' | 'post-data';

/** One object of the archive, or one part of an object. Strings are null where pg_dump had none. */
export interface TocEntry {
	/** pg_dump's own number for it, which `dependencies` and the data blocks refer to. */
	id: number;
	/** Whether a data block belongs to it. */
	hasData: boolean;
	catalogOid: number;
	oid: number;
	/** pg_dump's tag: the object's name, for some types with more (`orders orders_pkey`, `f(integer)`). */
	name: string;
	/** pg_dump's description: `TABLE`, `TABLE DATA`, `FK CONSTRAINT`, ... */
	type: string;
	section: Section;
	definition: string | null;
	drop: string | null;
	copy: string | null;
	schema: string | null;
	/** Empty means the database's default. */
	tablespace: string | null;
	accessMethod: string | null;
	/** pg_class.relkind as a character code; 0 where not known (before 1.16). */
	relationKind: number;
	owner: string | null;
	dependencies: number[];
}

export interface Toc extends ArchiveHeader {
	entries: TocEntry[];
	/** The encoding of all strings in the archive and of its rows. */
	decoding: TextDecoding;
	standardStrings: boolean;
	/** The statement that sets the search path; null in archives older than the 2018 minor releases. */
	searchPath: string | null;
}

const SECTIONS: readonly Section[] = ['none', 'pre-data', 'data', 'post-data'];
/**
 * More than any database's definitions, and less than what would exhaust the memory: it is kept whole, and may come out of a
 * few kilobytes of gzip. Each entry counts for what it takes beside its texts, too.
 */
const MAX_TOC_BYTES = 256 * 1024 * 1024;
const ENTRY_BYTES = 512;

/**
 * @throws BackupError ARCHIVE_CORRUPT, ARCHIVE_INCOMPLETE; INVALID_INPUT for an encoding that cannot be read, and for more
 * than can be kept in memory
 */
export async function readEntries(reader: ArchiveReader, header: ArchiveHeader): Promise<Toc> {
	reader.bytes.context = 'its table of contents';
	const count = await reader.int();
	if (count < 0) throw reader.damaged(`it claims to have ${count} entries`);
	const toc: Toc = {
		...header,
		entries: [],
		decoding: decodingFor('UTF8'),
		standardStrings: false,
		searchPath: null,
	};
	const start = reader.bytes.position;
	reader.bytes.limit = start + MAX_TOC_BYTES;
	const seen = new Set<number>();
	for (let index = 0; index < count; index++) {
		reader.bytes.context = `entry ${index + 1} of ${count} of its table of contents`;
		const entry = await readEntry(reader, toc.decoding);
		if (entry.id <= 0 || seen.has(entry.id)) throw reader.damaged(`the id ${entry.id} is not possible`);
		seen.add(entry.id);
		toc.entries.push(entry);
		applySpecialEntry(toc, entry);
		reader.bytes.limit = start + MAX_TOC_BYTES - toc.entries.length * ENTRY_BYTES;
	}
	reader.bytes.limit = Infinity;
	return toc;
}

async function readEntry(reader: ArchiveReader, decoding: TextDecoding): Promise<TocEntry> {
	const text = async () => {
		const bytes = await reader.stringBytes();
		return bytes && decoding.decode(bytes);
	};
	const required = async () => (await text()) ?? '';
	const id = await reader.int();
	const hadDumper = (await reader.int()) !== 0;
	const [catalogOid, oid] = [Number(await required()), Number(await required())];
	const [name, type] = [await required(), await required()];
	const section = SECTIONS[(await reader.int()) - 1];
	if (section === undefined) throw reader.damaged('its section is unknown');
	const [definition, drop, copy] = [await text(), await text(), await text()];
	const [schema, tablespace] = [await text(), await text()];
	const accessMethod = reader.minor >= 14 ? await text() : null;
	const relationKind = reader.minor >= 16 ? await reader.int() : 0;
	const owner = await text();
	await text(); // WITH OIDS: no server since PostgreSQL 12 has them.
	const dependencies = await readDependencies(reader);
	const hasData = await reader.hasData();
	return {
		id,
		hasData: hadDumper && hasData,
		catalogOid,
		oid,
		name,
		type,
		section,
		definition,
		drop,
		copy,
		schema: schema === '' ? null : schema,
		tablespace,
		accessMethod,
		relationKind,
		owner,
		dependencies,
	};
}

/** Numbers written as strings, up to a null. */
async function readDependencies(reader: ArchiveReader): Promise<number[]> {
	const dependencies: number[] = [];
	for (;;) {
		const bytes = await reader.stringBytes();
		if (bytes === null) return dependencies;
		const id = Number(bytes.toString('latin1'));
		if (!Number.isSafeInteger(id)) throw reader.damaged('a dependency is not a number');
		dependencies.push(id);
	}
}

/** Three entries at the beginning say how to read all others. */
function applySpecialEntry(toc: Toc, entry: TocEntry): void {
	const value = /'([^']*)'/.exec(entry.definition ?? '')?.[1];
	if (entry.type === 'ENCODING' && value !== undefined) toc.decoding = decodingFor(value);
	else if (entry.type === 'STDSTRINGS') toc.standardStrings = value === 'on';
	else if (entry.type === 'SEARCHPATH') toc.searchPath = entry.definition;
}
