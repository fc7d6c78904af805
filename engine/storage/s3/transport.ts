/**
 * One request of HTTP: with an AbortSignal and time-outs of its own, and failures that keep S3's error code for every
 * status.
 */
import { isUtf8 } from 'node:buffer';
import http, { type Agent, type ClientRequest, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { performance } from 'node:perf_hooks';
import { pipeline, type Readable } from 'node:stream';

import { cancelled } from '../../errors';
import { onAbort } from '../abort';
import { keepBody } from './connections';
import { failureOfAnswer, failureOfConnection, S3Failure } from './failure';

/** An error's XML is short; what is longer is some proxy's page. */
const MAX_ERROR_BYTES = 64 * 1024;

export interface RequestContext {
	signal: AbortSignal | undefined;
	/** A connection on which nothing moved for so long is given up. */
	stallMs: number;
	connectTimeoutMs: number;
	onAnswer: () => void;
	/** Nothing has moved for so long; called some times before it is given up. */
	onSilence: (silentMs: number) => void;
}

export interface HttpRequest {
	secure: boolean;
	agent: Agent;
	host: string;
	port: number;
	method: string;
	/** With the query. */
	path: string;
	headers: Record<string, string>;
	/** A stream is read once. */
	body?: Buffer | Readable | undefined;
}

/** A stall is looked at so many times until it counts. */
const LOOKS = 4;

const GOOD = [200, 204, 206];

/**
 * Sends a request. The body of the answer is the caller's to read.
 * @throws S3Failure for an answer of another status than GOOD; what the connection, the body or the signal throws
 */
export function exchange(
	{ secure, body, headers, ...options }: HttpRequest,
	context: RequestContext,
): Promise<IncomingMessage> {
	return new Promise((resolve, reject) => {
		let answer: IncomingMessage | undefined;
		const all = { ...options, headers: headersInBytes(headers) };
		const sent = (secure ? https : http).request(all, (response) => {
			answer = response;
			keepBody(response);
			context.onAnswer();
			if (GOOD.includes(response.statusCode ?? 0)) resolve(response);
			else failureIn(response).then(reject, reject);
		});
		sent.on('error', reject);
		sent.once(
			'close',
			onAbort(context.signal, () => sent.destroy(cancelled())),
		);
		limitSilence(sent, context, () => answer?.isPaused() ?? false);
		limitConnecting(sent, context);
		if (body === undefined || Buffer.isBuffer(body)) sent.end(body);
		else pipeline(body, sent, (error) => error && reject(error));
	});
}

/**
 * The text of headers as Node is to write it: one character for each byte of UTF-8, which is what was signed. Metadata of
 * objects may be any text. As a list where Node would encode a name of a file once more before a body, of which a list keeps it:
 * https://github.com/nodejs/node/pull/46528
 */
function headersInBytes(headers: Record<string, string>): Record<string, string> | string[] {
	for (const [name, value] of Object.entries(headers)) {
		const bytes = Buffer.byteLength(value);
		if (bytes !== value.length) headers[name] = Buffer.from(value, 'utf8').toString('latin1');
	}
	const isNameText = /^[\x20-\x7e]*$/.test(headers['content-disposition'] ?? '');
	return isNameText ? headers : Object.entries(headers).flat();
}

/** The text of a header as it was sent: UTF-8 where it is that, for Node takes each byte for a character. */
export function headerText(value: string): string {
	const bytes = Buffer.from(value, 'latin1');
	return isUtf8(bytes) ? bytes.toString('utf8') : value;
}

/** Reads the beginning of a body into a string, all of it unless it has more bytes than that. */
export async function readText(body: Readable, maxBytes: number): Promise<string> {
	const chunks: Buffer[] = [];
	let length = 0;
	for await (const chunk of body as AsyncIterable<Buffer>) {
		chunks.push(chunk);
		length += chunk.length;
		if (length > maxBytes) break;
	}
	return joined(chunks, length);
}

/** What answers are put together in: those of a listing come by the thousand, and as much memory each would be garbage soon. */
let room = Buffer.alloc(0);
const MOST_ROOM = 1024 * 1024;

function joined(chunks: readonly Buffer[], length: number): string {
	if (length > MOST_ROOM) return Buffer.concat(chunks).toString('utf8');
	if (length > room.length) room = Buffer.allocUnsafeSlow(Math.min(MOST_ROOM, 2 * length));
	let at = 0;
	for (const chunk of chunks) at += chunk.copy(room, at);
	return room.toString('utf8', 0, at);
}

async function failureIn(response: IncomingMessage): Promise<S3Failure> {
	try {
		return failureOfAnswer(response, await readText(response, MAX_ERROR_BYTES));
	} catch (error) {
		return failureOfConnection(error);
	}
}

/**
 * Node tells when nothing has moved on a connection for some time; it is asked for a part of the whole, so that there is
 * something to tell before. Whatever moves begins it anew, which shows in the time between two.
 * @param isPaused whether nobody reads: then it is not the server that is silent
 */
function limitSilence(request: ClientRequest, context: RequestContext, isPaused: () => boolean): void {
	const step = Math.max(1, Math.round(context.stallMs / LOOKS));
	let looks = 0;
	let lookedAt = 0;
	request.once('socket', (socket) => {
		const look = () => {
			const now = performance.now();
			looks = now - lookedAt < 1.5 * step ? looks + 1 : 1;
			lookedAt = now;
			if (looks >= LOOKS) {
				request.destroy(timedOut('The server stopped answering', context.stallMs));
				return;
			}
			if (!isPaused()) context.onSilence(looks * step);
			socket.setTimeout(step);
		};
		socket.setTimeout(step);
		socket.on('timeout', look);
		// The next request on the connection has looks of its own.
		request.once('close', () => {
			socket.off('timeout', look);
			socket.setTimeout(0);
		});
	});
}

function limitConnecting(request: ClientRequest, { connectTimeoutMs }: RequestContext): void {
	request.once('socket', (socket) => {
		if (!socket.connecting) return;
		const timer = setTimeout(
			() => request.destroy(timedOut('The server did not accept the connection', connectTimeoutMs)),
			connectTimeoutMs,
		);
		socket.once('connect', () => clearTimeout(timer));
		socket.once('close', () => clearTimeout(timer));
	});
}

function timedOut(message: string, silentMs: number): S3Failure {
	return new S3Failure(message, { code: 'ETIMEDOUT', silentMs });
}
