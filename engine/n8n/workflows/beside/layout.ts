/**
 * What lies beside the workflows in a tar of ours, and where: no import of n8n takes it for workflows.
 *
 * - `beside/tags.json`, `variables.json`, `projects.json`, `folders.json`: lists, as the API gives them
 * - `beside/data-tables/<id>/rows-000001.jsonl`, ...: rows of a data table in the order of their ids, one a line
 * - `beside/data-tables/<id>/table.json`: what the table is called, its columns and how many rows it has. It comes behind the rows:
 *   rows without it are of a table that was deleted while it was read, and nobody takes them for one.
 */
import type { JsonObject } from '../workflow';

export const BESIDE = 'beside/';
const TABLES = `${BESIDE}data-tables/`;

/** Lists that are kept whole. */
export const LISTS = ['tags', 'variables', 'projects', 'folders'] as const;
export type ListName = (typeof LISTS)[number];

/** Entries of one list that are kept; n8n has no limit. */
export const MOST_ENTRIES = 100_000;
/** Bytes of one list as JSON. */
export const MOST_LIST_BYTES = 64 * 1024 * 1024;
/** Bytes of rows after which the next file begins. */
export const ROWS_FILE_BYTES = 4 * 1024 * 1024;
/** Bytes that a file of rows may have: those, and one row as large as the API gives them. */
export const MOST_ROWS_BYTES = 104 * 1024 * 1024;

/** A data table. */
export interface TableFacts {
	id: string;
	name: string;
	/** In the order in which n8n shows them. */
	columns: { name: string; type: string }[];
	rows: number;
	projectId?: string | undefined;
}

export function listPath(name: ListName): string {
	return `${BESIDE}${name}.json`;
}

/** @param folder What the table's folder is called: its id. */
export function tablePath(folder: string): string {
	return `${TABLES}${folder}/table.json`;
}

/** @param part Counts from 1. */
export function rowsPath(folder: string, part: number): string {
	return `${TABLES}${folder}/rows-${String(part).padStart(6, '0')}.jsonl`;
}

/** What a file is, by its path; undefined for one that a newer version has put there. */
export function fileAt(path: string): { list: ListName } | { folder: string; holds: 'rows' | 'table' } | undefined {
	const list = LISTS.find((name) => path === listPath(name));
	if (list) return { list };
	const [, folder, file = ''] = /^beside\/data-tables\/([^/]+)\/([^/]+)$/.exec(path) ?? [];
	if (folder === undefined) return undefined;
	if (file === 'table.json') return { folder, holds: 'table' };
	return /^rows-\d{6,}\.jsonl$/.test(file) ? { folder, holds: 'rows' } : undefined;
}

/** Columns that n8n sets by itself. */
const OF_N8N = new Set(['id', 'createdAt', 'updatedAt']);

/** The values of a row without those that n8n sets by itself. */
export function valuesOf(row: JsonObject): JsonObject {
	return Object.fromEntries(Object.entries(row).filter(([name]) => !OF_N8N.has(name)));
}
