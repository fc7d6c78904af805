/**
 * The few messages of PostgreSQL's frontend/backend protocol 3.0 that we read and write ourselves; `pg` speaks the rest.
 * Source: PostgreSQL documentation, "Frontend/Backend Protocol", "Message Formats". Every message is one type byte, a
 * big-endian Int32 length that counts itself but not the type, and the body; only the startup packet has no type.
 */

/** Bytes before a message's body: the type and the length. */
export const HEADER_LENGTH = 5;

export const MessageType = {
	authentication: 0x52, // R
	backendKeyData: 0x4b, // K
	commandComplete: 0x43, // C
	copyBothResponse: 0x57, // W
	copyData: 0x64, // d
	copyDone: 0x63, // c
	copyInResponse: 0x47, // G
	copyOutResponse: 0x48, // H
	dataRow: 0x44, // D
	errorResponse: 0x45, // E
	functionCall: 0x46, // F, from the client
	functionCallResponse: 0x56, // V
	parameterStatus: 0x53, // S
	query: 0x51, // Q, from the client
	readyForQuery: 0x5a, // Z
	rowDescription: 0x54, // T
	sync: 0x53, // S, from the client
	terminate: 0x58, // X, from the client
} as const;

export interface Message {
	type: number;
	body: Buffer;
}

/** One message, ready to be sent. */
export function encodeMessage(type: number, body: Uint8Array): Buffer {
	const message = Buffer.allocUnsafe(HEADER_LENGTH + body.length);
	message[0] = type;
	message.writeInt32BE(body.length + 4, 1);
	message.set(body, HEADER_LENGTH);
	return message;
}

/** A Query message for SQL given as bytes in the client encoding. */
export function encodeQuery(sql: Uint8Array): Buffer {
	return encodeMessage(MessageType.query, Buffer.concat([sql, Buffer.of(0)]));
}

/** What somebody sent in the server's place, or a server that is none of PostgreSQL's; SQLSTATE protocol_violation. */
export function protocolViolation(what: string): Error {
	return Object.assign(new Error(`The server answered against PostgreSQL's protocol: ${what}`), { code: '08P01' });
}

/**
 * The length of the body of the message whose header begins at a position.
 * @throws Error where the header tells a length that no message has
 */
export function bodyLength(bytes: Buffer, at = 0): number {
	const length = bytes.readInt32BE(at + 1);
	if (length < 4) throw protocolViolation(`a message of ${length} bytes`);
	return length - 4;
}

/**
 * The complete messages at the start of a buffer, and the bytes of an incomplete one after them.
 * @throws Error as bodyLength does
 */
export function splitMessages(bytes: Buffer): { messages: Message[]; rest: Buffer } {
	const messages: Message[] = [];
	let at = 0;
	while (bytes.length - at >= HEADER_LENGTH) {
		const end = at + HEADER_LENGTH + bodyLength(bytes, at);
		if (end > bytes.length) break;
		messages.push({ type: bytes[at] as number, body: bytes.subarray(at + HEADER_LENGTH, end) });
		at = end;
	}
	return { messages, rest: bytes.subarray(at) };
}

/** An error as the server sends it, without its context, which may hold a row; the names are those of `pg`'s DatabaseError. */
export interface ServerError extends Error {
	severity?: string;
	code?: string;
	detail?: string;
	hint?: string;
}

const ERROR_FIELDS = { V: 'severity', C: 'code', D: 'detail', H: 'hint' } as const;

/** Reads the body of an ErrorResponse: fields of one letter and a zero-ended string, closed by a zero byte. */
export function parseErrorResponse(body: Buffer): ServerError {
	const error: ServerError = new Error('The server reported an error without a message.');
	for (const field of body.toString('utf8').split('\0')) {
		const [letter, value] = [field.charAt(0), field.slice(1)];
		if (letter === 'M') error.message = value;
		else if (letter in ERROR_FIELDS) error[ERROR_FIELDS[letter as keyof typeof ERROR_FIELDS]] = value;
	}
	return error;
}
