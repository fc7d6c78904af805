/**
 * The way from the minio client, which signs requests, to Node's HTTP client. The client takes a transport of the
 * caller's; this one adds what it lacks: an AbortSignal and time-outs for each request, and failures that keep S3's
 * error code for every status (the client itself drops the body of a 503). The signal travels beside the client in an
 * AsyncLocalStorage, since its methods have no parameter for one.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import https from 'node:https';
import type { Readable } from 'node:stream';

import { failureOfAnswer, failureOfConnection, S3Failure } from './failure';

/** An error's XML is short; what is longer is some proxy's page. */
const MAX_ERROR_BYTES = 64 * 1024;

export interface RequestContext {
	signal: AbortSignal | undefined;
	idleTimeoutMs: number;
	connectTimeoutMs: number;
	onAnswer: () => void;
}

const contexts = new AsyncLocalStorage<RequestContext>();

/** Runs a call of the minio client so that its request obeys the context. */
export function withContext<T>(context: RequestContext, call: () => Promise<T>): Promise<T> {
	return contexts.run(context, call);
}

/** A transport for the minio client. Statuses of 300 and above end as an S3Failure on the request's `error` event. */
export function transport(secure: boolean): Pick<typeof http, 'request'> {
	const request = (options: https.RequestOptions, onResponse: (response: IncomingMessage) => void): ClientRequest => {
		const context = contexts.getStore();
		const sent = (secure ? https : http).request({ ...options, signal: context?.signal }, (response) => {
			context?.onAnswer();
			if ((response.statusCode ?? 0) < 300) onResponse(response);
			else void failWith(sent, response);
		});
		if (context) limitTime(sent, context);
		return sent;
	};
	return { request: request as typeof http.request };
}

/** Reads a body into a string. */
export async function readText(body: Readable, maxBytes = Infinity): Promise<string> {
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

function limitTime(request: ClientRequest, context: RequestContext): void {
	request.setTimeout(context.idleTimeoutMs, () => request.destroy(timedOut('The server stopped answering')));
	request.once('socket', (socket) => {
		if (!socket.connecting) return;
		const timer = setTimeout(
			() => request.destroy(timedOut('The server did not accept the connection')),
			context.connectTimeoutMs,
		);
		socket.once('connect', () => clearTimeout(timer));
		socket.once('close', () => clearTimeout(timer));
	});
}

function timedOut(message: string): S3Failure {
	return new S3Failure(message, { code: 'ETIMEDOUT' });
}
