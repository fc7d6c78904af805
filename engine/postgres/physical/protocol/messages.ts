import { READ_SIZE } from '../../bulkSocket';
import { bodyLength, HEADER_LENGTH, type Message, protocolViolation } from '../../protocol';
import type { RawSocket } from '../../rawSocket';

/** Bytes of the longest message that is taken. Servers send pieces of 32 kB of a base backup, and of 128 kB of WAL. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

/** Bytes after which what comes is taken for a long answer, of which a read shall wait until more has come: see RawSocket. */
const LONG_ANSWER_BYTES = 4 * 1024 * 1024;
/** Milliseconds of such a wait. */
const INTERVAL_MS = 1;

/**
 * Cuts what a server sends into whole messages. The socket reads into one buffer again and again, and a message that lies in it whole
 * is handed out as it lies there; only one that goes over its end is copied. So a body stays as it is until the next call, no longer.
 * A message is read when it is asked for: a consumer that is slow makes the server wait.
 */
export class MessageReader {
	readonly #socket: RawSocket;
	#chunk: Buffer = Buffer.alloc(0);
	#at = 0;
	#scratch: Buffer = Buffer.alloc(0);
	/** Bytes of chunks that have followed one another without a pause. */
	#bytes = 0;

	constructor(socket: RawSocket) {
		this.#socket = socket;
	}

	/**
	 * The next message.
	 * @throws Error where the connection breaks, or what comes is no message
	 */
	async next(): Promise<Message> {
		const left = this.#chunk.length - this.#at;
		if (left >= HEADER_LENGTH) {
			const length = this.#lengthAt(this.#chunk, this.#at);
			if (left >= HEADER_LENGTH + length) return this.#take(length);
		}
		return await this.#gather();
	}

	/** A message that lies in the chunk. */
	#take(length: number): Message {
		const type = this.#chunk[this.#at] as number;
		const start = this.#at + HEADER_LENGTH;
		this.#at = start + length;
		return { type, body: this.#chunk.subarray(start, this.#at) };
	}

	/** A message that goes on in the chunks to come. */
	async #gather(): Promise<Message> {
		if (this.#at === this.#chunk.length) {
			await this.#read();
			if (this.#chunk.length >= HEADER_LENGTH) {
				const length = this.#lengthAt(this.#chunk, 0);
				if (this.#chunk.length >= HEADER_LENGTH + length) return this.#take(length);
			}
		}
		await this.#fill(0, HEADER_LENGTH);
		const length = this.#lengthAt(this.#scratch, 0);
		await this.#fill(HEADER_LENGTH, HEADER_LENGTH + length);
		return { type: this.#scratch[0] as number, body: this.#scratch.subarray(HEADER_LENGTH, HEADER_LENGTH + length) };
	}

	/** Copies into the scratch buffer from one of its places to another, reading on where needed. */
	async #fill(from: number, to: number): Promise<void> {
		if (this.#scratch.length < to) {
			const larger = Buffer.allocUnsafeSlow(Math.max(to, 2 * this.#scratch.length, READ_SIZE));
			this.#scratch.copy(larger, 0, 0, from);
			this.#scratch = larger;
		}
		for (let at = from; at < to;) {
			if (this.#at === this.#chunk.length) await this.#read();
			const taken = this.#chunk.copy(this.#scratch, at, this.#at, this.#at + to - at);
			this.#at += taken;
			at += taken;
		}
	}

	/** Reads one chunk. A server sends in pieces; whoever reads each of them as it comes is woken for each. */
	async #read(): Promise<void> {
		const isShort = this.#chunk.length < READ_SIZE / 2;
		if (this.#bytes >= LONG_ANSWER_BYTES && isShort) await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
		this.#chunk = await this.#socket.nextChunk();
		this.#at = 0;
		this.#bytes += this.#chunk.length;
	}

	/** What comes next is another answer, which may be short. */
	beginAnswer(): void {
		this.#bytes = 0;
	}

	#lengthAt(bytes: Buffer, at: number): number {
		const length = bodyLength(bytes, at);
		if (length > MAX_MESSAGE_BYTES) throw protocolViolation(`a message of ${length} bytes`);
		return length;
	}
}
