/** Rows as a walsender answers them: text of every column, none of them large. Source: PostgreSQL documentation, "Message Formats". */
import { protocolViolation } from '../../protocol';

/** A row by the names of its columns; null where there is no value. Bytes, for a timeline's history is a file's content. */
export type ReplicationRow = Record<string, Buffer | null>;

/** The names of the columns, from the body of a RowDescription. */
export function columnNames(body: Buffer): string[] {
	const names: string[] = [];
	let at = 2;
	for (let left = body.readInt16BE(0); left > 0; left--) {
		const end = body.indexOf(0, at);
		if (end < 0) throw protocolViolation('a description of rows without an end');
		names.push(body.toString('utf8', at, end));
		// Table, column, type, its length, its modifier, the form.
		at = end + 1 + 18;
	}
	return names;
}

/** A row, from the body of a DataRow. */
export function readRow(body: Buffer, columns: readonly string[]): ReplicationRow {
	const row: ReplicationRow = {};
	const count = body.readInt16BE(0);
	let at = 2;
	for (let column = 0; column < count; column++) {
		const length = body.readInt32BE(at);
		at += 4;
		if (length > body.length - at) throw protocolViolation('a value that is longer than its row');
		const name = columns[column] ?? `column ${column + 1}`;
		row[name] = length < 0 ? null : Buffer.from(body.subarray(at, at + length));
		at += Math.max(length, 0);
	}
	return row;
}

/** A value of a row as text; undefined where there is none. */
export function textIn(row: ReplicationRow | undefined, column: string): string | undefined {
	return row?.[column]?.toString('utf8');
}

/**
 * The same, where a server always gives one.
 * @throws Error where this one does not
 */
export function textOf(row: ReplicationRow | undefined, column: string): string {
	const text = textIn(row, column);
	if (text === undefined) throw protocolViolation(`an answer without ${column}`);
	return text;
}
