import { randomBytes } from 'node:crypto';
import { extname, join } from 'node:path';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';

import { BackupError, cancelled, throwIfCancelled } from '../../errors';
import { encodeMessage, encodeQuery, type Message, MessageType, parseErrorResponse, splitMessages } from '../protocol';
import type { RawSocket } from '../rawSocket';
import { serverCause } from '../serverMessage';

import { withoutServersOptions } from './columnOptions';
import { markerCursor, parseTableRead, type TableRead } from './cursor';
import { withoutNames } from './roleNames';
import { RestrictMask } from './restrictMask';
import { pgDumpError, pgDumpWarnings } from './errors';
import type { CompiledProgram } from './worker';

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

/** What pg_dump writes, and what its next read shall find. */
interface Exchange {
	request: Uint8Array;
	reply: Uint8Array;
}

/** Stands between pg_dump and the real server: passes its messages on, but for rows, large objects and the login. */
class Bridge {
	readonly nonce = randomBytes(16).toString('hex');
	readonly reads: TableRead[] = [];
	readonly largeObjects: number[] = [];
	readonly mask = new RestrictMask();
	#pending: Buffer = NOTHING;
	#started = false;
	#contentRead = false;
	#following: Exchange[] = [];
	/** What the server answered last: what pg_dump ends with when a query of its fails. */
	#answer: Buffer = NOTHING;

	constructor(
		readonly socket: RawSocket,
		readonly parameters: ReadonlyMap<string, string>,
		readonly namelessRoles: readonly number[],
	) {}

	marker(read: number): string {
		return `${this.nonce}-${read}`;
	}

	/** The server's error in its last answer, with its SQLSTATE, which pg_dump does not pass on. */
	get serverError(): unknown {
		const failure = splitMessages(this.#answer).messages.find(({ type }) => type === MessageType.errorResponse);
		return failure && serverCause(parseErrorResponse(failure.body));
	}

	/** Takes what pg_dump has written; returns what its next read shall find. libpq may write a message in pieces. */
	async answer(bytes: Buffer): Promise<Buffer> {
		this.#pending = Buffer.concat([this.#pending, bytes]);
		if (!this.#started) return this.#answerStartup();
		const { messages, rest } = splitMessages(this.#pending);
		this.#pending = rest;
		const replies: Buffer[] = [];
		for (const message of messages) replies.push(await this.#answerMessage(message));
		return Buffer.concat(replies);
	}

	/** What pg_dump will ask next, where that is known, so that its thread need not ask for the answers; handed out once. */
	takeFollowing(): Exchange[] {
		const following = this.#following;
		this.#following = [];
		return following;
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
		const read = parseTableRead(sql);
		if (read) {
			const { declared, following } = markerCursor(read, this.marker(this.reads.push(read) - 1));
			this.#following = following.map(({ sql: next, answer }) => ({
				request: new Uint8Array(encodeQuery(Buffer.from(next))),
				reply: new Uint8Array(this.mask.hide(answer)),
			}));
			return declared;
		}
		const query = withoutNames(withoutServersOptions(sql), this.namelessRoles);
		this.#answer = await this.socket.exchange(encodeQuery(Buffer.from(query, 'latin1')));
		return this.#answer;
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

/** Answers the worker's writes one after the other until the port closes; rejects when the real server fails. */
function serve(bridge: Bridge, port: MessagePort, answered: Int32Array): Promise<never> {
	return new Promise((_, reject) => {
		port.on('message', (bytes: Uint8Array) => {
			bridge.answer(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)).then((reply) => {
				port.postMessage({ reply, following: bridge.takeFollowing() });
				Atomics.store(answered, 0, 1);
				Atomics.notify(answered, 0);
			}, reject);
		});
	});
}

/** What the worker posts at its end. */
interface Outcome {
	script?: string;
	error?: string;
	/** All that pg_dump wrote to its standard error. */
	messages: string;
	/** pg_dump compiled, of a run that has succeeded. */
	compiled?: CompiledProgram;
}

/**
 * pg_dump compiled, kept for the next run of this process: compiling and optimizing it takes 200 to 300 ms of CPU time. The
 * worker compares it with the file, and compiles that anew where it has changed.
 */
let kept: CompiledProgram | undefined;

function finished(worker: Worker, bridge: Bridge): Promise<{ script: string; messages: string }> {
	return new Promise((resolve, reject) => {
		worker.once('message', ({ script, error = '', messages, compiled }: Outcome) => {
			kept = compiled ?? kept;
			if (script !== undefined) resolve({ script, messages });
			else reject(pgDumpError(messages.includes('pg_dump: error: ') ? messages : error, bridge.serverError));
		});
		worker.once('error', reject);
		worker.once('exit', () =>
			reject(new BackupError('SOURCE_FAILED', 'pg_dump ended before it had written its script.')),
		);
	});
}

/**
 * Runs pg_dump over a connection that has logged in already.
 * @throws BackupError SOURCE_FAILED with pg_dump's message; the server's error when the connection fails; CANCELLED.
 */
export async function runPgDump({
	socket,
	parameters,
	args,
	namelessRoles = [],
	signal,
}: PgDumpSession): Promise<PgDumpResult> {
	throwIfCancelled(signal);
	const bridge = new Bridge(socket, parameters, namelessRoles);
	const { port1, port2 } = new MessageChannel();
	const answered = new Int32Array(new SharedArrayBuffer(4));
	const worker = new Worker(join(__dirname, `worker${extname(__filename)}`), {
		workerData: { port: port2, answered, args: ['--column-inserts', ...args], compiled: kept },
		transferList: [port2],
		env: {},
		execArgv: [],
	});
	const abort = aborted(signal);
	try {
		const { script, messages } = await Promise.race([
			finished(worker, bridge),
			serve(bridge, port1, answered),
			abort.rejected,
		]);
		return {
			script: bridge.mask.show(script),
			reads: bridge.reads,
			marker: (read) => bridge.marker(read),
			largeObjects: bridge.largeObjects,
			largeObjectMarker: `'\\x${bridge.nonce}'`,
			warnings: pgDumpWarnings(bridge.mask.show(messages)),
		};
	} finally {
		abort.ignore();
		port1.close();
		worker.removeAllListeners('exit');
		await worker.terminate();
	}
}
