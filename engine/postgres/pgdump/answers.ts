/** Answers of a server, as pg_dump gets them from us. Messages and their fields: PostgreSQL documentation, "Message Formats". */
import { encodeMessage, MessageType } from '../protocol';

/** Number of the type text, fixed in pg_type.dat. */
const TEXT = 25;

/** RowDescription: columns of type text that belong to no table. Names are "binary" strings, one character a byte. */
export function textColumns(names: string[]): Buffer {
	const fields = names.map((name) => {
		const facts = Buffer.alloc(18);
		facts.writeInt32BE(TEXT, 6);
		facts.writeInt16BE(-1, 10);
		facts.writeInt32BE(-1, 12);
		return Buffer.concat([Buffer.from(`${name}\0`, 'latin1'), facts]);
	});
	return encodeMessage(MessageType.rowDescription, Buffer.concat([int16(names.length), ...fields]));
}

/** DataRow; null stands for NULL. */
export function rowOf(values: ReadonlyArray<Uint8Array | null>): Buffer {
	const fields = values.flatMap((value) => (value ? [int32(value.length), value] : [NULL]));
	return encodeMessage(MessageType.dataRow, Buffer.concat([int16(values.length), ...fields]));
}

/** The end of the answer to a statement within a transaction. */
export function completed(tag: string): Buffer {
	return Buffer.concat([
		encodeMessage(MessageType.commandComplete, Buffer.from(`${tag}\0`)),
		encodeMessage(MessageType.readyForQuery, Buffer.from('T')),
	]);
}

function int16(value: number): Buffer {
	const bytes = Buffer.alloc(2);
	bytes.writeInt16BE(value);
	return bytes;
}

function int32(value: number): Buffer {
	const bytes = Buffer.alloc(4);
	bytes.writeInt32BE(value);
	return bytes;
}

const NULL = int32(-1);
