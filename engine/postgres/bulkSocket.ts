import { Socket } from 'node:net';

/** Bytes that one read takes from the kernel at most. */
export const READ_SIZE = 256 * 1024;

/**
 * A TCP socket that reads into one buffer, again and again, for connections that carry rows in bulk. An ordinary socket
 * allocates 64 kB for every read; at hundreds of megabytes a second that keeps the garbage collector of the whole process
 * busy.
 *
 * Until somebody takes it over it behaves like any socket whose `data` one listens to, for `pg` has to log in first. After
 * that it reads only when asked to, and for as long as who has asked wants more: to stop and go on for each chunk would take
 * two calls of the system, and as long as to copy it.
 */
export class BulkSocket {
	readonly #buffer = Buffer.allocUnsafeSlow(READ_SIZE);
	#take: ((chunk: Buffer) => boolean) | undefined;
	#takenOver = false;
	/** What came while nobody had asked. */
	#waiting: Buffer | undefined;

	/** The socket itself, to be handed to `pg`. */
	readonly socket: Socket = new Socket({
		onread: { buffer: this.#buffer, callback: (length) => this.#onBytes(this.#buffer.subarray(0, length)) },
	});

	/** The BulkSocket that a socket belongs to, where it does. */
	static of(socket: unknown): BulkSocket | undefined {
		return BulkSocket.#bySocket.get(socket as Socket);
	}

	static readonly #bySocket = new WeakMap<Socket, BulkSocket>();

	constructor() {
		BulkSocket.#bySocket.set(this.socket, this);
	}

	/** From now on bytes come by `read` alone. */
	takeOver(): void {
		this.#takenOver = true;
	}

	/** From now on bytes come as `data` again, first those that nobody has asked for. */
	handBack(): void {
		this.#takenOver = false;
		const waiting = this.#waiting;
		this.#waiting = undefined;
		if (waiting) this.socket.emit('data', waiting);
	}

	/**
	 * Asks for bytes: `take` gets one chunk after another for as long as it returns true. A chunk stays as it is until the next
	 * one comes. What `take` throws ends the process.
	 */
	read(take: (chunk: Buffer) => boolean): void {
		const waiting = this.#waiting;
		if (waiting) {
			this.#waiting = undefined;
			if (!take(waiting)) return;
		}
		this.#take = take;
		this.socket.resume();
	}

	/** Returns whether the socket shall go on reading. */
	#onBytes(chunk: Buffer): boolean {
		if (!this.#takenOver) return this.socket.emit('data', Buffer.from(chunk));
		const take = this.#take;
		if (!take) this.#waiting = Buffer.from(chunk);
		else if (take(chunk)) return true;
		this.#take = undefined;
		return false;
	}
}
