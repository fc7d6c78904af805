import { createServer, request as forward } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

export interface Answer {
	status: number;
	/** Without `content-length` the body goes out in chunks. */
	headers: Record<string, string | string[] | undefined>;
	body: Buffer;
}

export interface RewritingProxy {
	endpoint: string;
	/** Changes the answer to a request, which is told by its first line, before the client gets it. */
	rewrite: (line: string, answer: Answer) => void;
	stop(): Promise<void>;
}

/** Stands before a real S3 server and changes what it answers, as caches, proxies and broken servers do. */
export async function startRewritingProxy(target: string): Promise<RewritingProxy> {
	const { hostname, port } = new URL(target);
	const proxy: RewritingProxy = { endpoint: '', rewrite: () => {}, stop: () => Promise.resolve() };
	const server = createServer((request, response) => {
		const serve = async () => {
			const { method, url: path, headers } = request;
			// The headers go through as they are: the signature covers them.
			const upstream = forward({ hostname, port, path, method, headers, agent: false });
			upstream.end(await buffer(request));
			const [answered] = (await once(upstream, 'response')) as [import('node:http').IncomingMessage];
			const body = await buffer(answered);
			const answer: Answer = { status: answered.statusCode ?? 500, headers: answered.headers, body };
			proxy.rewrite(`${method} ${path}`, answer);
			response.writeHead(answer.status, answer.headers).end(answer.body);
		};
		serve().catch(() => void request.socket.destroy());
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	proxy.endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	proxy.stop = async () => {
		server.closeAllConnections();
		await new Promise((resolve) => server.close(resolve));
	};
	return proxy;
}
