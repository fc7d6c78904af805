import { cancelled, throwIfCancelled } from '../../errors';
import { encodeMessage, encodeQuery, type Message, MessageType, parseErrorResponse, splitMessages } from '../protocol';
import type { RawSocket } from '../rawSocket';
import { serverCause } from '../serverMessage';

import { withoutServersOptions } from './columnOptions';
import { marker, type TableRead } from './cursor';
import { withoutNames } from './roleNames';
import { RestrictMask } from './restrictMask';
import { pgDumpError, pgDumpWarnings } from './errors';
import { ALL_BOUNDS, hasFailed, PREPARE_BOUNDS, WITHOUT_BOUNDS } from './partitionBounds';
import type { PgDumpThread } from './thread';
import type { PgDumpReply } from './worker';

/** Major version of the pg_dump that we carry: the newest server it reads. */
export const PG_DUMP_MAJOR = 18;

export interface PgDumpResult {
	/** The script, with a marker in place of every table's rows and every large object's content. */
	script: string;
	/** The `n`th read stands in the script as the single INSERT whose first value is `marker(n)`. */
	reads: TableRead[];
	marker: (read: number) => string;
	/** Large objects whose content stands in the script as `largeObjectMarker`. */
	largeObjects: number[];
	/** How the script spells the bytea literal in place of a large object's content. */
	largeObjectMarker: string;
	/** What pg_dump warns of. */
	warnings: string[];
}

export interface PgDumpSession {
	/** A logged-in connection that pg_dump may have for itself; it is left inside pg_dump's transaction. */
	socket: RawSocket;
	/** The ParameterStatus values of the real login. */
	parameters: ReadonlyMap<string, string>;
	/** pg_dump's arguments, without those for connection and output. */
	args: string[];
	/** Numbers of the roles whose names the server cannot say in the client encoding. */
	namelessRoles?: readonly number[];
	signal?: AbortSignal;
}

// Requests in place of a startup packet (protocol documentation, SSLRequest and GSSENCRequest), and a version of it.
const SSL_REQUEST = 80877103;
const GSS_ENCRYPTION_REQUEST = 80877104;

// Object identifiers of the functions that libpq calls by the fast path to read a large object: fixed in pg_proc.dat.
const LO_OPEN = 952;
const LO_CLOSE = 953;
const LO_READ = 954;

const READY_IN_TRANSACTION = encodeMessage(MessageType.readyForQuery, Buffer.from('T'));
const NOTHING = Buffer.alloc(0);

/** Stands between pg_dump and the real server: passes its messages on, but for large objects and the login. */
class Bridge {
	readonly largeObjects: number[] = [];
	readonly mask = new RestrictMask();
	#pending: Buffer = NOTHING;
	#started = false;
	#contentRead = false;
	/** To be sent with the next reply. */
	#bounds: Buffer | undefined;
	/** What the server answered last: what pg_dump ends with when a query of its fails. */
	#answer: Buffer = NOTHING;

	constructor(
		readonly nonce: string,
		readonly socket: RawSocket,
		readonly parameters: ReadonlyMap<string, string>,
		readonly namelessRoles: readonly number[],
	) {}

