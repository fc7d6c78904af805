/**
 * A connection for Node's HTTP client that can take the body of an answer past it. The client hands bodies out in pieces of
 * at most 64 KiB. Its parser copies each of them, and each is an object for the garbage collector; for a snapshot of gigabytes
 * that is more work than hashing and writing it. Here the system's own copy from the socket fills blocks of 1 MiB. Node's parser still reads
 * the head; whatever is not a body of known length goes through it as on any connection.
 */
import { connect, type Socket } from 'node:net';
import type { IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';

import { lend } from '../../storage/lent';
import { BlockBody } from './blockBody';

const BLOCK_BYTES = 1024 * 1024;
const END_OF_HEAD = '\r\n\r\n';

export class BlockSocket extends Duplex {
	/** Where the system puts what comes; of it, the bytes up to #taken have been handed on, those up to #used are there. */
	#block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
	/** Blocks that were handed on and came back. */
	readonly #spare: Buffer<ArrayBuffer>[] = [];
	#taken = 0;
	#used = 0;
	/** After its head, an answer waits until it is known who reads its body. */
	#state: 'head' | 'undecided' | 'through' | 'blocks' = 'head';
	#body: BlockBody | undefined;
	#hasEnded = false;
	readonly #socket: Socket;

	constructor(address: { host: string; port: number }) {
		super({ allowHalfOpen: false });
		this.#socket = connect({
			...address,
			onread: { buffer: () => this.#block.subarray(this.#used), callback: (bytes) => this.#received(bytes) },
		});
		this.#socket.on('connect', () => this.emit('connect'));
		this.#socket.on('end', () => this.#ended());
		this.#socket.on('error', (error) => this.destroy(error));
		this.#socket.on('close', () => {
			// Where the server has ended the connection properly, the parser may still have to read what came before.
			if (!this.#hasEnded) this.destroy();
		});
	}

	setKeepAlive(enable: boolean, initialDelay: number): this {
		this.#socket.setKeepAlive(enable, initialDelay);
		return this;
	}

	setNoDelay(noDelay: boolean): this {
		this.#socket.setNoDelay(noDelay);
		return this;
	}

	/** As a net.Socket has it: the client calls it at the end of an answer, to have the connection closed. */
	destroySoon(): void {
		if (this.writableFinished) this.destroy();
		else this.end(() => this.destroy());
	}

	/**
	 * To be called in the `response` event: whose body comes as blocks from now on; undefined for one whose length the head
	 * does not tell, which is read from the answer as usual.
	 */
	bodyOf({ headers }: IncomingMessage): BlockBody | undefined {
		const length = Number(headers['content-length'] ?? NaN);
		if (this.#state !== 'undecided') return undefined;
		if (!(length > 0) || headers['transfer-encoding'] !== undefined) {
			this.#passOn();
			return undefined;
		}
		this.#state = 'blocks';
		this.#body = new BlockBody(length, {
			goOn: () => this.#socket.resume(),
			addPart: () => this.#addPart(),
			destroy: (error) => this.destroy(error),
		});
		if (this.#hasBlock(this.#body)) this.#body.add(this.#take(length));
		this.#socket.resume();
		return this.#body;
	}

	/** Tells whether the system is to go on reading. */
	#received(bytes: number): boolean {
		this.#used += bytes;
		if (this.#state === 'head') this.#readHead();
		if (this.#state === 'through') return this.push(this.#take());
		if (this.#body && this.#hasBlock(this.#body)) return this.#body.add(this.#take(this.#body.missing));
		return this.#state !== 'undecided';
	}

	/** Gives Node's parser the head and no more, where a body may follow that it need not see. */
	#readHead(): void {
		const start = this.#content.toString('latin1', 0, 13);
		if (start.length < 13) return;
		if (/^HTTP\/1\.1 20[06] /.test(start)) {
			const end = this.#content.indexOf(END_OF_HEAD);
			if (end >= 0) {
				this.#state = 'undecided';
				this.push(this.#take(end + END_OF_HEAD.length));
			} else if (this.#used === this.#block.length) this.#state = 'through';
		} else this.#state = 'through';
	}

	get #content(): Buffer {
		return this.#block.subarray(this.#taken, this.#used);
	}

	#hasBlock(body: BlockBody): boolean {
		return this.#used === this.#block.length || this.#content.length >= body.missing || body.wantsPart;
	}

	/** Passes on less than a block, to a reader that has waited long enough. */
	#addPart(): void {
		if (this.#body && this.#content.length > 0) this.#body.add(this.#take(this.#body.missing));
	}

	/** Hands on what has come, or the first so many bytes of it; their place is not written to again before they are given back. */
	#take(limit = this.#used): Uint8Array {
		const block = this.#block;
		const taken = this.#content.subarray(0, limit);
		this.#taken += taken.length;
		if (this.#used === block.length) this.#renewBlock();
		return taken.length === block.length ? lend(taken, () => this.#spare.push(block)) : taken;
	}

	/** What has come and was not taken begins the new block. */
	#renewBlock(): void {
		const rest = this.#content;
		this.#block = this.#spare.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES);
		this.#taken = 0;
		this.#used = rest.copy(this.#block);
	}

	#passOn(): void {
		this.#state = 'through';
		// The parser is still at work on the head.
		process.nextTick(() => {
			if (this.push(this.#take())) this.#socket.resume();
		});
	}

	#ended(): void {
		this.#hasEnded = true;
		if (this.#body) this.destroy();
		else this.push(null);
	}

	override _read(): void {
		if (this.#state !== 'undecided') this.#socket.resume();
	}

	override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
		this.#socket.write(chunk, done);
	}

	override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
		this.#socket.destroy();
		this.#body?.add(this.#take(this.#body.missing));
		this.#body?.fail(error ?? Object.assign(new Error('the connection was closed too early'), { code: 'ECONNRESET' }));
		done(error);
	}
}
