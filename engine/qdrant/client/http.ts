/**
 * Node's HTTP client, with what Qdrant needs: no time limit unless one is set (fetch gives up after 300 s without
 * headers, and making a snapshot may take longer), bodies as they are (fetch asks for gzip, and the server compresses
 * snapshots on the fly, which takes five times as long as sending them), a connection of its own for every request (one
 * that was kept alive may be closed by the server just as the next request goes out), and keep-alive probes, so that
 * firewalls do not forget a connection on which the server is silent for an hour while it works.
 */
import http, { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { BackupError, cancelled, messageOf } from '../../errors';
import type { BlockBody } from './blockBody';
import { BlockSocket } from './blockSocket';
import { baseUrl, DEFAULT_TIMEOUTS, type QdrantConnection } from './connection';
import { connectionFailure, QdrantFailure } from './failure';

const PROBE_AFTER_MS = 30_000;
/** Answers in JSON are read into memory. A list of many collections or payload indexes is far smaller than this. */
const MAX_JSON_BYTES = 64 * 1024 * 1024;

export interface HttpRequest {
	method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
	/** Encoded, from the first slash: `/collections/a%20b`. */
	path: string;
	query?: Record<string, string | number | boolean | undefined>;
	/** JSON. */
	body?: string;
	headers?: Record<string, string>;
	signal?: AbortSignal;
	/** Milliseconds until the answer begins; 0 for none. */
	answerWithin: number;
}

/** An answer whose body may be long: its head, and the stream of its body. */
export interface LongAnswer {
	head: IncomingMessage;
	body: IncomingMessage | BlockBody;
}

/** An answer that was read to its end. */
export interface WholeAnswer {
	status: number;
	text: string;
	headers?: IncomingHttpHeaders;
}

/** A body of known length to send. */
export interface UploadBody {
	headers: Record<string, string>;
	content: AsyncIterable<Uint8Array>;
}

/** Sends a request and resolves with the answer's head, whatever its status; the caller reads or destroys the body. */
export async function open(connection: QdrantConnection, request: HttpRequest): Promise<IncomingMessage> {
	const sent = begin(connection, request);
	const answer = answerOf(sent);
	sent.end(request.body);
	return await answer;
}

/**
 * Does the same as `open`, for an answer that may be gigabytes long: its body comes in blocks past Node's parser. There are two
 * exceptions, in which it comes as any other answer: with TLS, where decrypting is most of the work, and where n8n goes through a
 * proxy, since a connection of our own would bypass n8n's agents.
 */
export async function openLong(connection: QdrantConnection, request: HttpRequest): Promise<LongAnswer> {
	const { protocol, hostname, port } = baseUrl(connection.url);
	if (protocol === 'https:' || http.globalAgent.constructor !== http.Agent) {
		const head = await open(connection, request);
		return { head, body: head };
	}
	let socket: BlockSocket | undefined;
	const connect = () => (socket = new BlockSocket({ host: unbracketed(hostname), port: Number(port || 80) }));
	const sent = begin(connection, request, connect);
	let body: BlockBody | undefined;
	sent.once('response', (head) => (body = socket?.bodyOf(head)));
	const answer = answerOf(sent);
	sent.end();
	const head = await answer;
	return { head, body: body ?? head };
}

/**
 * Sends a stream as the request's body and resolves with the answer. The server may answer before it has read all of it.
 * A signal stops the request while it is being sent, and the server drops what it has received. Once everything was sent, the
 * server works on in any case, so the promise waits for its answer.
 * @throws BackupError CANCELLED, where the signal came while it was being sent; the source's own error, where it fails;
 * QdrantFailure
 */
export async function upload(
	connection: QdrantConnection,
	request: HttpRequest,
	body: UploadBody,
): Promise<WholeAnswer> {
	const { signal, ...unsignalled } = request;
	const sent = begin(connection, { ...unsignalled, headers: body.headers });
	let isCancelled = false;
	const onAbort = () => {
		if (sent.writableFinished) return;
		isCancelled = true;
		sent.destroy();
	};
	if (signal?.aborted) onAbort();
	else signal?.addEventListener('abort', onAbort, { once: true });
	const answer = answerOf(sent).then(async (response) => ({
		status: response.statusCode ?? 0,
		text: await readText(response),
		headers: response.headers,
	}));
	let ownFailure: { error: unknown } | undefined;
	const content = telling(body.content, (error) => (ownFailure = { error }));
	const fed = pipeline(Readable.from(content, { objectMode: false, highWaterMark: 1024 * 1024 }), sent).catch(() => {});
	try {
		const told = await answer;
		// The server may complain first about a body that was cut short, but that is not what went wrong.
		if (ownFailure && told.status !== 200) throw ownFailure.error;
		return told;
	} catch (error) {
		await fed;
		if (isCancelled) throw cancelled();
		throw ownFailure ? asStorageFailure(ownFailure.error) : error;
	} finally {
		signal?.removeEventListener('abort', onAbort);
		sent.destroy();
		await fed;
	}
}

/** Passes a source on and reports its own failures. They must be told from the errors that a broken stream throws into its source. */
async function* telling(
	source: AsyncIterable<Uint8Array>,
	failed: (error: unknown) => void,
): AsyncGenerator<Uint8Array> {
	const chunks = source[Symbol.asyncIterator]();
	try {
		for (;;) {
			const next = await chunks.next().catch((error: unknown) => {
				failed(error);
				throw error;
			});
			if (next.done) return;
			yield next.value;
		}
	} finally {
		await chunks.return?.();
	}
}

/** A failure of the source of a body is one of the storage, not of the server that the body was sent to. */
function asStorageFailure(error: unknown): BackupError {
	if (error instanceof BackupError) return error;
	return new BackupError('STORAGE_FAILED', `The backup could not be read: ${messageOf(error)}`, {
		cause: error,
		hint: 'Check the storage that it lies in, then try again. The server did not get the whole of it.',
	});
}

function begin(connection: QdrantConnection, request: HttpRequest, connect?: () => BlockSocket): ClientRequest {
	const base = baseUrl(connection.url);
	const timeouts = { ...DEFAULT_TIMEOUTS, ...connection.timeouts };
	const sent = (base.protocol === 'https:' ? https : http).request({
		protocol: base.protocol,
		hostname: unbracketed(base.hostname),
		port: base.port || undefined,
		path: (base.pathname === '/' ? '' : base.pathname) + request.path + queryOf(request.query),
		method: request.method,
		...(connect ? { createConnection: connect } : { agent: false }),
		headers: {
			'accept-encoding': 'identity',
			...(connection.apiKey ? { 'api-key': connection.apiKey } : {}),
			...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
			...request.headers,
		},
		...(request.signal ? { signal: request.signal } : {}),
	});
	sent.once('socket', (socket) => {
		socket.setKeepAlive(true, PROBE_AFTER_MS);
		socket.setNoDelay(true);
		const ready = base.protocol === 'https:' ? 'secureConnect' : 'connect';
		endAfter(sent, timeouts.connect, 'the server did not accept the connection', (stop) => socket.once(ready, stop));
	});
	endAfter(sent, request.answerWithin, 'the server did not answer in time', (stop) => sent.once('response', stop));
	return sent;
}

/** A URL has an IPv6 address in brackets; a connection wants it without them. */
function unbracketed(hostname: string): string {
	return hostname.replace(/^\[|\]$/g, '');
}

/** Destroys the request after so many milliseconds, unless the awaited event comes first. */
function endAfter(sent: ClientRequest, milliseconds: number, reason: string, unless: (stop: () => void) => void): void {
	if (milliseconds === 0) return;
	const timer = setTimeout(() => {
		sent.destroy(new QdrantFailure(`${reason} (${milliseconds / 1000} s)`, undefined, 'ETIMEDOUT'));
	}, milliseconds);
	const stop = () => clearTimeout(timer);
	unless(stop);
	sent.once('close', stop);
}

function answerOf(sent: ClientRequest): Promise<IncomingMessage> {
	return new Promise((resolve, reject) => {
		sent.once('response', resolve);
		// This listener stays: an error that comes after the answer has begun is seen by whoever reads the answer.
		sent.on('error', (error) => reject(error instanceof QdrantFailure ? error : connectionFailure(error)));
		// Where a server changes the protocol, Node reports neither an answer nor an error.
		sent.once('close', () =>
			reject(new QdrantFailure('the connection was closed without an answer', undefined, 'ECONNRESET')),
		);
	});
}

function queryOf(query: HttpRequest['query'] = {}): string {
	const parameters = new URLSearchParams();
	for (const [key, value] of Object.entries(query)) if (value !== undefined) parameters.set(key, String(value));
	return parameters.size === 0 ? '' : `?${parameters.toString()}`;
}

/**
 * Reads a body into a string.
 * @throws QdrantFailure where it breaks or is too long to be an answer of Qdrant
 */
export async function readText(body: AsyncIterable<unknown>): Promise<string> {
	const chunks: Buffer[] = [];
	let length = 0;
	try {
		for await (const chunk of body as AsyncIterable<Buffer>) {
			length += chunk.length;
			if (length > MAX_JSON_BYTES) throw new QdrantFailure('the answer is too long to be one of Qdrant', 200);
			chunks.push(chunk);
		}
	} catch (error) {
		throw error instanceof QdrantFailure ? error : connectionFailure(error);
	}
	return Buffer.concat(chunks).toString('utf8');
}
