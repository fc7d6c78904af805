import { once } from 'node:events';
import http from 'node:http';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';

import { QdrantClient } from '../../../../engine/qdrant/client/client';
import { downloadUnchecked } from '../../../../engine/qdrant/client/download';
import { openLong, readText, type LongAnswer } from '../../../../engine/qdrant/client/http';
import { noise } from '../../../random/bytes';

const random = noise('qdrant/long-answer');

const MIB = 1024 * 1024;
const servers: Server[] = [];
const sockets: Socket[] = [];

afterEach(() => {
	for (const socket of sockets.splice(0)) socket.destroy();
	for (const server of servers.splice(0)) server.close();
});

/** A server that answers every request as it is told: the only way to get answers in odd pieces, or broken ones. */
async function serve(answer: (socket: Socket) => Promise<void> | void): Promise<string> {
	const server = createServer((socket) => {
		sockets.push(socket.setNoDelay(true).on('error', () => {}));
		socket.once('data', () => void answer(socket));
	}).listen(0, '127.0.0.1');
	servers.push(server);
	await once(server, 'listening');
	return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Sends the bytes in pieces that end at these places. */
async function inPieces(socket: Socket, bytes: Buffer, ends: number[]): Promise<void> {
	let from = 0;
	for (const end of [...ends.toSorted((a, b) => a - b), bytes.length]) {
		const piece = bytes.subarray(from, end);
		from = Math.max(from, end);
		if (!socket.write(piece)) await once(socket, 'drain');
		await new Promise((resolve) => setImmediate(resolve));
	}
}

const openAt = (url: string, signal?: AbortSignal) =>
	openLong({ url }, { method: 'GET', path: '/snapshot', answerWithin: 5000, ...(signal && { signal }) });

async function read(body: LongAnswer['body']): Promise<Buffer> {
	const chunks: Uint8Array[] = [];
	for await (const chunk of body as AsyncIterable<Uint8Array>) chunks.push(chunk);
	return Buffer.concat(chunks);
}

const headOf = (length: number, more = '') =>
	`HTTP/1.1 200 OK\r\ncontent-length: ${length}\r\netag: "x"\r\n${more}\r\n`;
const content = random(3 * MIB);

describe('a long answer', () => {
	it('comes whole, whatever its length and wherever it was cut on the way', async () => {
		const length = fc.oneof(
			fc.constantFrom(0, 1, MIB - 1, MIB, MIB + 1, 2 * MIB, content.length),
			fc.nat(content.length),
		);
		const end = fc.oneof(fc.nat(120), fc.nat(content.length));
		const tail = fc.constantFrom('', 'bytes that nobody announced', headOf(5));
		await fc.assert(
			fc.asyncProperty(length, fc.array(end, { maxLength: 6 }), tail, async (length, ends, tail) => {
				const sent = Buffer.concat([Buffer.from(headOf(length)), content.subarray(0, length), Buffer.from(tail)]);
				const { head, body } = await openAt(await serve((socket) => inPieces(socket, sent, ends)));
				expect(head.statusCode).toBe(200);
				expect(head.headers.etag).toBe('"x"');
				expect((await read(body)).equals(content.subarray(0, length))).toBe(true);
				expect(body.complete).toBe(true);
				body.destroy();
			}),
			{ numRuns: 60 },
		);
	});

	it('comes in blocks of 1 MiB where its length is known', async () => {
		const url = await serve((socket) =>
			inPieces(socket, Buffer.concat([Buffer.from(headOf(content.length)), content]), []),
		);
		const { body } = await openAt(url);
		const lengths: number[] = [];
		for await (const chunk of body as AsyncIterable<Uint8Array>) lengths.push(chunk.length);
		expect(lengths.length).toBeLessThanOrEqual(5);
	});

	it.each([
		['in chunks', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n', '6\r\npoints\r\n0\r\n\r\n', 'points'],
		['until the end of the connection', 'HTTP/1.1 200 OK\r\n\r\n', 'points', 'points'],
		['of no bytes', 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n', '', ''],
		[
			'after word that the server goes on',
			'HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n',
			'points',
			'points',
		],
		['that refuses', 'HTTP/1.1 404 Not Found\r\ncontent-length: 6\r\n\r\n', 'points', 'points'],
	])('%s comes whole', async (_, head, rest, text) => {
		for (const ends of [[], [head.length], [4], [head.length - 2, head.length + 3]]) {
			const url = await serve(async (socket) => {
				await inPieces(socket, Buffer.from(head + rest), ends);
				socket.end();
			});
			const answer = await openAt(url);
			expect(await readText(answer.head)).toBe(text);
			expect(answer.head.complete).toBe(true);
		}
	});

	it('in chunks comes whole to a slow reader, though the server has closed the connection long before', async () => {
		const chunk = Buffer.concat([Buffer.from('64000\r\n'), content.subarray(0, 0x64000), Buffer.from('\r\n')]);
		const url = await serve((socket) => {
			socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
			socket.end(Buffer.concat([chunk, Buffer.from('0\r\n\r\n')]));
		});
		const { body } = await openAt(url);
		await sleep(200);
		const arrived: Uint8Array[] = [];
		for await (const piece of body as AsyncIterable<Uint8Array>) {
			arrived.push(piece);
			await sleep(20);
		}
		expect(Buffer.concat(arrived).equals(content.subarray(0, 0x64000))).toBe(true);
		expect(body.complete).toBe(true);
	});

	it.each([
		['no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n'],
		['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\npoints'],
		['a length and chunks', 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\npoints'],
		['a head without end', `HTTP/1.1 200 OK\r\nx: ${'x'.repeat(2 * MIB)}`],
	])('with %s is refused', async (_, answer) => {
		const url = await serve((socket) => void socket.write(answer));
		await expect(openAt(url)).rejects.toThrow();
	});

	it('that breaks hands on all that had come, then tells that it broke', async () => {
		for (const end of [1, 100_000, MIB, MIB + 5]) {
			const url = await serve(async (socket) => {
				await inPieces(socket, Buffer.concat([Buffer.from(headOf(content.length)), content.subarray(0, end)]), []);
				socket.end();
			});
			const { body } = await openAt(url);
			let arrived = 0;
			const reading = (async () => {
				for await (const chunk of body as AsyncIterable<Uint8Array>) arrived += chunk.length;
			})();
			await expect(reading).rejects.toThrow('the connection was closed too early');
			expect(arrived).toBe(end);
			expect(body.complete).toBe(false);
		}
	});

	it('that comes slowly is not held back until a block is full', async () => {
		const url = await serve((socket) => {
			socket.write(headOf(1000));
			socket.write(content.subarray(0, 10));
		});
		const { body } = await openAt(url);
		const bytes = (body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
		expect((await bytes.next()).value).toHaveLength(10);
		body.destroy();
	});

	it('stops at a reader that does not read, and comes whole when that goes on', async () => {
		const long = Buffer.alloc(64 * MIB, content);
		let sent = 0;
		const url = await serve(async (socket) => {
			socket.write(headOf(long.length));
			for (; sent < long.length; sent += MIB) {
				if (!socket.write(long.subarray(sent, sent + MIB))) await once(socket, 'drain');
			}
		});
		const { body } = await openAt(url);
		for (let held = -1; held < sent; await sleep(300)) held = sent;
		// Ours are four blocks and the one that is filled; the rest are the buffers of the system's two sockets.
		expect(sent).toBeLessThan(32 * MIB);
		expect((await read(body)).equals(long)).toBe(true);
	});

	it('that is refused closes its connection when it was read, though the server leaves it open', async () => {
		const url = await serve((socket) => void socket.write('HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n{}'));
		expect(await readText((await openAt(url)).head)).toBe('{}');
		if (!sockets[0]!.closed) await once(sockets[0]!, 'close');
	});

	it('that changes the protocol is none', async () => {
		const url = await serve((socket) => {
			socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n');
		});
		await expect(openAt(url)).rejects.toThrow('closed without an answer');
	});

	it('goes through a proxy where all connections of the process do', async () => {
		const url = await serve((socket) => inPieces(socket, Buffer.from(`${headOf(5)}proxy`), []));
		class ProxyAgent extends http.Agent {
			override createConnection() {
				return connect(Number(new URL(url).port), '127.0.0.1');
			}
		}
		const agent = http.globalAgent;
		http.globalAgent = new ProxyAgent();
		try {
			const { body } = await openAt('http://qdrant.invalid:6333');
			expect((await read(body)).toString()).toBe('proxy');
		} finally {
			http.globalAgent = agent;
		}
	});

	it('is not asked for with what no header may hold, and nothing is left of it', async () => {
		const request = { method: 'GET', path: '/', headers: { 'if-match': 'a\nb' }, answerWithin: 5000 } as const;
		await expect(openLong({ url: 'http://127.0.0.1:1' }, request)).rejects.toThrow('Invalid character in header');
		// An error of a connection that nobody looks at would end the process.
		await sleep(50);
	});

	it('whose refusal is never told to its end counts as silence', async () => {
		const url = await serve((socket) => void socket.write('HTTP/1.1 500 Error\r\ncontent-length: 99\r\n\r\n{'));
		const client = new QdrantClient({ url, timeouts: { idle: 100 } }, 'source');
		const controller = new AbortController();
		const reasons: string[] = [];
		const onResume = (_: number, reason: string) => {
			reasons.push(reason);
			controller.abort();
		};
		const snapshot = { name: 'x', size: 5, creation_time: null, checksum: null };
		const bytes = downloadUnchecked(client, { collection: 'docs' }, snapshot, { signal: controller.signal, onResume });
		await expect(bytes.next()).rejects.toMatchObject({ code: 'CANCELLED' });
		expect(reasons).toEqual([expect.stringContaining('fell silent')]);
	});

	it('that nobody wants any more closes the connection, before its head as well', async () => {
		const url = await serve((socket) => void socket.write(headOf(content.length)));
		const { body } = await openAt(url);
		const waiting = (body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]().next();
		body.destroy(new Error('enough'));
		await expect(waiting).rejects.toThrow('enough');
		await once(sockets[0]!, 'close');

		const controller = new AbortController();
		const silent = await serve(() => controller.abort());
		await expect(openAt(silent, controller.signal)).rejects.toThrow();
		await once(sockets[1]!, 'close');
	});
});
