/**
 * The way from the minio client, which signs requests, to Node's HTTP client. The client takes a transport of the
 * caller's; this one adds what it lacks: an AbortSignal and time-outs for each request, and failures that keep S3's
 * error code for every status (the client itself drops the body of a 503). The signal travels beside the client in an
 * AsyncLocalStorage, since its methods have no parameter for one.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { isUtf8 } from 'node:buffer';
import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { performance } from 'node:perf_hooks';
import type { Readable } from 'node:stream';

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

/** A stall is looked at so many times until it counts. */
const LOOKS = 4;

const contexts = new AsyncLocalStorage<RequestContext>();

/** Runs a call of the minio client so that its request obeys the context. */
export function withContext<T>(context: RequestContext, call: () => Promise<T>): Promise<T> {
	return contexts.run(context, call);
}

/** A transport for the minio client. Statuses of 300 and above end as an S3Failure on the request's `error` event. */
export function transport(secure: boolean): Pick<typeof http, 'request'> {
	const request = (options: https.RequestOptions, onResponse: (response: IncomingMessage) => void): ClientRequest => {
		const context = contexts.getStore();
		let answer: IncomingMessage | undefined;
		const headers = headersInBytes(options.headers as Record<string, string> | undefined);
		const sent = (secure ? https : http).request({ ...options, headers, signal: context?.signal }, (response) => {
			answer = response;
			context?.onAnswer();
			if ((response.statusCode ?? 0) < 300) onResponse(response);
			else void failWith(sent, response);
		});
		if (context) {
			limitSilence(sent, context, () => answer?.isPaused() ?? false);
			limitConnecting(sent, context);
		}
		return sent;
	};
	return { request: request as typeof http.request };
}

/**
 * The text of headers as Node is to write it: one character for each byte of UTF-8, which is what was signed. Metadata of
 * objects may be any text.
 */
function headersInBytes(headers: Record<string, string> | undefined): Record<string, string> | undefined {
	if (!headers) return undefined;
	const inBytes = Object.entries(headers).map(([name, value]) => [name, Buffer.from(value, 'utf8').toString('latin1')]);
	return Object.fromEntries(inBytes) as Record<string, string>;
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
	return Buffer.concat(chunks).toString('utf8');
}

async function failWith(request: ClientRequest, response: IncomingMessage): Promise<void> {
	try {
		const xml = await readText(response, MAX_ERROR_BYTES);
		request.emit('error', failureOfAnswer(response, xml));
	} catch (error) {
		request.emit('error', failureOfConnection(error));
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
