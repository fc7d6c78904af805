import { once } from 'node:events';
import { createServer, request, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';

export interface Changes {
	/** Whether a request is refused, as by a server that does not know something of it. */
	refuses?: (incoming: IncomingMessage) => { status: number; code: string } | undefined;
	/** Whether a byte of the request's body is another one when it arrives. */
	damages?: (incoming: IncomingMessage) => boolean;
	/** The headers of an answer. */
	headers?: (headers: IncomingHttpHeaders) => IncomingHttpHeaders;
}

export interface ChangingProxy {
	endpoint: string;
	/** Method, address and the headers of each request. */
	requests: { line: string; headers: IncomingHttpHeaders }[];
	stop(): Promise<void>;
}

/** Stands before a real S3 server and changes what passes, as broken servers and networks do. */
export async function startChangingProxy(target: string, changes: Changes): Promise<ChangingProxy> {
	const requests: ChangingProxy['requests'] = [];
	const server = createServer((incoming, outgoing) => {
		requests.push({ line: `${incoming.method} ${incoming.url}`, headers: incoming.headers });
		const refusal = changes.refuses?.(incoming);
		if (refusal) refuse(incoming, outgoing, refusal);
		else forward(incoming, outgoing, target, changes);
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	return {
		endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		requests,
		stop: async () => {
			server.closeAllConnections();
			await new Promise((resolve) => server.close(resolve));
		},
	};
}

function refuse(
	incoming: IncomingMessage,
	outgoing: ServerResponse,
	{ status, code }: { status: number; code: string },
): void {
	incoming.resume();
	incoming.once('end', () => {
		outgoing.writeHead(status, { 'content-type': 'application/xml' });
		outgoing.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>injected</Message></Error>`);
	});
}

/** The headers of a request go through as they are: the signature covers them. */
function forward(incoming: IncomingMessage, outgoing: ServerResponse, target: string, changes: Changes): void {
	const { method, url, headers } = incoming;
	const passed = request(new URL(url ?? '/', target), { method, headers }, (answer) => {
		outgoing.writeHead(answer.statusCode ?? 502, changes.headers?.(answer.headers) ?? answer.headers);
		pipeline(answer, outgoing).catch(() => outgoing.destroy());
	});
	const body = changes.damages?.(incoming) ? pipeline(incoming, damage(), passed) : pipeline(incoming, passed);
	body.catch(() => outgoing.destroy());
}

/** Changes the first byte. */
function damage(): Transform {
	let isDone = false;
	return new Transform({
		transform(chunk: Buffer, _encoding, done) {
			const damaged = Buffer.from(chunk);
			if (!isDone && damaged.length > 0) damaged[0] = (damaged[0] ?? 0) ^ 1;
			isDone = true;
			done(null, damaged);
		},
	});
}
