/*
 * Which entries of an archive a restore takes, and which part of each: the rules of pg_restore
 * (src/bin/pg_dump/pg_backup_archiver.c: _tocEntryRequired).
 */
import type { TocEntry } from './toc';

/** What of an entry there is to be restored; neither: nothing. */
export interface Parts {
	definition: boolean;
	data: boolean;
}

const ATTACHED_TYPES = new Set(['ACL', 'COMMENT', 'SECURITY LABEL']);
const ACL_TYPES = new Set(['ACL', 'ACL LANGUAGE', 'DEFAULT ACL']);

/** Entries that say how to read the others, or set pg_restore's own connection up. */
const SPECIAL = new Set(['ENCODING', 'STDSTRINGS', 'SEARCHPATH', '<Init>']);

export function isAcl(entry: TocEntry): boolean {
	return ACL_TYPES.has(entry.type);
}

/** True for entries about the database as a whole, which the caller creates: pg_restore takes these with --create only. */
export function isOfDatabase({ name, type }: TocEntry): boolean {
	if (type === 'DATABASE' || type === 'DATABASE PROPERTIES') return true;
	return ATTACHED_TYPES.has(type) && name.startsWith('DATABASE ');
}

/** What an entry holds: a definition, data, or both. */
export function partsOf(entry: TocEntry): Parts {
	if (SPECIAL.has(entry.type) || isOfDatabase(entry)) return { definition: false, data: false };
	return {
		definition: !!entry.definition && !entry.definition.startsWith('-- load via partition root '),
		data: entry.hasData,
	};
}
