/** Reads what lies beside the workflows in a tar of ours. What it holds is as hostile as any file. */
import { z } from 'zod';

import type { ByteCursor } from '../../../archive/cursor';
import { BackupError } from '../../../errors';
import type { TarMember } from '../../../tar';
import { isObject, type JsonObject } from '../workflow';
import { fileAt, type ListName, MOST_ENTRIES, MOST_LIST_BYTES, MOST_ROWS_BYTES, type TableFacts } from './layout';

/** Is called for what lies there, in the order of the tar, and awaited. Tables are told apart by their folder in it. */
export interface BesideVisitor {
	list?(name: ListName, entries: JsonObject[]): void | Promise<void>;
	/** Some rows of a table, of which nothing else is known yet. */
	rows?(folder: string, rows: JsonObject[]): void | Promise<void>;
	/** Behind the rows of it. */
	table?(folder: string, facts: TableFacts): void | Promise<void>;
}

const table = z.object({
	id: z.string().min(1),
	name: z.string().min(1),
	projectId: z.string().optional(),
	columns: z.array(z.object({ name: z.string(), type: z.string() })),
	rows: z.number().int().nonnegative(),
});

/** Reads one file, if it is one of those that are known. @throws BackupError ARCHIVE_CORRUPT; what the visitor throws */
export async function readBesideFile(
	path: string,
	member: TarMember,
	content: ByteCursor,
	visitor: BesideVisitor,
): Promise<void> {
	const known = fileAt(path);
	if (!known || member.type !== 'file') return;
	const most = 'holds' in known && known.holds === 'rows' ? MOST_ROWS_BYTES : MOST_LIST_BYTES;
	if (member.storedSize !== member.size || member.size > most) throw corrupt(path, 'is larger than Export makes it');
	const bytes = await content.take(member.size);
	if ('list' in known) return await visitor.list?.(known.list, listIn(bytes, path));
	const { folder } = known;
	if (known.holds === 'table') return await visitor.table?.(folder, tableIn(bytes, path));
	const rows = textOf(bytes, path).split('\n').slice(0, -1);
	await visitor.rows?.(
		folder,
		rows.map((line) => objectIn(line, path)),
	);
}

function listIn(bytes: Uint8Array, path: string): JsonObject[] {
	const list = parsed(textOf(bytes, path), path);
	if (!Array.isArray(list) || list.length > MOST_ENTRIES || !list.every(isObject)) throw corrupt(path, 'is no list');
	return list;
}

function tableIn(bytes: Uint8Array, path: string): TableFacts {
	const { success, data } = table.safeParse(parsed(textOf(bytes, path), path));
	if (!success) throw corrupt(path, 'does not describe a data table');
	return data;
}

function objectIn(line: string, path: string): JsonObject {
	const row = parsed(line, path);
	if (!isObject(row)) throw corrupt(path, 'has a line that is no row');
	return row;
}

function parsed(text: string, path: string): unknown {
	try {
		return JSON.parse(text) as unknown;
	} catch {
		// The parser's own message quotes the content.
		throw corrupt(path, 'is not valid JSON');
	}
}

function textOf(bytes: Uint8Array, path: string): string {
	try {
		return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
	} catch {
		throw corrupt(path, 'is no text');
	}
}

function corrupt(path: string, what: string): BackupError {
	return new BackupError('ARCHIVE_CORRUPT', `${path} ${what}.`, {
		hint: 'It was damaged or edited. Fetch it again, or choose another one.',
	});
}
