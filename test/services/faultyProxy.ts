import { createServer, connect, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

/** What happens to a request instead of being passed on. Requests are told apart by their first line. */
export interface Fault {
	/** Matches the request line: `PUT /bucket/key?partNumber=2&... HTTP/1.1`. */
	when: RegExp;
	/** How many requests it happens to. */
	times: number;
	/**
	 * `status`: the answer is this status (with an S3 error code, or this body), the server does not see the request.
	 * `drop`: the connection is closed as soon as the request's head has come.
	 * `cutUpload`: the connection breaks after so many bytes of the request.
	 * `cutAnswer`: the connection breaks after so many bytes of the answer; 0 loses the answer to what the server did.
	 * `stall`: the server sees the request, its answer never arrives.
	 * `delayAnswer`: its answer arrives so many milliseconds after the request began.
	 */
	act:
		| { kind: 'status'; status: number; code: string; body?: string }
		| { kind: 'cutUpload'; afterBytes: number }
		| { kind: 'cutAnswer'; afterBytes: number }
		| { kind: 'stall' }
		| { kind: 'drop' }
		| { kind: 'delayAnswer'; milliseconds: number };
}

export interface FaultyProxy {
	endpoint: string;
	/** Faults in order of precedence; may be changed at any time. */
	faults: Fault[];
	/** The request lines that came, in order. */
	requests: string[];
	/** Called with each request line before it is judged: may change the faults. */
	onRequest: ((line: string) => void) | undefined;
	/** Connections open now. */
	openConnections(): number;
	stop(): Promise<void>;
}

/**
 * A TCP proxy that injects faults between a client and a real HTTP server. It asks the server to close the connection
 * after each answer, so that a connection carries one request and can be judged by its first line.
 */
export async function startFaultyProxy(target: string): Promise<FaultyProxy> {
	const { hostname, port } = new URL(target);
	const sockets = new Set<Socket>();
	const proxy = { faults: [] as Fault[], requests: [] as string[], onRequest: undefined as FaultyProxy['onRequest'] };
	const server = createServer((client) => {
		track(client, sockets);
		void serve(client, () => track(connect(Number(port), hostname), sockets), proxy);
	});
	const address = await listen(server);
	return Object.assign(proxy, {
		endpoint: `http://127.0.0.1:${address}`,
		openConnections: () => sockets.size,
		stop: async () => {
			for (const socket of sockets) socket.destroy();
			await new Promise((resolve) => server.close(resolve));
		},
	});
}

async function listen(server: Server): Promise<number> {
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	return (server.address() as { port: number }).port;
}

function track(socket: Socket, sockets: Set<Socket>): Socket {
	sockets.add(socket);
	socket.on('error', () => socket.destroy());
	socket.on('close', () => sockets.delete(socket));
	return socket;
}

async function serve(
	client: Socket,
	open: () => Socket,
	proxy: Pick<FaultyProxy, 'faults' | 'requests' | 'onRequest'>,
): Promise<void> {
	const head = await readHead(client);
	if (!head) return;
	const line = head.toString('latin1').split('\r\n', 1)[0] ?? '';
	proxy.requests.push(line);
	proxy.onRequest?.(line);
	const fault = proxy.faults.find(({ when, times }) => times > 0 && when.test(line));
	if (fault) fault.times--;
	const act = fault?.act;
	if (act?.kind === 'status') {
		answer(client, act.status, act.body ?? s3Error(act.code));
		return;
	}
	if (act?.kind === 'drop') {
		client.resetAndDestroy();
		return;
	}
	const upstream = open();
	client.on('close', () => upstream.destroy());
	// Whoever waits for an answer that never comes sees no end of the connection either.
	if (act?.kind !== 'stall') upstream.on('close', () => client.destroy());
	upstream.write(closing(head));
	limited(client, upstream, act?.kind === 'cutUpload' ? act.afterBytes : Infinity);
	if (act?.kind === 'delayAnswer') await sleep(act.milliseconds);
	if (act?.kind === 'stall') upstream.resume();
	else limited(upstream, client, act?.kind === 'cutAnswer' ? act.afterBytes : Infinity);
}

/** Passes bytes on with back-pressure; breaks both connections when the limit is reached. */
function limited(from: Socket, to: Socket, bytes: number): void {
	let left = bytes;
	from.on('data', (chunk: Buffer) => {
		const passed = chunk.subarray(0, Math.min(chunk.length, left));
		left -= passed.length;
		if (left > 0) {
			if (!to.write(passed)) from.pause();
			return;
		}
		to.write(passed, () => {
			from.resetAndDestroy();
			to.resetAndDestroy();
		});
	});
	to.on('drain', () => from.resume());
	from.on('end', () => to.end());
	from.resume();
}

/** Everything that came until the end of the head, with whatever of the body came along; pauses the socket. */
async function readHead(socket: Socket): Promise<Buffer | undefined> {
	return await new Promise((resolve) => {
		let received = Buffer.alloc(0);
		const onData = (chunk: Buffer) => {
			received = Buffer.concat([received, chunk]);
			if (!received.includes('\r\n\r\n')) return;
			socket.off('data', onData);
			socket.pause();
			resolve(received);
		};
		socket.on('data', onData);
		socket.once('close', () => resolve(undefined));
	});
}

/** The head with `Connection: close`, which S3's signature does not cover. */
function closing(received: Buffer): Buffer {
	const end = received.indexOf('\r\n\r\n');
	const head = received
		.subarray(0, end)
		.toString('latin1')
		.replace(/\r\nconnection:[^\r]*/i, '');
	return Buffer.concat([Buffer.from(`${head}\r\nConnection: close`, 'latin1'), received.subarray(end)]);
}

function s3Error(code: string): string {
	return `<?xml version="1.0"?><Error><Code>${code}</Code><Message>injected</Message></Error>`;
}

function answer(client: Socket, status: number, body: string): void {
	client.resume();
	client.end(`HTTP/1.1 ${status} Injected\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`);
}