	/** The server's error in its last answer, with its SQLSTATE, which pg_dump does not pass on. */
	get serverError(): unknown {
		const failure = splitMessages(this.#answer).messages.find(({ type }) => type === MessageType.errorResponse);
		return failure && serverCause(parseErrorResponse(failure.body));
	}

	/** Takes what pg_dump has written; returns what its next read shall find. libpq may write a message in pieces. */
	async answer(bytes: Buffer): Promise<PgDumpReply> {
		this.#pending = Buffer.concat([this.#pending, bytes]);
		if (!this.#started) return { bytes: this.#answerStartup() };
		const { messages, rest } = splitMessages(this.#pending);
		this.#pending = rest;
		const replies: Buffer[] = [];
		for (const message of messages) replies.push(await this.#answerMessage(message));
		const bounds = this.#bounds;
		this.#bounds = undefined;
		return { bytes: Buffer.concat(replies), ...(bounds && { bounds }) };
	}

	#answerStartup(): Buffer {
		if (this.#pending.length < 8 || this.#pending.length < this.#pending.readInt32BE(0)) return NOTHING;
		const request = this.#pending.readInt32BE(4);
		this.#pending = NOTHING;
		if (request === SSL_REQUEST || request === GSS_ENCRYPTION_REQUEST) return Buffer.from('N');
		this.#started = true;
		return Buffer.concat([
			encodeMessage(MessageType.authentication, Buffer.alloc(4)),
			...[...this.parameters].map(([name, value]) =>
				encodeMessage(MessageType.parameterStatus, Buffer.from(`${name}\0${value}\0`)),
			),
			encodeMessage(MessageType.backendKeyData, Buffer.alloc(8)),
			encodeMessage(MessageType.readyForQuery, Buffer.from('I')),
		]);
	}

	async #answerMessage({ type, body }: Message): Promise<Buffer> {
		if (type === MessageType.terminate) return NOTHING;
		if (type === MessageType.functionCall) {
			const answer = this.#answerLargeObjectCall(body);
			if (answer) return answer;
		}
		if (type === MessageType.query) return this.mask.hide(await this.#answerQuery(body));
		if (type === MessageType.functionCall || type === MessageType.sync) {
			return await this.socket.exchange(encodeMessage(type, body));
		}
		await this.socket.send(encodeMessage(type, body));
		return NOTHING;
	}

	async #answerQuery(body: Buffer): Promise<Buffer> {
		const sql = this.mask.show(body.toString('latin1', 0, body.length - 1));
		const query = withoutNames(withoutServersOptions(sql), this.namelessRoles);
		this.#answer = await this.#ask(query);
		if (query === PREPARE_BOUNDS && !hasFailed(this.#answer)) await this.#askForBounds();
		return this.#answer;
	}

	async #ask(sql: string): Promise<Buffer> {
		return await this.socket.exchange(encodeQuery(Buffer.from(sql, 'latin1')));
	}

	async #askForBounds(): Promise<void> {
		const bounds = await this.#ask(ALL_BOUNDS);
		if (hasFailed(bounds)) await this.#ask(WITHOUT_BOUNDS);
		else this.#bounds = this.mask.hide(bounds);
	}

	/** Opens every large object as descriptor 0 and reads the nonce out of it, once. */
	#answerLargeObjectCall(body: Buffer): Buffer | undefined {
		const callee = body.readInt32BE(0);
		if (callee === LO_OPEN) {
			// Int32 function, Int16 count and formats, Int16 arguments, then per argument Int32 length and value.
			const firstArgument = 6 + body.readInt16BE(4) * 2 + 2;
			this.largeObjects.push(body.readUInt32BE(firstArgument + 4));
			this.#contentRead = false;
			return functionResult(Buffer.alloc(4));
		}
		if (callee === LO_READ) {
			const content = this.#contentRead ? NOTHING : Buffer.from(this.nonce, 'hex');
			this.#contentRead = true;
			return functionResult(content);
		}
		return callee === LO_CLOSE ? functionResult(Buffer.alloc(4)) : undefined;
	}
}

/** A read as it is, whose names pgDump knows with hidden words. */
const shown = ({ columns, table, filter }: TableRead, mask: RestrictMask): TableRead => ({
	columns: columns.map((column) => mask.show(column)),
	table: mask.show(table),
	filter: mask.show(filter),
});

function functionResult(value: Buffer): Buffer {
	const length = Buffer.alloc(4);
	length.writeInt32BE(value.length);
	return Buffer.concat([
		encodeMessage(MessageType.functionCallResponse, Buffer.concat([length, value])),
		READY_IN_TRANSACTION,
	]);
}

/** Rejects when the signal fires; a worker that computes asks for nothing, so would not notice by itself. */
function aborted(signal: AbortSignal | undefined): { rejected: Promise<never>; ignore: () => void } {
	let stop = () => {};
	const rejected = new Promise<never>((_, reject) => (stop = () => reject(cancelled())));
	signal?.addEventListener('abort', stop, { once: true });
	return { rejected, ignore: () => signal?.removeEventListener('abort', stop) };
}

/**
 * Runs pg_dump over a connection that has logged in already.
 * @param thread One that has not run yet; the caller closes it.
 * @throws BackupError SOURCE_FAILED with pg_dump's message; the server's error when the connection fails; CANCELLED.
 */
export async function runPgDump(
	thread: PgDumpThread,
	{ socket, parameters, args, namelessRoles = [], signal }: PgDumpSession,
): Promise<PgDumpResult> {
	throwIfCancelled(signal);
	const { nonce } = thread;
	const bridge = new Bridge(nonce, socket, parameters, namelessRoles);
	const abort = aborted(signal);
	try {
		const { script, reads, error, messages } = await Promise.race([
			thread.run(['--column-inserts', ...args], (bytes) => bridge.answer(bytes)),
			abort.rejected,
		]);
		if (script === undefined) {
			throw pgDumpError(messages.includes('pg_dump: error: ') ? messages : error, bridge.serverError);
		}
		return {
			script: bridge.mask.show(script),
			reads: reads.map((read) => shown(read, bridge.mask)),
			marker: (read) => marker(nonce, read),
			largeObjects: bridge.largeObjects,
			largeObjectMarker: `'\\x${nonce}'`,
			warnings: pgDumpWarnings(bridge.mask.show(messages)),
		};
	} finally {
		abort.ignore();
	}
}
