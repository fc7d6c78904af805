import { createServer, request as forward, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { QdrantTimeouts } from '../../../engine/qdrant';

/** What happens to a request besides, or instead of, being passed on. */
export interface Treatment {
	/** Waited for before the server gets the request. */
	before?: () => void | Promise<void>;
	/** The server does not get the request at all: once all of it has been read, this is the answer. */
	instead?: number;
	/** Waited for once the server has answered, before the client hears of it. */
	after?: () => void | Promise<void>;
	/** The client never gets the answer: the connection breaks. */
	lose?: boolean;
}

/** Serves as a connection. */
export interface Interceptor {
	url: string;
	/** Of whoever uses it so: what becomes of a fault shows at once, or never. */
	timeouts: QdrantTimeouts;
	/** Called with `METHOD /path` of each request. */
	treat: (line: string) => Treatment | undefined;
	/** What was asked, in order. */
	requests: string[];
	stop(): Promise<void>;
}

/**
 * A proxy that knows HTTP, for faults at one step of many: unlike the faulty proxy it tells what a server did before the
 * client hears of it.
 */
export async function startInterceptor(target: string): Promise<Interceptor> {
	const { hostname, port } = new URL(target);
	const proxy: Interceptor = {
		url: '',
		timeouts: { settle: 1000, pause: 50 },
		treat: () => undefined,
		requests: [],
		stop: () => Promise.resolve(),
	};
	const pass = async (request: IncomingMessage, response: ServerResponse, treatment: Treatment) => {
		const { method, url: path, headers } = request;
		const upstream = forward({ hostname, port, path, method, headers, agent: false });
		const answered = new Promise<IncomingMessage>((resolve, reject) => {
			upstream.once('response', resolve).once('error', reject);
		});
		request.on('aborted', () => upstream.destroy());
		request.pipe(upstream);
		const answer = await answered;
		const chunks: Buffer[] = [];
		if (treatment.lose || treatment.after) for await (const chunk of answer) chunks.push(chunk as Buffer);
		await treatment.after?.();
		if (treatment.lose) return void request.socket.destroy();
		response.writeHead(answer.statusCode ?? 500, answer.headers);
		if (treatment.after) response.end(Buffer.concat(chunks));
		else answer.pipe(response);
	};
	const serve = async (request: IncomingMessage, response: ServerResponse) => {
		const line = `${request.method} ${(request.url ?? '').split('?')[0]}`;
		proxy.requests.push(line);
		const treatment = proxy.treat(line) ?? {};
		await treatment.before?.();
		if (treatment.instead === undefined) return await pass(request, response, treatment);
		for await (const chunk of request) void chunk;
		await treatment.after?.();
		response.writeHead(treatment.instead).end(JSON.stringify({ status: { error: 'injected' } }));
	};
	const server = createServer((request, response) => {
		serve(request, response).catch(() => void request.socket.destroy());
	});
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	proxy.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	proxy.stop = async () => {
		server.closeAllConnections();
		await new Promise((resolve) => server.close(resolve));
	};
	return proxy;
}
