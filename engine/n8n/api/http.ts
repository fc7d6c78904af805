/**
 * Node's HTTP client, with what the API of n8n needs: nothing is redirected (the key would go along), an answer is read up to
 * a limit in bytes, and what is asked again without harm shares connections. Requests that change something get one of their
 * own, because n8n closes connections that were idle for five seconds, perhaps just as the request goes out.
 */
import http, { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import https from 'node:https';

import { AnswerTooLong, connectionFailure, N8nFailure } from './failure';
import type { N8nApiTimeouts } from './connection';

export interface ApiRequest {
	method: 'GET' | 'POST' | 'PUT' | 'DELETE';
	/** Encoded, from the first slash. */
	path: string;
	query?: Readonly<Record<string, string>>;
	/** JSON. */
	body?: string;
	signal?: AbortSignal | undefined;
	/** Bytes of the answer at most. */
	limit: number;
}

export interface ApiAnswer {
	status: number;
	headers: IncomingHttpHeaders;
	text: string;
}

/**
 * Sends a request, and reads the answer to its end, whatever its status.
 * @throws N8nFailure where there is none, AnswerTooLong
 */
export async function send(
	base: URL,
	apiKey: string,
	request: ApiRequest,
	timeouts: Required<N8nApiTimeouts>,
): Promise<ApiAnswer> {
	const sent = begin(base, apiKey, request, timeouts);
	const answered = new Promise<IncomingMessage>((resolve, reject) => {
		sent.once('response', resolve);
		sent.on('error', (error) => reject(connectionFailure(error)));
		// Where a server changes the protocol, Node reports neither an answer nor an error.
		sent.once('close', () =>
			reject(new N8nFailure('the connection was closed without an answer', { code: 'ECONNRESET' })),
		);
	});
	sent.end(request.body);
	const answer = await answered;
	const text = await readText(answer, request.limit);
	return { status: answer.statusCode ?? 0, headers: answer.headers, text };
}

function begin(base: URL, apiKey: string, request: ApiRequest, timeouts: Required<N8nApiTimeouts>): ClientRequest {
	const { method, path, query = {}, body, signal } = request;
	const isHttps = base.protocol === 'https:';
	const search = new URLSearchParams(query).toString();
	const sent = (isHttps ? https : http).request({
		protocol: base.protocol,
		// A URL has an IPv6 address in brackets; a connection wants it without them.
		hostname: base.hostname.replace(/^\[|\]$/g, ''),
		port: base.port || undefined,
		path: (base.pathname === '/' ? '' : base.pathname) + path + (search === '' ? '' : `?${search}`),
		method,
		...(method === 'GET' ? {} : { agent: false }),
		headers: {
			accept: 'application/json',
			'accept-encoding': 'identity',
			'x-n8n-api-key': apiKey,
			...(body === undefined
				? {}
				: { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }),
		},
		...(signal && { signal }),
	});
	sent.once('socket', (socket) => {
		if (!socket.connecting) return;
		const ready = isHttps ? 'secureConnect' : 'connect';
		const timer = setTimeout(
			() => {
				sent.destroy(new N8nFailure('the server did not accept the connection in time', { code: 'ETIMEDOUT' }));
			},
			timeouts.connect || 2 ** 31 - 1,
		);
		const stop = () => clearTimeout(timer);
		socket.once(ready, stop);
		sent.once('close', stop);
	});
	sent.setTimeout(timeouts.idle, () => {
		sent.destroy(new N8nFailure(`nothing came for ${timeouts.idle / 1000} seconds`, { code: 'ETIMEDOUT' }));
	});
	return sent;
}

async function readText(answer: IncomingMessage, limit: number): Promise<string> {
	const chunks: Buffer[] = [];
	let length = 0;
	try {
		for await (const chunk of answer as AsyncIterable<Buffer>) {
			length += chunk.length;
			if (length > limit)
				throw new AnswerTooLong(`the answer has more than ${limit} bytes`, { status: answer.statusCode ?? 0 });
			chunks.push(chunk);
		}
	} catch (error) {
		throw connectionFailure(error);
	}
	return Buffer.concat(chunks, length).toString('utf8');
}
