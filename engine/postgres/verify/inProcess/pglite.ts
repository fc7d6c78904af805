/**
 * How bytes move through: what is sent goes through a pipe to the process that runs PGlite; its answer comes back through
 * another one in frames (a letter, the length, the bytes) and is handed on as it comes. While whoever takes it has enough,
 * nothing is read, and that process waits.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { extname, join } from 'node:path';
import type { Duplex } from 'node:stream';

import { BackupError, cancelled, throwIfCancelled } from '../../../errors';
import { encodeQuery } from '../../protocol';
import { AnswerFrames } from './answerFrames';
import type { ExtensionModule } from './extensions';
import { availableMemory } from './memory';
import { checkMemory, RESERVE } from './memoryNeeded';

/** Bytes of an answer that may be on their way to whoever takes it. */
const UNTAKEN_LIMIT = 4 * 1024 * 1024;

/** Bytes sent after which the server's log, which is in memory as well, is shortened: no other process does it. */
const CHECKPOINT_BYTES = 64 * 1024 * 1024;
const CHECKPOINT = encodeQuery(Buffer.from('CHECKPOINT'));

/**
 * Nothing of this process's: there may be secrets. Files in memory grow by being copied: glibc is to give their memory back
 * and not to keep it for later, which takes 100 MB less.
 */
const ENVIRONMENT = { MALLOC_MMAP_THRESHOLD_: '131072', MALLOC_ARENA_MAX: '1' };

/** Milliseconds between two looks at how much memory is left. */
const LOOK = 200;

/**
 * Milliseconds without a sign of an answer after which the server is given up: building one index over all that fits here
 * takes a small part of it, and what a dump brings may never end.
 */
const IDLE_TIMEOUT = 15 * 60 * 1000;

/** Of the PostgreSQL that PGlite is made of. */
export const MAJOR_VERSION = 18;

/** Takes a piece of an answer, and calls `taken` once it has room for more. */
export type TakePiece = (bytes: Buffer, taken: () => void) => void;

interface Exchange {
	take: TakePiece;
	resolve: () => void;
	reject: (error: Error) => void;
}

export interface InProcessOptions {
	extensions: ExtensionModule[];
	/** Bytes of what will be restored. */
	rawBytes: number;
	signal?: AbortSignal;
	/** Bytes of memory that may still be taken; undefined where nobody knows. */
	available?: (() => number | undefined) | undefined;
	/** Milliseconds to wait for any sign of an answer; a quarter of an hour by default. */
	idleTimeout?: number | undefined;
}

/** @throws Error where the system gives no more processes, files or memory: only a process that runs has its pipes */
async function startChild(extensions: ExtensionModule[]): Promise<ChildProcess> {
	const script = join(__dirname, `child${extname(__filename)}`);
	const child = spawn(process.execPath, [script, JSON.stringify(extensions)], {
		env: ENVIRONMENT,
		// What PGlite writes there is for developers, and may quote statements.
		stdio: ['pipe', 'ignore', 'ignore', 'pipe'],
	});
	await once(child, 'spawn');
	return child;
}

/**
 * A PostgreSQL server in memory: PGlite in a process that ends with it. It has one session, and so one exchange at a time;
 * others wait for their turn. Where memory is about to run out, the server ends, before the system ends something else.
 */
export class InProcessServer {
	readonly #child: ChildProcess;
	readonly #answers: Duplex;
	readonly #closed: Promise<void>;
	readonly #ready: Promise<void>;
	readonly #watch: NodeJS.Timeout;
	#exchange: Exchange | undefined;
	#turn: Promise<unknown> = Promise.resolve();
	#failure: Error | undefined;
	#untaken = 0;
	#sinceCheckpoint = 0;
	/** Something was sent to it; before that it is starting, which is our own doing. */
	#asked = false;
	/** Milliseconds without a sign of the answer that is awaited. Looks are counted: while a machine sleeps, nobody waits. */
	#silence = 0;

