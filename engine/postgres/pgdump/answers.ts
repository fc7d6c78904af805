/** Answers of a server, as pg_dump gets them from us. Messages and their fields: PostgreSQL documentation, "Message Formats". */
import { encodeMessage, MessageType } from '../protocol';

/** Number of the type text, fixed in pg_type.dat. */
const TEXT = 25;

/** What follows the name of a column of type text that belongs to no table. */
const FACTS = Buffer.alloc(18);
FACTS.writeInt32BE(TEXT, 6);
FACTS.writeInt16BE(-1, 10);
FACTS.writeInt32BE(-1, 12);

/** RowDescription: columns of type text that belong to no table. Names are "binary" strings, one character a byte. */
export function textColumns(names: string[]): Buffer {
	// One buffer for all: of each of thousands of tables there is such an answer.
	const body = Buffer.alloc(names.reduce((length, name) => length + name.length + 1 + FACTS.length, 2));
	body.writeInt16BE(names.length);
	let at = 2;
	for (const name of names) {
		at += body.write(name, at, 'latin1') + 1;
		at += FACTS.copy(body, at);
	}
	return encodeMessage(MessageType.rowDescription, body);
}

/** DataRow; null stands for NULL. */
export function rowOf(values: ReadonlyArray<Uint8Array | null>): Buffer {
	const body = Buffer.alloc(values.reduce((length, value) => length + 4 + (value?.length ?? 0), 2));
	body.writeInt16BE(values.length);
	let at = 2;
	for (const value of values) {
		at = body.writeInt32BE(value ? value.length : -1, at);
		if (!value) continue;
		body.set(value, at);
		at += value.length;
	}
	return encodeMessage(MessageType.dataRow, body);
}

/** The end of the answer to a statement within a transaction. */
export function completed(tag: string): Buffer {
	return Buffer.concat([
		encodeMessage(MessageType.commandComplete, Buffer.from(`${tag}\0`)),
		encodeMessage(MessageType.readyForQuery, Buffer.from('T')),
	]);
}
