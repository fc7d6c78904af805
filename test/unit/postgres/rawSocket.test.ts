import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

import type { Client } from 'pg';
import { afterEach, expect, it } from 'vitest';

import { BulkSocket } from '../../../engine/postgres/bulkSocket';
import { encodeMessage, MessageType } from '../../../engine/postgres/protocol';
import { RawSocket } from '../../../engine/postgres/rawSocket';
import { noise } from '../../random/bytes';

const OUT = encodeMessage(MessageType.copyOutResponse, Buffer.alloc(3));
const COMPLETE = encodeMessage(MessageType.commandComplete, Buffer.from('COPY 1\0'));
const READY = encodeMessage(MessageType.readyForQuery, Buffer.from('T'));
const FAILED = encodeMessage(MessageType.errorResponse, Buffer.from('SFATAL\0C57P01\0Mshut down\0\0'));

const random = noise('postgres/raw-socket');
const ends: Array<() => unknown> = [];

afterEach(() => ends.splice(0).forEach((end) => end()));

/** A connection whose other end answers the `n`th query with the `n`th of these. */
async function connected(...answers: Array<(socket: Socket) => void>): Promise<RawSocket> {
	const server = createServer((socket) => {
		ends.push(() => socket.destroy());
		socket.on('error', () => {});
		socket.on('data', () => answers.shift()?.(socket));
	}).listen(0, '127.0.0.1');
	ends.push(() => server.close());
	await once(server, 'listening');
	const { socket } = new BulkSocket();
	ends.push(() => socket.destroy());
	// What `pg` listens with until somebody else reads.
	socket.on('data', () => {});
	socket.connect((server.address() as AddressInfo).port, '127.0.0.1');
	await once(socket, 'connect');
	return new RawSocket({ connection: { stream: socket } } as unknown as Client);
}

/** Sends bytes in pieces of all lengths, the next one when the one before it is on its way. */
async function sendInPieces(socket: Socket, bytes: Buffer): Promise<void> {
	const lengths = random(4096);
	for (let at = 0, count = 0; at < bytes.length; count++) {
		const length = (lengths[count % lengths.length] as number) ** 2 + 1;
		const piece = bytes.subarray(at, at + length);
		at += length;
		await new Promise((resolve) => socket.write(piece, resolve));
	}
}

/** Takes rows down; lets the reader wait for every so many of them. */
class Rows {
	readonly pieces: Buffer[] = [];
	count = 0;

	constructor(readonly waitsFor = Infinity) {}

	begin(): Promise<void> | undefined {
		this.count++;
		return this.count % this.waitsFor === 0 ? new Promise((resolve) => setImmediate(resolve)) : undefined;
	}

	bytes(chunk: Buffer, start: number, end: number): undefined {
		this.pieces.push(Buffer.from(chunk.subarray(start, end)));
	}

	get all(): Buffer {
		return Buffer.concat(this.pieces);
	}
}

const rowsOf = (bytes: Buffer, length: number): Buffer[] =>
	Array.from({ length: Math.ceil(bytes.length / length) }, (_, index) =>
		encodeMessage(MessageType.copyData, bytes.subarray(index * length, (index + 1) * length)),
	);

it.each([Infinity, 100, 1])(
	'a long answer comes whole, however it is cut, where its reader waits for every %s rows',
	async (waitsFor) => {
		const content = random(6 * 1024 * 1024);
		const answer = Buffer.concat([OUT, ...rowsOf(content, 3001), COMPLETE, READY]);
		const socket = await connected((other) => void sendInPieces(other, answer));
		const rows = new Rows(waitsFor);
		await socket.copyOut(Buffer.from('COPY t TO STDOUT'), rows);
		expect(rows.all.equals(content)).toBe(true);
	},
);

it('one answer after another comes over the same connection', async () => {
	const answer = Buffer.concat([OUT, ...rowsOf(random(3 * 1024 * 1024), 1000), COMPLETE, READY]);
	const socket = await connected(
		(other) => void other.write(answer),
		(other) => void other.write(READY),
		(other) => void other.write(answer),
	);
	const [first, second] = [new Rows(), new Rows()];
	await socket.copyOut(Buffer.from('COPY t TO STDOUT'), first);
	expect((await socket.exchange(Buffer.from('a query'))).equals(READY)).toBe(true);
	await socket.copyOut(Buffer.from('COPY t TO STDOUT'), second);
	expect(second.all.equals(first.all)).toBe(true);
});

it('the server says why it ends a connection in the middle of a long answer', async () => {
	const begun = Buffer.concat([OUT, ...rowsOf(random(3 * 1024 * 1024), 1000)]);
	const socket = await connected((other) => void other.end(Buffer.concat([begun, FAILED])));
	await expect(socket.copyOut(Buffer.from('COPY t TO STDOUT'), new Rows())).rejects.toMatchObject({ code: '57P01' });
});

it('a connection that ends in the middle of a long answer without a word is lost', async () => {
	const begun = Buffer.concat([OUT, ...rowsOf(random(3 * 1024 * 1024), 1000)]);
	const socket = await connected((other) => void other.end(begun));
	const copying = socket.copyOut(Buffer.from('COPY t TO STDOUT'), new Rows());
	await expect(copying).rejects.toMatchObject({ code: 'ECONNRESET' });
	await expect(socket.copyOut(Buffer.from('COPY t TO STDOUT'), new Rows())).rejects.toMatchObject({
		code: 'ECONNRESET',
	});
});

it('what is no answer fails the reading, and not the process', async () => {
	const answer = Buffer.concat([OUT, ...rowsOf(random(2 * 1024 * 1024), 1000), OUT]);
	const socket = await connected((other) => void other.write(answer));
	await expect(socket.copyOut(Buffer.from('COPY t TO STDOUT'), new Rows())).rejects.toThrow('rows within rows');
});