	private constructor(
		child: ChildProcess,
		available: () => number | undefined,
		readonly idleTimeout: number,
	) {
		this.#child = child;
		this.#closed = new Promise((resolve) => child.once('close', () => resolve()));
		this.#ready = new Promise((resolve, reject) => {
			this.#exchange = { take: () => {}, resolve, reject };
		});
		child.on('error', (error) => this.#fail(error));
		child.on('close', (code, signal) => this.#fail(new Error(`it has ended (${signal ?? `code ${code}`})`)));
		// That it has ended is told by `close`.
		child.stdin?.on('error', () => {});
		this.#answers = child.stdio[3] as Duplex;
		const frames = new AnswerFrames({
			data: (bytes) => this.#onData(bytes),
			done: () => this.#end()?.resolve(),
			failed: (message) => this.#fail(new Error(message)),
		});
		this.#answers.on('error', () => {}).on('data', (chunk: Buffer) => frames.push(chunk));
		this.#watch = setInterval(() => this.#look(available()), LOOK).unref();
	}

	/**
	 * Starts a server with nothing in it but the extensions, ready to be created. A few seconds.
	 * @throws BackupError TARGET_FAILED where it cannot run here, or memory is too little; CANCELLED
	 */
	static async start(options: InProcessOptions): Promise<InProcessServer> {
		const { extensions, rawBytes, signal, available = () => availableMemory(), idleTimeout = IDLE_TIMEOUT } = options;
		throwIfCancelled(signal);
		checkMemory(rawBytes, available());
		let server: InProcessServer | undefined;
		const stop = () => void server?.stop();
		signal?.addEventListener('abort', stop, { once: true });
		try {
			server = new InProcessServer(await startChild(extensions), available, idleTimeout);
			throwIfCancelled(signal);
			await server.#ready;
			return server;
		} catch (error) {
			await server?.stop();
			if (signal?.aborted) throw cancelled();
			throw new BackupError('TARGET_FAILED', 'PostgreSQL could not be started in memory.', {
				hint: 'Give a scratch database on a server instead.',
				cause: error,
			});
		} finally {
			signal?.removeEventListener('abort', stop);
		}
	}

	/** Why it cannot be used any more; undefined while it can. */
	get failure(): Error | undefined {
		return this.#failure;
	}

	/** Of the process. */
	get processId(): number | undefined {
		return this.#child.pid;
	}

	/**
	 * Sends messages that the server answers in one go, and resolves once it has. `take` gets the answer as it comes.
	 * @throws Error where the server has ended
	 */
	async exchange(messages: Uint8Array, take: TakePiece): Promise<void> {
		const before = this.#turn;
		const run = async () => {
			await before;
			await this.#send(messages, take);
			this.#sinceCheckpoint += messages.length;
			if (this.#sinceCheckpoint < CHECKPOINT_BYTES) return;
			this.#sinceCheckpoint = 0;
			await this.#send(CHECKPOINT, (_, taken) => taken());
		};
		const answered = run();
		this.#turn = answered.catch(() => {});
		await answered;
	}

	#send(messages: Uint8Array, take: TakePiece): Promise<void> {
		if (this.#failure) return Promise.reject(this.#failure);
		return new Promise((resolve, reject) => {
			this.#exchange = { take, resolve, reject };
			this.#asked = true;
			this.#silence = 0;
			const length = Buffer.alloc(4);
			length.writeUInt32LE(messages.length);
			this.#child.stdin?.write(length);
			this.#child.stdin?.write(messages);
		});
	}

	/** Ends the process at once, whatever it is at. */
	async stop(): Promise<void> {
		this.#fail(new Error('it was stopped'));
		await this.#closed;
	}

	#onData(bytes: Buffer): void {
		this.#silence = 0;
		this.#untaken += bytes.length;
		if (this.#untaken > UNTAKEN_LIMIT) this.#answers.pause();
		this.#exchange?.take(bytes, () => {
			this.#untaken -= bytes.length;
			if (this.#untaken <= UNTAKEN_LIMIT) this.#answers.resume();
		});
	}

	#look(available: number | undefined): void {
		if (available !== undefined && available < RESERVE) return this.#fail(new Error('memory was about to run out'));
		// While whoever takes the answer has enough, the server has to wait, and not we.
		if (!this.#asked || !this.#exchange || this.#untaken > UNTAKEN_LIMIT) return;
		this.#silence += LOOK;
		if (this.#silence <= this.idleTimeout) return;
		this.#fail(new Error(`it gave no answer for ${Math.round(this.idleTimeout / 1000)} seconds`), 'ETIMEDOUT');
	}

	#end(): Exchange | undefined {
		const exchange = this.#exchange;
		this.#exchange = undefined;
		return exchange;
	}

	#fail(error: Error, code = 'ECONNRESET'): void {
		this.#failure ??= Object.assign(new Error(`PostgreSQL in memory failed: ${error.message}`), {
			code,
		});
		clearInterval(this.#watch);
		this.#child.kill('SIGKILL');
		// What was not read keeps the pipe open.
		this.#answers.resume();
		this.#end()?.reject(this.#failure);
	}
}
